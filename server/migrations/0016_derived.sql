-- The version of the purchase that the columns beside its body, and its books, were derived from. A server of an earlier
-- release leaves it behind; the sweep of this one catches up. What there is, the server fills in.
ALTER TABLE purchases ADD COLUMN derived_version BIGINT;
