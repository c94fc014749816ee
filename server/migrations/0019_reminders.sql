-- Letters about a purchase that an address has already; the others are about a code. Servers of the release before drop these.
ALTER TABLE mails ADD COLUMN purchase_id TEXT;
CREATE INDEX mails_by_email ON mails (email);
