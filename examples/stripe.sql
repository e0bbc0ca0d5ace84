-- The tables that examples/stripe.toml writes to. Amounts are in the smallest unit of the currency,
-- as Stripe sends them.
CREATE TABLE IF NOT EXISTS event_counts (
  type text PRIMARY KEY,
  events bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS customers (
  id text PRIMARY KEY,
  email text,
  name text,
  data jsonb NOT NULL,
  changed_at timestamptz NOT NULL
);

-- amount and paid_at are null where a refund has come before its payment.
CREATE TABLE IF NOT EXISTS payments (
  id text PRIMARY KEY,
  customer_id text,
  amount bigint,
  currency text NOT NULL,
  refunded bigint NOT NULL DEFAULT 0,
  paid_at timestamptz
);

CREATE TABLE IF NOT EXISTS revenue (
  day date NOT NULL,
  currency text NOT NULL,
  payments bigint NOT NULL,
  amount bigint NOT NULL,
  PRIMARY KEY (day, currency)
);
