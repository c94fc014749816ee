-- Who signed the learner in, and what they call them there.
ALTER TABLE purchases ADD COLUMN external_id TEXT;
CREATE INDEX purchases_by_external_id ON purchases (external_id) WHERE external_id IS NOT NULL;

-- What belongs to no purchase of ours was kept as it came, and may name people.
UPDATE stripe_events SET body = '' WHERE purchase_id IS NULL AND outcome <> 'failed';
