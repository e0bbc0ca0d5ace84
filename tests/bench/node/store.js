'use strict';
// Direct writes as an application has them: a pool of the usual size, one INSERT a request, and a
// repeat changes nothing.
const { Pool } = require('pg');

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
pool.on('error', () => {});

exports.prepare = () =>
  pool.query(`CREATE TABLE IF NOT EXISTS events (
    id text PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now(), data jsonb NOT NULL)`);
exports.store = (event) =>
  pool.query('INSERT INTO events (id, data) VALUES ($1, $2) ON CONFLICT DO NOTHING',
             [event.id, event]);
exports.announce = (server) =>
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
