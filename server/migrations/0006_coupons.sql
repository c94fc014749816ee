-- Codes that lower a price. `terms` is what never changes of one, as JSON.
CREATE TABLE coupons (
    code        TEXT PRIMARY KEY,
    used        BIGINT NOT NULL,
    most        BIGINT,           -- nothing where there is no limit
    valid_until BIGINT,
    email       TEXT,             -- the only learner it is for, in lower case
    pack        TEXT,
    brings_seat BIGINT NOT NULL,  -- 1 where a seat is kept for it, which counts as taken
    revoked_at  BIGINT,
    created_at  BIGINT NOT NULL,
    terms       TEXT NOT NULL
);
CREATE INDEX coupons_by_pack ON coupons (pack) WHERE pack IS NOT NULL;

-- Uses that count: of purchases that are in effect, or may still be.
CREATE TABLE redemptions (
    purchase_id TEXT NOT NULL,
    code        TEXT NOT NULL,
    email       TEXT,             -- of who pays, in lower case, once that is known
    at          BIGINT NOT NULL,
    PRIMARY KEY (purchase_id, code)
);
CREATE INDEX redemptions_by_code ON redemptions (code);

-- Codes for companies: `coupons.pack` is the id, and `key` opens the company's page.
CREATE TABLE packs (
    id             TEXT PRIMARY KEY,
    key            TEXT NOT NULL UNIQUE,
    sku            TEXT NOT NULL,
    company        TEXT NOT NULL,
    purchase_order TEXT NOT NULL,
    purchase_id    TEXT UNIQUE,   -- that paid for it, where one did
    created_at     BIGINT NOT NULL
);
