-- The table of your own that examples/neon.toml writes to; likely you have one like it already.
-- The tables of WhatsApp and Twilio (holdfast.users, messages, message_statuses) and the ledger
-- holdfast.inbox are made by Holdfast at its first contact.
CREATE TABLE IF NOT EXISTS activities (
  id text PRIMARY KEY,
  user_id text NOT NULL,
  kind text NOT NULL,
  data jsonb NOT NULL,
  received_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS activities_of_user ON activities (user_id, received_at);
