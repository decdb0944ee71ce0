-- What the gateway enforces: servers, their tools, policies, grants.

-- One upstream MCP server of an organisation.
create table servers (
    organisation_id   uuid not null references organisations on delete cascade,
    id                uuid not null,
    slug              text not null,
    name              text not null check (length(name) between 1 and 100),
    url               text not null,
    transport         text not null check (transport in ('auto', 'streamable_http', 'sse')),
    -- Names of the static headers, shown; their values are sealed beside them, never shown.
    auth_header_names text[] not null default '{}',
    auth_sealed       bytea,
    status            text not null default 'new'
                      check (status in ('new', 'ready', 'unreachable', 'unauthorized')),
    problem           text,
    -- Protocol revisions that discovery saw it speak, newest first.
    protocol_versions text[] not null default '{}',
    server_name       text,
    server_version    text,
    instructions      text,
    discovered_at     timestamptz,
    paused_at         timestamptz,
    created_at        timestamptz not null default now(),
    primary key (organisation_id, id),
    constraint servers_slug_key unique (organisation_id, slug)
);

-- The pinned definitions of a server's tools. A definition that changed upstream waits in
-- `seen_definition` until it is reviewed; the pinned one stays what policy judges by.
create table tools (
    organisation_id  uuid not null,
    server_id        uuid not null,
    name             text not null,
    position         int not null,
    title            text,
    description      text not null default '',
    definition       text not null,
    input_schema     text,
    annotations      text,
    fingerprint      bytea not null,
    seen_definition  text,
    seen_fingerprint bytea,
    state            text not null check (state in ('current', 'changed', 'new', 'removed')),
    category         text not null,
    level            text not null,
    assessment       jsonb not null,
    first_seen_at    timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    primary key (organisation_id, server_id, name),
    foreign key (organisation_id, server_id) references servers (organisation_id, id) on delete cascade
);

-- A policy by name; the document of a version never changes.
create table policies (
    organisation_id uuid not null references organisations on delete cascade,
    id              uuid not null,
    name            text not null check (length(name) between 1 and 100),
    -- The server whose tools it was written for, as a help to editors; it may be bound to others.
    server_id       uuid,
    version         int not null check (version > 0),
    created_at      timestamptz not null default now(),
    primary key (organisation_id, id),
    constraint policies_name_key unique (organisation_id, name),
    foreign key (organisation_id, server_id) references servers (organisation_id, id)
        on delete set null (server_id)
);

create table policy_versions (
    organisation_id uuid not null,
    policy_id       uuid not null,
    version         int not null check (version > 0),
    document        text not null check (length(document) <= 524288),
    comment         text not null default '' check (length(comment) <= 500),
    author          text not null,
    created_at      timestamptz not null default now(),
    primary key (organisation_id, policy_id, version),
    foreign key (organisation_id, policy_id) references policies (organisation_id, id) on delete cascade
);
comment on table policy_versions is 'Immutable: every save is a new row.';

-- What an agent holds.
create table grants (
    organisation_id uuid not null references organisations on delete cascade,
    id              uuid not null,
    label           text not null check (length(label) between 1 and 100),
    created_by      text not null,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    primary key (organisation_id, id)
);
-- A label is free again once its grant is revoked.
create unique index grants_label_key on grants (organisation_id, label) where revoked_at is null;

-- The tokens of a grant: one, or for the overlap of a rotation two.
create table grant_tokens (
    organisation_id uuid not null,
    grant_id        uuid not null,
    digest          bytea not null unique,
    hint            text not null,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz,
    primary key (organisation_id, grant_id, digest),
    foreign key (organisation_id, grant_id) references grants (organisation_id, id) on delete cascade
);

-- Grant × server → policy. Without a policy everything is denied.
create table bindings (
    organisation_id uuid not null,
    grant_id        uuid not null,
    server_id       uuid not null,
    policy_id       uuid,
    primary key (organisation_id, grant_id, server_id),
    foreign key (organisation_id, grant_id) references grants (organisation_id, id) on delete cascade,
    foreign key (organisation_id, server_id) references servers (organisation_id, id) on delete cascade,
    constraint bindings_policy_fkey
        foreign key (organisation_id, policy_id) references policies (organisation_id, id)
);
create index bindings_by_server on bindings (organisation_id, server_id);
create index bindings_by_policy on bindings (organisation_id, policy_id);

-- The audit of calls. Ids are UUIDv7: they sort by time. A row is written once, by its id.
create table calls (
    organisation_id uuid not null references organisations on delete cascade,
    id              uuid not null,
    at              timestamptz not null,
    server_id       uuid,
    grant_id        uuid not null,
    grant_label     text not null,
    method          text not null,
    target          text,
    outcome         text not null,
    rule            text not null,
    message         text not null,
    policy_id       uuid,
    policy_version  int,
    http            smallint not null,
    jsonrpc         bigint,
    is_error        boolean,
    us_auth         int not null,
    us_policy       int not null,
    us_limits       int not null,
    us_approval     int not null,
    us_upstream     int not null,
    us_total        int not null,
    request_bytes   bigint not null,
    response_bytes  bigint not null,
    client          text,
    session         text,
    request_id      text not null,
    argument_keys   text[] not null,
    primary key (organisation_id, id)
);
create index calls_by_grant on calls (organisation_id, grant_id, id desc);
create index calls_by_time on calls (organisation_id, at);
