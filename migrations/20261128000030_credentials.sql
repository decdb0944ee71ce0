-- Where an API key may be used from, and what was already done under an idempotency key.

-- Networks (CIDR); none: from anywhere.
alter table api_keys add column allowed_addresses text[] not null default '{}';

-- One row for each `Idempotency-Key` of the last day: who sent it, with which request, and what
-- was answered. The answer is sealed: it may hold a token that is shown once.
create table idempotency_keys (
    organisation_id uuid not null references organisations on delete cascade,
    -- The attempt that holds the key; another one takes over what was left behind.
    id              uuid not null,
    credential      text not null,
    key             text not null check (length(key) between 1 and 255),
    -- SHA-256 of method, path and body.
    request         bytea not null,
    -- Set in the transaction of the change itself: whether anything was done.
    committed       boolean not null default false,
    answer          bytea,
    created_at      timestamptz not null,
    primary key (organisation_id, id),
    constraint idempotency_keys_key unique (organisation_id, credential, key)
);
create index idempotency_keys_by_time on idempotency_keys (created_at);

alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy system on idempotency_keys to current_user using (true) with check (true);
create policy tenant on idempotency_keys to tenant_tx
    using (organisation_id = current_setting('app.organisation_id')::uuid)
    with check (organisation_id = current_setting('app.organisation_id')::uuid);
grant select, insert, update, delete on idempotency_keys to tenant_tx;
