-- Logging in by OAuth: clients that registered themselves, what people allowed them, and tokens.

-- A client that registered itself (RFC 7591). Nobody's: people of any organisation may meet it.
-- What it says of itself is never taken for true.
create table oauth_clients (
    id            uuid primary key,
    name          text not null check (length(name) <= 100),
    redirect_uris text[] not null check (cardinality(redirect_uris) between 1 and 20),
    created_at    timestamptz not null default now(),
    -- When somebody last allowed it anything.
    used_at       timestamptz
);

-- What one person allowed one client: to call with a grant, at one address of the gateway. It begins
-- with a code; once that is redeemed it has tokens, and lasts while they are refreshed.
create table connections (
    organisation_id uuid not null,
    id              uuid not null,
    grant_id        uuid not null,
    -- The server whose address it is for; without one, the address of all servers.
    server_id       uuid,
    -- Who allowed it. It ends with their membership.
    user_id         uuid not null,
    -- `cli_…`, or the URL of the client's own description.
    client_id       text not null check (length(client_id) <= 2000),
    client_name     text not null check (length(client_name) <= 100),
    resource        text not null,
    redirect_uri    text not null,
    challenge       text not null,
    code_digest     bytea not null unique,
    code_expires_at timestamptz not null,
    redeemed_at     timestamptz,
    refreshed_at    timestamptz,
    expires_at      timestamptz not null,
    created_at      timestamptz not null default now(),
    primary key (organisation_id, id),
    foreign key (organisation_id, grant_id) references grants (organisation_id, id) on delete cascade,
    foreign key (organisation_id, server_id) references servers (organisation_id, id) on delete cascade,
    foreign key (organisation_id, user_id) references memberships (organisation_id, user_id)
        on delete cascade
);
create index connections_by_grant on connections (organisation_id, grant_id);
create index connections_by_client on connections (client_id);
create index connections_by_user on connections (organisation_id, user_id);
create index connections_by_server on connections (organisation_id, server_id);

-- What a connected client shows to the gateway, for an hour at most.
create table access_tokens (
    organisation_id uuid not null,
    connection_id   uuid not null,
    digest          bytea not null unique,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    primary key (organisation_id, connection_id, digest),
    foreign key (organisation_id, connection_id) references connections (organisation_id, id)
        on delete cascade
);

-- What it is refreshed with. A used one is kept: showing it again ends the connection.
create table connection_refresh_tokens (
    organisation_id uuid not null,
    connection_id   uuid not null,
    digest          bytea not null unique,
    used_at         timestamptz,
    expires_at      timestamptz not null,
    primary key (organisation_id, connection_id, digest),
    foreign key (organisation_id, connection_id) references connections (organisation_id, id)
        on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array['connections', 'access_tokens', 'connection_refresh_tokens'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy system on %I to current_user using (true) with check (true)', name);
        execute format(
            'create policy tenant on %I to tenant_tx
                 using (organisation_id = current_setting(''app.organisation_id'')::uuid)
                 with check (organisation_id = current_setting(''app.organisation_id'')::uuid)', name);
        execute format('grant select, insert, update, delete on %I to tenant_tx', name);
    end loop;
end
$$;

-- The gateway must see a new access token, and that a connection is gone. Access tokens are removed with
-- their connection, when newer ones are made, or once they have expired: none of these needs another
-- notice, and a tidying must not have every organisation read anew.
create trigger announce_insert after insert on access_tokens
    referencing new table as changed for each statement execute function announce();
create trigger announce_delete after delete on connections
    referencing old table as changed for each statement execute function announce();
