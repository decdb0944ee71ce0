-- Clients that people connected by OAuth stand in the audit log too. Their tokens come and go by
-- the hour, and do not.
create trigger note_change after insert or delete on connections
    for each row execute function note_change('id', 'con_', 'code_digest', 'challenge');
