/** One request of the demo and what came back. */
export interface SentRequest {
  readonly what: string;
  readonly status: number;
  /** `x-correlation-id` of the answer. */
  readonly id: string | undefined;
  /** Whether it went through all three services. */
  readonly whole: boolean;
}

const REQUEST_MILLIS = 10_000;

interface Plan {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly whole: boolean;
}

const checkout = (sku: string, quantity: number): Plan => ({
  method: 'POST',
  path: '/checkout',
  body: { sku, quantity },
  whole: true,
});
const look = (sku: string): Plan => ({ method: 'GET', path: `/products/${sku}`, whole: false });

/** What customers do, over and over: mostly fine, a declined card, a bank that is down, a product that is not there. */
const PLANS: readonly Plan[] = [
  look('lamp'),
  checkout('lamp', 1),
  look('chair'),
  checkout('chair', 2),
  checkout('lamp', 3),
  look('sofa'),
  checkout('sofa', 1),
  checkout('poster', 1),
  look('unicorn'),
  checkout('chair', 1),
  checkout('lamp', 2),
  { method: 'POST', path: '/checkout', body: { sku: 'lamp', quantity: 0 }, whole: false },
];

/** Sends the n-th request to the storefront, over real HTTP. */
export async function sendRequest(storefront: string, number: number): Promise<SentRequest> {
  const plan = PLANS[number % PLANS.length]!;
  const response = await fetch(storefront + plan.path, {
    method: plan.method,
    signal: AbortSignal.timeout(REQUEST_MILLIS),
    ...(plan.body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(plan.body),
    }),
  });
  await response.arrayBuffer();
  return {
    what: `${plan.method} ${plan.path}`,
    status: response.status,
    id: response.headers.get('x-correlation-id') ?? undefined,
    whole: plan.whole,
  };
}
