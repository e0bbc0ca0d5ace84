-- The outbox file, version 4: keys are indexed in batches.

-- Where the rows of a key are, by entry.key_hash. Hashes are spread over all of it, so a row that is
-- put in by itself dirties a page of its own; they go in sorted, many to a page, some time after
-- their entries. Only helps to find: whoever finds a row by it looks at the row.
DROP INDEX entry_key;
CREATE TABLE key_index (
  hash INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (hash, seq)
) STRICT, WITHOUT ROWID;

-- One row. Entries up to this seq are in key_index; later ones may be or not, and a start reads
-- their hashes from their rows.
CREATE TABLE key_progress (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  indexed_seq INTEGER NOT NULL
) STRICT;
INSERT INTO key_progress VALUES (1, 0);
