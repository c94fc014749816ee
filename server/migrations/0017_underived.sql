-- By itself: the lock that a new column takes is not held while this is built.
CREATE INDEX purchases_underived ON purchases (id) WHERE derived_version IS NULL OR derived_version <> version;
