-- The outbox file, version 5: keys are indexed in runs, which are merged and never changed.

-- The index is made anew from the entries by the next start.
DROP TABLE key_index;
UPDATE key_progress SET indexed_seq = 0;

-- What is known of a run: it holds (hash, seq) of the entries with a key from first_seq to last_seq
-- but for those that were gone when it was written. Runs of one level are about of one size; four
-- of them become one of the next. gone: so many of its keys have lost their entry since.
CREATE TABLE key_run (
  id INTEGER PRIMARY KEY,
  level INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  block_bits INTEGER NOT NULL,
  keys INTEGER NOT NULL,
  gone INTEGER NOT NULL
) STRICT;

-- A run has 2^block_bits blocks; the first bits of a hash say in which it is, in the order of the
-- hashes: negative ones come first. id: that of the run times 2^32, plus the number of the block.
-- keys: hash and seq of each in turn, in no order, as 64 bits with the lowest byte first. A block
-- fits a page, nearly always. Blocks whose run is not in key_run count for nothing.
CREATE TABLE key_block (
  id INTEGER PRIMARY KEY,
  keys BLOB NOT NULL
) STRICT;
