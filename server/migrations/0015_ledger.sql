-- Every movement of money, in double entry: rows are added and never changed. `source` names what moved it, so that the
-- same movement told twice is one row.
CREATE TABLE ledger (
    source      TEXT PRIMARY KEY,
    at          BIGINT NOT NULL,
    purchase_id TEXT NOT NULL REFERENCES purchases (id),
    intent      TEXT,
    kind        TEXT NOT NULL,
    debit       TEXT NOT NULL,
    credit      TEXT NOT NULL,
    amount      BIGINT NOT NULL CHECK (amount > 0), -- minor units
    currency    TEXT NOT NULL
);
CREATE INDEX ledger_by_purchase ON ledger (purchase_id, at);
CREATE INDEX ledger_by_time ON ledger (at);
CREATE INDEX ledger_by_intent ON ledger (intent) WHERE intent IS NOT NULL;
