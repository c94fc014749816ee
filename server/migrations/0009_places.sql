-- How many places a purchase is for, so that nobody holds several teams' worth.
ALTER TABLE purchases ADD COLUMN places BIGINT NOT NULL DEFAULT 1;
