-- Row security on every tenant's table, and the notice of every change that the gateway must see.

do $$
declare
    name text;
begin
    foreach name in array array[
        'memberships', 'api_keys', 'audit_events', 'servers', 'tools', 'policies', 'policy_versions',
        'grants', 'grant_tokens', 'bindings', 'calls'
    ] loop
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

-- What is written once is never rewritten by a tenant's transaction.
revoke update, delete on audit_events, calls, policy_versions from tenant_tx;
revoke insert on calls from tenant_tx;

alter table organisations enable row level security;
alter table organisations force row level security;
create policy system on organisations to current_user using (true) with check (true);
create policy tenant on organisations to tenant_tx
    using (id = current_setting('app.organisation_id')::uuid)
    with check (id = current_setting('app.organisation_id')::uuid);
grant select on organisations to tenant_tx;
grant update (name, settings, slug, paused_at) on organisations to tenant_tx;

-- Names and addresses of colleagues are read through memberships, never the table of all people.
create view members with (security_barrier) as
    select m.organisation_id, m.user_id, m.role, m.created_at, u.email, u.name
    from memberships m
    join users u on u.id = m.user_id
    where m.organisation_id = nullif(current_setting('app.organisation_id', true), '')::uuid;
grant select on members to tenant_tx;

-- Moves the revision of the organisations whose rows a statement changed, and tells the replicas.
create function announce() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    tenant uuid;
begin
    for tenant in select distinct organisation_id from changed loop
        update organisations set revision = nextval('revisions'), revised_at = clock_timestamp()
        where id = tenant;
        perform pg_notify('organisation_changed', tenant::text);
    end loop;
    return null;
end
$$;

do $$
declare
    name text;
begin
    foreach name in array array[
        'servers', 'tools', 'policies', 'policy_versions', 'grants', 'grant_tokens', 'bindings'
    ] loop
        execute format('create trigger announce_insert after insert on %I
            referencing new table as changed for each statement execute function announce()', name);
        execute format('create trigger announce_update after update on %I
            referencing new table as changed for each statement execute function announce()', name);
        execute format('create trigger announce_delete after delete on %I
            referencing old table as changed for each statement execute function announce()', name);
    end loop;
end
$$;

-- The organisation's own row: only what is enforced by it, so that the update above does not recur.
create function announce_self() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    new.revision := nextval('revisions');
    new.revised_at := clock_timestamp();
    perform pg_notify('organisation_changed', new.id::text);
    return new;
end
$$;
create trigger announce_self before update of slug, name, settings, paused_at on organisations
    for each row execute function announce_self();
