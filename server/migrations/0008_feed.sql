-- Tokens of other systems, as SHA-256 in hexadecimal.
CREATE TABLE service_tokens (
    hash       TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    scopes     TEXT NOT NULL,     -- separated by spaces
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- A purchase's place in the feed of changes; nothing since it has changed, until a reader numbers it. Numbers are given to
-- what is committed, one transaction at a time, so that no later commit comes to stand before what was read.
ALTER TABLE purchases ADD COLUMN feed_at BIGINT;
CREATE INDEX purchases_to_number ON purchases (updated_at, id) WHERE feed_at IS NULL;
CREATE UNIQUE INDEX purchases_in_feed ON purchases (feed_at) WHERE feed_at IS NOT NULL;
CREATE TABLE feed (
    one  BIGINT PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO feed (one, last) VALUES (1, 0);

CREATE INDEX purchases_by_learner ON purchases (lower(email)) WHERE email IS NOT NULL;
