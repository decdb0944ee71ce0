-- Tenants, people and their credentials.
--
-- Two roles meet every table. The role that migrates and serves sign-in, the gateway's snapshots and
-- the audit writer sees all rows (policy "system"). Everything that is done for one tenant runs as
-- `tenant_tx`, which sees only the rows of `app.organisation_id`; with that unset it errors: closed.

do $$
begin
    if not exists (select from pg_roles where rolname = 'tenant_tx') then
        create role tenant_tx nologin;
    end if;
exception when duplicate_object or unique_violation then
    null; -- another migration of the same cluster made it a moment ago
end
$$;

do $$
begin
    if not pg_has_role(current_user, 'tenant_tx', 'member') then
        execute format('grant tenant_tx to %I', current_user);
    end if;
end
$$;

grant usage on schema public to tenant_tx;

-- Order of changes over all organisations; a replica that missed a notice polls by it.
create sequence revisions;
grant usage on sequence revisions to tenant_tx;

-- The tenant. Its revision moves with every change that the gateway must see.
create table organisations (
    id         uuid primary key,
    slug       text not null,
    name       text not null check (length(name) between 1 and 100),
    settings   jsonb not null default '{}',
    revision   bigint not null default nextval('revisions'),
    revised_at timestamptz not null default now(),
    -- Since when every call is refused.
    paused_at  timestamptz,
    created_at timestamptz not null default now(),
    constraint organisations_slug_key unique (slug)
);
create index organisations_revised_at on organisations (revised_at);

-- A person; may belong to several organisations.
create table users (
    id            uuid primary key,
    email         text not null,
    email_folded  text not null,
    name          text not null check (length(name) <= 100),
    password_hash text not null,
    created_at    timestamptz not null default now(),
    constraint users_email_folded_key unique (email_folded)
);

-- Who belongs where, with which role.
create table memberships (
    organisation_id uuid not null references organisations on delete cascade,
    user_id         uuid not null references users on delete cascade,
    role            text not null check (role in ('viewer', 'policy_manager', 'admin')),
    created_at      timestamptz not null default now(),
    primary key (organisation_id, user_id)
);
create index memberships_by_user on memberships (user_id);

-- A signed-in browser (its cookie's digest here), or a family of refresh tokens (digests below).
-- Personal, not a tenant's: no tenant reads it.
create table sessions (
    id              uuid primary key,
    user_id         uuid not null references users on delete cascade,
    -- The organisation that a token family is for; browsers carry it in the path.
    organisation_id uuid references organisations on delete cascade,
    digest          bytea unique,
    user_agent      text not null default '',
    created_at      timestamptz not null default now(),
    seen_at         timestamptz not null default now(),
    expires_at      timestamptz not null
);
create index sessions_by_user on sessions (user_id);

-- Refresh tokens of a family. A used one is kept: presenting it again ends the family.
create table refresh_tokens (
    digest     bytea primary key,
    session_id uuid not null references sessions on delete cascade,
    used_at    timestamptz,
    expires_at timestamptz not null
);
create index refresh_tokens_by_session on refresh_tokens (session_id);

-- Credentials of the admin REST API.
create table api_keys (
    organisation_id uuid not null references organisations on delete cascade,
    id              uuid not null,
    name            text not null check (length(name) between 1 and 100),
    role            text not null check (role in ('viewer', 'policy_manager', 'admin')),
    digest          bytea not null unique,
    hint            text not null,
    created_by      text not null,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz,
    used_at         timestamptz,
    primary key (organisation_id, id)
);

-- What people and keys did here: one row a committed change.
create table audit_events (
    organisation_id uuid not null references organisations on delete cascade,
    id              uuid not null,
    at              timestamptz not null default now(),
    actor           text not null,
    kind            text not null,
    subject         text not null,
    detail          jsonb not null default '{}',
    primary key (organisation_id, id)
);
