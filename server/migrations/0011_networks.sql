-- The wider networks of whoever opened the purchase, by pseudonym: of IPv6 addresses the /56 and the /48.
ALTER TABLE purchases ADD COLUMN client_56 TEXT;
ALTER TABLE purchases ADD COLUMN client_48 TEXT;
CREATE INDEX purchases_by_client_56 ON purchases (client_56, state) WHERE client_56 IS NOT NULL;
CREATE INDEX purchases_by_client_48 ON purchases (client_48, state) WHERE client_48 IS NOT NULL;
