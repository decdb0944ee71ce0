-- The values of a call's arguments, sealed, for organisations that have them recorded.

-- Empty where they were too long to be kept; null where values are not recorded, or there are none.
alter table calls add column arguments_sealed bytea;
