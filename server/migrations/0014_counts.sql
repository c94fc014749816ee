-- What the funnel counts, so that it need not read purchases: the variant, where there is such a one, whether Pay was
-- pressed, and whether there was access. What earlier releases have stored, the server fills in.
ALTER TABLE purchases ADD COLUMN variant TEXT;
ALTER TABLE purchases ADD COLUMN pressed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE purchases ADD COLUMN was_granted BIGINT NOT NULL DEFAULT 0;
-- Nearly all commands are done, and nobody counts those.
CREATE INDEX outbox_open ON outbox (receiver, state) WHERE state <> 'done';
CREATE INDEX stripe_events_by_purchase ON stripe_events (purchase_id) WHERE purchase_id IS NOT NULL;
