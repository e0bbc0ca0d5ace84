-- The outbox file, version 2.

-- order_hash: the first 64 bits of SHA-256 over source and value of `order_by` at acceptance; NULL
-- where the whole source is one order group. Two values with one hash are merely kept in one order.
ALTER TABLE entry ADD COLUMN order_hash INTEGER;

-- What a repeat of a key is compared by where that is not the body (Stripe counts in it); NULL: the
-- body. It stays with the receipt, when the body is gone.
ALTER TABLE entry ADD COLUMN compare_sha256 BLOB;

-- With the hash in the index a relay passes over the groups of another without reading their rows.
DROP INDEX entry_pending;
CREATE INDEX entry_pending ON entry (source_id, seq, order_hash) WHERE state = 0;

-- Bytes of all pending bodies, so that nobody has to add them up.
ALTER TABLE meta ADD COLUMN pending_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET pending_bytes = (SELECT ifnull(sum(body_bytes), 0) FROM entry WHERE state = 0);
