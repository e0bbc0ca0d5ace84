'use strict';
const express = require('express');
const { prepare, store, announce } = require('./store');

const app = express();
app.use(express.json({ limit: '4mb' }));
app.post('*', async (request, response) => {
  try {
    await store(request.body);
    response.status(202).json({ id: request.body.id, duplicate: false });
  } catch (error) {
    response.status(500).json({ error: error.message });
  }
});
prepare().then(() => {
  const server = app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 },
                            () => announce(server));
  server.keepAliveTimeout = 60000;
});
