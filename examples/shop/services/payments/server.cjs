'use strict';

const http = require('node:http');
const { setTimeout: delay } = require('node:timers/promises');
const pino = require('pino');

const log = pino({ name: 'payments' });
const MAX_BODY_BYTES = 16_384;
/** From this amount on the bank wants another card. */
const CARD_LIMIT = 500;
const BANK_ATTEMPTS = 2;
let nextReceipt = 1;

class BankUnavailable extends Error {
  constructor() {
    super(`the bank gave 503 ${BANK_ATTEMPTS} times`);
    this.name = 'BankUnavailable';
  }
}

/** The bank of the demo: thirteen cents bring it down. */
async function charge(amount) {
  for (let attempt = 1; attempt <= BANK_ATTEMPTS; attempt += 1) {
    await delay(4 + (Math.round(amount) % 12));
    if (Math.round(amount * 100) % 100 !== 13) return `r-${nextReceipt++}`;
    if (attempt < BANK_ATTEMPTS) log.warn({ attempt, retryIn: 20 }, 'bank answered 503, next attempt in 20 ms');
    await delay(20);
  }
  throw new BankUnavailable();
}

async function readJson(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new RangeError('the body is too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function handle(request, response) {
  if (request.method !== 'POST' || request.url !== '/charges') return answer(response, 404, { error: 'not found' });
  let body;
  try {
    body = await readJson(request);
  } catch (error) {
    return answer(response, 400, { error: error.message });
  }
  const { amount } = body;
  if (!(amount > 0)) return answer(response, 400, { error: 'wanted an amount above 0' });
  log.info({ amount, currency: body.currency }, 'charging');
  if (amount >= CARD_LIMIT) {
    log.warn({ amount, limit: CARD_LIMIT }, 'card declined');
    return answer(response, 402, { error: 'card declined' });
  }
  try {
    return answer(response, 201, { receipt: await charge(amount) });
  } catch (error) {
    log.error({ err: error, amount }, 'charge failed');
    return answer(response, 503, { error: error.message });
  }
}

const server = http.createServer((request, response) => {
  handle(request, response).catch((error) => {
    log.error({ err: error }, 'request failed');
    if (!response.headersSent) answer(response, 500, { error: 'internal error' });
  });
});

server.listen(Number(process.env.PORT ?? 3003), '127.0.0.1', () => log.info({ port: server.address().port }, 'listening'));

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
