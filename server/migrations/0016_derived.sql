-- The version of the purchase that the columns beside its body, and its books, were derived from. A server of an earlier
-- release leaves it behind; the sweep of this one catches up.
ALTER TABLE purchases ADD COLUMN derived_version BIGINT;
UPDATE purchases SET derived_version = version;
CREATE INDEX purchases_to_derive ON purchases (opened_at) WHERE derived_version IS NULL OR derived_version <> version;
