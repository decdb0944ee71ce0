-- Example calls beside a policy, each with the decision that is expected of it.

create table policy_tests (
    organisation_id uuid not null,
    policy_id       uuid not null,
    -- Counted from 1 within the policy.
    number          int not null check (number > 0),
    name            text not null check (length(name) between 1 and 200),
    -- The test as it stands in a file, JSON.
    test            text not null check (length(test) <= 131072),
    author          text not null,
    created_at      timestamptz not null default now(),
    primary key (organisation_id, policy_id, number),
    constraint policy_tests_name_key unique (organisation_id, policy_id, name),
    foreign key (organisation_id, policy_id) references policies (organisation_id, id) on delete cascade
);

alter table policy_tests enable row level security;
alter table policy_tests force row level security;
create policy system on policy_tests to current_user using (true) with check (true);
create policy tenant on policy_tests to tenant_tx
    using (organisation_id = current_setting('app.organisation_id')::uuid)
    with check (organisation_id = current_setting('app.organisation_id')::uuid);
grant select, insert, delete on policy_tests to tenant_tx;
