-- Where an organisation is told of its changes, and what is still to be told.

create table webhooks (
    organisation_id uuid not null references organisations on delete cascade,
    id              uuid not null,
    url             text not null check (length(url) <= 2048),
    -- Kinds of events, groups of kinds (`grant`), or `*`.
    events          text[] not null check (cardinality(events) between 1 and 50),
    format          text not null check (format in ('json', 'slack')),
    -- What signs a delivery; after a rotation, for a while, the former secret signs it too.
    secret_sealed   bytea not null,
    secret_hint     text not null,
    former_sealed   bytea,
    former_until    timestamptz,
    paused_at       timestamptz,
    created_by      text not null,
    created_at      timestamptz not null default now(),
    primary key (organisation_id, id)
);

-- Written with the event itself: what is committed is told, what is not is not.
create table webhook_deliveries (
    organisation_id uuid not null,
    id              uuid not null,
    webhook_id      uuid not null,
    event           text not null,
    body            text not null,
    status          text not null default 'waiting' check (status in ('waiting', 'delivered', 'failed')),
    attempts        int not null default 0,
    -- When it is tried next; while it is tried, when it may be taken over.
    next_at         timestamptz not null,
    -- Of the last attempt: the answer's status, or why there was none.
    http            int,
    problem         text,
    created_at      timestamptz not null default now(),
    ended_at        timestamptz,
    primary key (organisation_id, id),
    foreign key (organisation_id, webhook_id) references webhooks (organisation_id, id) on delete cascade
);
create index webhook_deliveries_waiting on webhook_deliveries (next_at) where status = 'waiting';
create index webhook_deliveries_by_webhook on webhook_deliveries (organisation_id, webhook_id, id desc);

do $$
declare
    name text;
begin
    foreach name in array array['webhooks', 'webhook_deliveries'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy system on %I to current_user using (true) with check (true)', name);
        execute format(
            'create policy tenant on %I to tenant_tx
                 using (organisation_id = current_setting(''app.organisation_id'')::uuid)
                 with check (organisation_id = current_setting(''app.organisation_id'')::uuid)', name);
    end loop;
end
$$;
grant select, insert, update, delete on webhooks to tenant_tx;
grant select, insert on webhook_deliveries to tenant_tx;

create trigger note_change after insert or update or delete on webhooks
    for each row execute function note_change('id', 'whk_', 'secret_sealed', 'former_sealed');
