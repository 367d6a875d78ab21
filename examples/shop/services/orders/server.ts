import fastify from 'fastify';
import pino from 'pino';

interface OrderRequest {
  sku: string;
  amount: number;
}

interface Order extends OrderRequest {
  id: string;
  receipt: string;
}

/** Orders that are remembered; the oldest goes first. */
const MAX_ORDERS = 1000;

const paymentsUrl = process.env['PAYMENTS_URL'] ?? 'http://127.0.0.1:3003';
const log = pino({ name: 'orders' });
const app = fastify({ loggerInstance: log, disableRequestLogging: true });
const orders = new Map<string, Order>();
let nextOrder = 1;

const body = {
  type: 'object',
  required: ['sku', 'amount'],
  properties: { sku: { type: 'string', maxLength: 64 }, amount: { type: 'number', exclusiveMinimum: 0 } },
} as const;

app.post<{ Body: OrderRequest }>('/orders', { schema: { body } }, async (request, reply) => {
  const { sku, amount } = request.body;
  request.log.info({ sku, amount }, 'order received');
  const charge = await fetch(`${paymentsUrl}/charges`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ amount, currency: 'EUR' }),
    signal: AbortSignal.timeout(5000),
  });
  const answer = (await charge.json()) as { receipt?: string; error?: string };
  if (charge.status === 402) {
    request.log.warn({ sku, amount }, 'payment declined, nothing reserved');
    return reply.code(402).send({ error: answer.error });
  }
  if (!charge.ok) throw Object.assign(new Error(`payments answered ${charge.status}: ${answer.error}`), { statusCode: 502 });
  const order: Order = { id: `o-${nextOrder++}`, sku, amount, receipt: answer.receipt ?? '' };
  orders.set(order.id, order);
  if (orders.size > MAX_ORDERS) orders.delete(orders.keys().next().value!);
  request.log.info({ order: order.id }, 'order placed');
  return reply.code(201).send(order);
});

app.get<{ Params: { id: string } }>('/orders/:id', async (request, reply) => {
  const order = orders.get(request.params.id);
  return order ?? reply.code(404).send({ error: 'no such order' });
});

await app.listen({ port: Number(process.env['PORT'] ?? 3002), host: '127.0.0.1' });
log.info({ port: app.addresses()[0]?.port }, 'listening');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    app.close().then(() => process.exit(0));
  });
}
