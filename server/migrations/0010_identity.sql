-- What whoever signed the learner in calls them.
ALTER TABLE purchases ADD COLUMN external_id TEXT;
CREATE INDEX purchases_by_external_id ON purchases (external_id) WHERE external_id IS NOT NULL;
