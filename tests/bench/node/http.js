'use strict';
const http = require('http');
const { prepare, store, announce } = require('./store');

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    let status = 202;
    let answer = { duplicate: false };
    try {
      const event = JSON.parse(Buffer.concat(chunks).toString());
      await store(event);
      answer.id = event.id;
    } catch (error) {
      status = 500;
      answer = { error: error.message };
    }
    const body = JSON.stringify(answer);
    response.writeHead(status, { 'Content-Type': 'application/json',
                                 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.keepAliveTimeout = 60000;
prepare().then(() => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 },
                                   () => announce(server)));
