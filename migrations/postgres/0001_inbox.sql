-- Every accepted write, once: the ledger of exactly-once. Holdfast never deletes from it.
-- @schema@ is replaced by the quoted name of the configured schema.
CREATE TABLE IF NOT EXISTS @schema@.inbox (
  id uuid PRIMARY KEY,
  source text NOT NULL,
  dedupe_key text,
  node uuid NOT NULL,
  seq bigint NOT NULL,
  received_at timestamptz NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  method text NOT NULL,
  target text NOT NULL,
  remote_address text,
  content_type text,
  headers jsonb NOT NULL,
  body bytea NOT NULL,
  payload jsonb,
  flags text[] NOT NULL DEFAULT '{}',
  traceparent text,
  UNIQUE (source, dedupe_key)
);

CREATE TABLE IF NOT EXISTS @schema@.users (
  provider text,
  external_id text,
  phone_number text,
  display_name text,
  first_seen_at timestamptz,
  last_seen_at timestamptz,
  PRIMARY KEY (provider, external_id)
);

CREATE TABLE IF NOT EXISTS @schema@.messages (
  provider text,
  message_id text,
  user_external_id text,
  direction text,
  kind text,
  text_body text,
  media jsonb,
  context_message_id text,
  sent_at timestamptz,
  raw jsonb,
  entry_id uuid,
  PRIMARY KEY (provider, message_id)
);

CREATE TABLE IF NOT EXISTS @schema@.message_statuses (
  provider text,
  message_id text,
  recipient text,
  status text,
  at timestamptz,
  error jsonb,
  entry_id uuid,
  PRIMARY KEY (provider, message_id, recipient, status)
);
