-- Servers that work on this database, and what their clocks said last. PostgreSQL has a clock of its own.
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);
