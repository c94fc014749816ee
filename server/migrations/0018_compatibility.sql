-- The schema that a server must know at least to work on this database. A migration that takes something away from servers of
-- earlier releases raises it; while one only adds, they start again beside their successors.
CREATE TABLE compatibility (least_schema BIGINT NOT NULL);
INSERT INTO compatibility (least_schema) VALUES (18);
