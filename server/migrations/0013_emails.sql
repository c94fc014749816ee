-- The owner's email in the one spelling by which it is found. SQL can't spell every address so: the server fills it in.
ALTER TABLE purchases ADD COLUMN email_key TEXT;
CREATE INDEX purchases_by_email_key ON purchases (email_key) WHERE email_key IS NOT NULL;
