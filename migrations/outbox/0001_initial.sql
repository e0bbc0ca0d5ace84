-- The outbox file, version 1. Times are milliseconds since 1970 UTC. States: 0 pending,
-- 1 delivered, 2 dead, 3 discarded. Rows of `entry` are narrow, so that listing and settling never
-- read a payload; `payload` goes by retention while its `entry` row stays as the receipt.

-- One row, rewritten by every commit, so that a start never has to count or to search.
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  node BLOB NOT NULL,
  next_seq INTEGER NOT NULL,
  last_id BLOB NOT NULL,
  pending INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  dead INTEGER NOT NULL,
  discarded INTEGER NOT NULL
) STRICT;

CREATE TABLE source (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- key_hash: the first 64 bits of SHA-256 over source and key for the first copy of a key; over
-- source, key and body hash for a differing body kept as key_conflict. Thus both are found by one
-- probe, however many bodies come under one key; NULL without a key. Whoever finds a row by it
-- compares the rest.
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  source_id INTEGER NOT NULL,
  state INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  settled_at INTEGER,
  body_bytes INTEGER NOT NULL,
  payload_kept INTEGER NOT NULL,
  key_hash INTEGER,
  dedupe_key TEXT,
  body_sha256 BLOB NOT NULL,
  reason TEXT,
  sqlstate TEXT,
  constraint_name TEXT,
  error TEXT,
  duplicate_of BLOB,
  conflicts_with BLOB,
  replay_of BLOB
) STRICT;

-- Ids grow with seq, so this index only ever grows at its end.
CREATE UNIQUE INDEX entry_id ON entry (id);
CREATE INDEX entry_key ON entry (key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX entry_pending ON entry (source_id, seq) WHERE state = 0;
CREATE INDEX entry_aside ON entry (state, seq) WHERE state >= 2;
CREATE INDEX entry_settled ON entry (state, payload_kept, settled_at) WHERE settled_at IS NOT NULL;

-- headers: name and value of each in turn as netstrings (`4:Host,9:localhost,`), since values may
-- hold any byte. The body comes last, so that the rest is read without its pages.
CREATE TABLE payload (
  seq INTEGER PRIMARY KEY,
  method TEXT NOT NULL,
  target TEXT NOT NULL,
  remote_address TEXT NOT NULL,
  content_type TEXT NOT NULL,
  traceparent TEXT,
  headers BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE attempt (
  seq INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  sqlstate TEXT NOT NULL,
  class TEXT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (seq, number)
) STRICT, WITHOUT ROWID;
