import express from 'express';
import pino from 'pino';

const log = pino({ name: 'storefront' });
const ordersUrl = process.env.ORDERS_URL ?? 'http://127.0.0.1:3002';

/** Prices in euros. */
const products = new Map([
  ['lamp', { name: 'Desk lamp', price: 42.5 }],
  ['chair', { name: 'Chair', price: 129 }],
  ['sofa', { name: 'Sofa', price: 899 }],
  ['poster', { name: 'Poster', price: 9.13 }],
]);

class UpstreamError extends Error {
  constructor(message, status) {
    super(message);
    this.name = 'UpstreamError';
    this.status = status;
  }
}

const app = express();
app.disable('x-powered-by');
app.use(express.json({ limit: '16kb' }));

app.get('/products/:sku', (request, response) => {
  const product = products.get(request.params.sku);
  if (product === undefined) {
    log.warn({ sku: request.params.sku }, 'no such product');
    return response.status(404).json({ error: 'no such product' });
  }
  return response.json(product);
});

app.post('/checkout', async (request, response) => {
  const { sku, quantity = 1 } = request.body ?? {};
  const product = products.get(sku);
  if (product === undefined || !Number.isInteger(quantity) || quantity < 1 || quantity > 100) {
    return response.status(400).json({ error: 'wanted { sku, quantity } of a known product' });
  }
  log.info({ sku, quantity }, 'checkout');
  const order = await fetch(`${ordersUrl}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sku, amount: product.price * quantity }),
    signal: AbortSignal.timeout(5000),
  });
  const answer = await order.json();
  if (order.status >= 500) throw new UpstreamError(`orders answered ${order.status}: ${answer.message ?? answer.error}`, 502);
  if (!order.ok) log.warn({ sku, status: order.status }, 'checkout refused');
  return response.status(order.status).json(answer);
});

app.use((error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ error: error.message });
});

const server = app.listen(Number(process.env.PORT ?? 3001), '127.0.0.1', (error) => {
  if (error) throw error;
  log.info({ port: server.address().port }, 'listening');
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
