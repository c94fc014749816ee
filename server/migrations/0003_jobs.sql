-- When work that one instance does for all is due next.
CREATE TABLE jobs (
    name   TEXT PRIMARY KEY,
    due_at BIGINT NOT NULL
);
CREATE INDEX purchases_by_opening ON purchases (opened_at);
