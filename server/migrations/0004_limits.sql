-- When a command was first tried: from then on its time runs, not from when it was put here.
ALTER TABLE outbox ADD COLUMN tried_since BIGINT NOT NULL DEFAULT 0;
UPDATE outbox SET tried_since = created_at WHERE attempts > 0;
-- How far each limit is used up: until when earlier uses count. Subjects are pseudonyms.
CREATE TABLE rates (
    subject    TEXT PRIMARY KEY,
    used_until BIGINT NOT NULL
);
-- Who opened the purchase, by pseudonym.
ALTER TABLE purchases ADD COLUMN client TEXT;
CREATE INDEX purchases_by_client ON purchases (client, state) WHERE client IS NOT NULL;
