-- The outbox file, version 3: what operators do.

-- Pauses that an operator wanted; they outlive the process. source '' is the destination as a
-- whole: no source has that name.
CREATE TABLE operator_pause (
  source TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  who TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who changed what, and when; written in the transaction of the change itself. Oldest rows go when
-- there are too many. target: an id, a source, or the filters of a change of many entries.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
