-- Codes to be sent to those they are kept for, and what became of each letter.
CREATE TABLE mails (
    id              TEXT PRIMARY KEY,  -- also the letter's Message-ID
    code            TEXT NOT NULL,
    email           TEXT NOT NULL,     -- in lower case, as in coupons
    lang            TEXT NOT NULL,
    state           TEXT NOT NULL,     -- pending, sent, failed, or dropped where the code was given to another meanwhile
    attempts        BIGINT NOT NULL,
    tried_since     BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    leased_until    BIGINT NOT NULL,
    last_error      TEXT,
    created_at      BIGINT NOT NULL
);
CREATE INDEX mails_due ON mails (next_attempt_at) WHERE state = 'pending';
CREATE INDEX mails_by_code ON mails (code);
