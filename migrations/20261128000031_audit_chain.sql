-- The audit logs as chains: each row's digest covers the one before, so that a row that is changed,
-- left out or put in is noticed. What a change was before and after is noted by triggers, so that
-- no code path can forget it.

-- The last link of each chain. Its lock puts the rows of an organisation in one order.
create table audit_heads (
    organisation_id uuid not null references organisations on delete cascade,
    chain           text not null check (chain in ('calls', 'events')),
    seq             bigint not null default 0,
    digest          bytea not null default decode(repeat('00', 32), 'hex'),
    primary key (organisation_id, chain)
);

-- Signed heads: who kept one notices a chain that was made anew.
create table audit_checkpoints (
    organisation_id uuid not null references organisations on delete cascade,
    id              uuid not null,
    chain           text not null check (chain in ('calls', 'events')),
    seq             bigint not null,
    digest          bytea not null,
    at              timestamptz not null,
    kid             text not null,
    signature       bytea not null,
    primary key (organisation_id, id),
    constraint audit_checkpoints_seq_key unique (organisation_id, chain, seq)
);

do $$
declare
    name text;
begin
    foreach name in array array['audit_heads', 'audit_checkpoints'] loop
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
grant select, insert, update on audit_heads to tenant_tx;
grant select on audit_checkpoints to tenant_tx;

-- Rows of before have no place in the chain.
alter table audit_events
    add column seq        bigint,
    add column previous   bytea,
    add column digest     bytea,
    -- The row as its digest covers it: JSON, byte by byte.
    add column entry      text,
    add column credential text not null default '',
    add column address    text;
create unique index audit_events_by_seq on audit_events (organisation_id, seq);

alter table calls
    add column seq      bigint,
    add column previous bytea,
    add column digest   bytea;
create unique index calls_by_seq on calls (organisation_id, seq);

-- What is written once is never rewritten, by no role. Calls end with their retention; events only
-- with their organisation.
create function written_once() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and not exists (select from organisations where id = old.organisation_id) then
        return old;
    end if;
    raise exception '% is written once', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger written_once before update or delete on audit_events
    for each row execute function written_once();
create trigger written_once before update or delete on audit_checkpoints
    for each row execute function written_once();
create trigger written_once before update on calls
    for each row execute function written_once();

-- Adds what a row was and is to the changes of this transaction; the audit row takes them.
-- Arguments: the id's column and its prefix, then columns that are not shown. Of those only is said
-- that they are there, and whether they changed.
create function note_change() returns trigger language plpgsql as $$
declare
    was  jsonb := case when tg_op = 'INSERT' then null else to_jsonb(old) end;
    now_ jsonb := case when tg_op = 'DELETE' then null else to_jsonb(new) end;
    row_ jsonb := coalesce(now_, was);
    key  text;
begin
    for i in 2 .. tg_nargs - 1 loop
        key := tg_argv[i];
        if was ? key and now_ ? key and was->key is distinct from now_->key then
            was := was || jsonb_build_object(key, '(hidden)');
            now_ := now_ || jsonb_build_object(key, '(hidden, changed)');
        else
            if was->>key is not null then was := was || jsonb_build_object(key, '(hidden)'); end if;
            if now_->>key is not null then now_ := now_ || jsonb_build_object(key, '(hidden)'); end if;
        end if;
    end loop;
    was := was - '{organisation_id,revision,revised_at}'::text[];
    now_ := now_ - '{organisation_id,revision,revised_at}'::text[];
    if tg_op = 'UPDATE' then
        for key in select k from jsonb_object_keys(now_) as k loop
            if was->key is not distinct from now_->key then
                was := was - key;
                now_ := now_ - key;
            end if;
        end loop;
        if now_ = '{}'::jsonb then
            return null;
        end if;
    end if;
    perform set_config(
        'app.changes',
        coalesce(nullif(current_setting('app.changes', true), '') || ',', '') || jsonb_build_object(
            'what', tg_table_name,
            'id', tg_argv[1] || replace(row_->>tg_argv[0], '-', ''),
            'before', was,
            'after', now_)::text,
        true);
    return null;
end
$$;

create trigger note_change after insert or update or delete on servers
    for each row execute function note_change('id', 'srv_', 'auth_sealed');
create trigger note_change after insert or update or delete on policies
    for each row execute function note_change('id', 'pol_');
create trigger note_change after insert on policy_versions
    for each row execute function note_change('policy_id', 'pol_');
create trigger note_change after insert or delete on policy_tests
    for each row execute function note_change('policy_id', 'pol_');
create trigger note_change after insert or update or delete on grants
    for each row execute function note_change('id', 'grt_');
create trigger note_change after insert or update or delete on grant_tokens
    for each row execute function note_change('grant_id', 'grt_', 'digest');
create trigger note_change after insert or update or delete on bindings
    for each row execute function note_change('grant_id', 'grt_');
create trigger note_change after insert or delete on api_keys
    for each row execute function note_change('id', 'key_', 'digest');
create trigger note_change after update on organisations
    for each row execute function note_change('id', 'org_');
create trigger note_change after insert or update or delete on memberships
    for each row execute function note_change('user_id', 'usr_');
-- Of tools only what a person decides on: listings have thousands of rows.
create trigger note_change after update of state on tools
    for each row when (old.state in ('changed', 'new') and new.state is distinct from old.state)
    execute function note_change('server_id', 'srv_');
