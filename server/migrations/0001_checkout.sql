-- One schema for SQLite and PostgreSQL: TEXT ids, BIGINT milliseconds, no BOOLEAN.

-- `body` is the purchase as JSON; the columns beside it are what queries need of it.
CREATE TABLE purchases (
    id         TEXT PRIMARY KEY,
    reference  TEXT NOT NULL UNIQUE,
    sku        TEXT NOT NULL,
    state      TEXT NOT NULL,
    version    BIGINT NOT NULL,
    intent     TEXT UNIQUE,
    email      TEXT,
    wake_at    BIGINT,
    opened_at  BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       TEXT NOT NULL
);
CREATE INDEX purchases_by_wake ON purchases (wake_at) WHERE wake_at IS NOT NULL;

-- Seats of live offerings that purchases own; the capacity is the catalogue's.
CREATE TABLE seats (
    sku   TEXT PRIMARY KEY,
    taken BIGINT NOT NULL
);

-- Commands still to be carried out against other systems, and what became of them.
CREATE TABLE outbox (
    id              TEXT PRIMARY KEY,
    purchase_id     TEXT NOT NULL REFERENCES purchases (id),
    seq             BIGINT NOT NULL,
    receiver        TEXT NOT NULL,
    command         TEXT NOT NULL,
    state           TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    leased_until    BIGINT NOT NULL,
    lease           TEXT NOT NULL,
    last_error      TEXT,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT,
    UNIQUE (purchase_id, seq)
);
CREATE INDEX outbox_due ON outbox (receiver, next_attempt_at) WHERE state = 'pending';

-- Stripe's events as they came, each once.
CREATE TABLE stripe_events (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    object_id   TEXT,
    purchase_id TEXT,
    outcome     TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    body        TEXT NOT NULL
);

-- Answers to be replayed for the same Idempotency-Key.
CREATE TABLE idempotency_keys (
    scope      TEXT NOT NULL,
    key        TEXT NOT NULL,
    body_hash  TEXT NOT NULL,
    answer     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
