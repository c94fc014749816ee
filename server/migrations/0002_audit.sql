-- What operators did: who, when, what, to which purchase.
CREATE TABLE audit (
    id          TEXT PRIMARY KEY,
    at          BIGINT NOT NULL,
    who         TEXT NOT NULL,
    act         TEXT NOT NULL,
    purchase_id TEXT,
    detail      TEXT NOT NULL
);
CREATE INDEX audit_by_purchase ON audit (purchase_id);
