-- How often first screens were seen, by day in UTC. What learners did after that is told by their purchases.
CREATE TABLE views (
    day     BIGINT NOT NULL, -- since 1970
    sku     TEXT   NOT NULL,
    variant TEXT   NOT NULL,
    seen    BIGINT NOT NULL,
    PRIMARY KEY (day, sku, variant)
);
