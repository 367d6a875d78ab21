import type { CorrelationView } from '../../stack/correlate.ts';
import { DEFAULT_PORT } from '../../stack/stack.ts';
import type { Command, Invocation } from '../command.ts';
import { proveOne } from '../demo/proof.ts';
import { DemoServices } from '../demo/services.ts';
import { openShop, type ShopFiles } from '../demo/shop.ts';
import { type SentRequest, sendRequest } from '../demo/traffic.ts';
import { joinStack, type LocalStack, startOwnStack } from '../local-stack.ts';
import { untilEnded } from '../signals.ts';
import { stackUrl } from '../stack-client.ts';
import { renderTimeLine } from '../time-line.ts';

/** Requests of `--once`. */
const ONCE_REQUESTS = 60;
/** Sent at once. */
const ONCE_PARALLEL = 4;
/** Between two requests of the running demo. */
const PACE_MILLIS = 500;
/** The demo watches its own services closely. */
const SCRAPE_MILLIS = 1000;

export const demoCommand: Command = {
  name: 'demo',
  summary: 'three services started with the one line, real traffic through them, and the screens',
  usage: '',
  options: {
    once: { type: 'boolean', meaning: `send ${ONCE_REQUESTS} requests, show everything under the ID of one, and end` },
  },
  positionals: [0, 0],
  notes: ['The services are examples/shop: Express, Fastify and node:http. Ctrl-C ends everything.'],
  async run(invocation) {
    const shop = openShop();
    try {
      return invocation.values['once'] === true ? await runOnce(invocation, shop) : await runOn(invocation, shop);
    } finally {
      shop.close();
    }
  },
};

/** Environment of the services: ours, where the stack is, and admin ports that meet nobody else's. */
function serviceEnvironment(env: NodeJS.ProcessEnv, stack: LocalStack): Record<string, string> {
  const given = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return {
    ...given,
    SIGHTLINE_STACK_URL: stack.url,
    SIGHTLINE_DATA_DIR: stack.dataDirectory,
    SIGHTLINE_ADMIN_PORT: '0',
    // Their output is not shown, and the stack is where the spans are looked for.
    OTEL_TRACES_EXPORTER: 'zipkin',
    ...(stack.statsdPort !== undefined && { SIGHTLINE_STATSD_URL: `udp://127.0.0.1:${stack.statsdPort}` }),
  };
}

async function runOnce({ out, env, json }: Invocation, shop: ShopFiles): Promise<number> {
  const ending = untilEnded();
  const interrupted = ending.signal.then(() => undefined);
  // Its own stack, on its own: what was there before would be no proof.
  const stack = await startOwnStack({
    temporary: true,
    port: DEFAULT_PORT,
    scrapeMillis: SCRAPE_MILLIS,
    env,
    onWarning: () => {},
  });
  const services = new DemoServices((text) => out.note(text));
  try {
    out.note(
      `Sightline is up: ${stack.url}; starting storefront, orders and payments, each with --import sightline/register`,
    );
    const view = await Promise.race([proveAll({ services, shop, stack, env, note: out.note }), interrupted]);
    if (view === undefined) return 1;
    printView(view, { out, json, url: stack.url });
    return 0;
  } finally {
    ending.release();
    await services.stop();
    await stack.close();
  }
}

async function proveAll(parts: {
  services: DemoServices;
  shop: ShopFiles;
  stack: LocalStack;
  env: NodeJS.ProcessEnv;
  note: (text: string) => void;
}): Promise<CorrelationView> {
  const { services, stack, note } = parts;
  const storefront = await services.start(parts.shop, serviceEnvironment(parts.env, stack));
  note(`sending ${ONCE_REQUESTS} requests to ${storefront}`);
  const sent: SentRequest[] = [];
  for (let number = 0; number < ONCE_REQUESTS; number += ONCE_PARALLEL) {
    const group = Array.from({ length: ONCE_PARALLEL }, (_, offset) => sendRequest(storefront, number + offset));
    sent.push(...(await Promise.race([Promise.all(group), services.failed])));
  }
  const ids = sent.filter((request) => request.whole).flatMap((request) => request.id ?? []);
  return proveOne(stack.url, ids, {
    failed: services.failed,
    onWait: () => note('waiting until spans, log lines and exemplars have arrived'),
  });
}

function printView(
  view: CorrelationView,
  { out, json, url }: { out: Invocation['out']; json: boolean; url: string },
): void {
  if (json) {
    out.line(JSON.stringify({ id: view.id, url, correlation: view }));
    return;
  }
  for (const line of renderTimeLine(view, out)) out.line(line);
  out.line('');
  out.line(
    `One ID, found in the spans and log lines of ${view.services.length} services and in ${view.exemplars.length} exemplars.`,
  );
}

async function runOn({ out, env, json }: Invocation, shop: ShopFiles): Promise<number> {
  const ending = untilEnded();
  const stop = new AbortController();
  const note = (text: string) => out.note(text);
  const stack =
    (await joinStack(stackUrl(env))) ??
    (await startOwnStack({ temporary: false, port: DEFAULT_PORT, env, onWarning: note }));
  const services = new DemoServices(note);
  try {
    const starting = services.start(shop, serviceEnvironment(env, stack));
    const storefront = await Promise.race([starting, ending.signal.then(() => undefined)]);
    starting.catch(() => {});
    if (storefront === undefined) return 0;
    out.line(json ? JSON.stringify({ url: stack.url, storefront }) : `Sightline is up: ${stack.url}`);
    if (!json) {
      note(`The shop runs at ${storefront}, and customers come by. Ctrl-C ends everything. Try it yourself:`);
      note(`  curl -i -H 'content-type: application/json' -d '{"sku":"poster"}' ${storefront}/checkout`);
      note('  and look for the x-correlation-id of the answer on the screen.');
    }
    await Promise.race([keepSending(storefront, services, stop.signal), ending.signal]);
    return 0;
  } finally {
    stop.abort();
    ending.release();
    await services.stop();
    await stack.close();
  }
}

async function keepSending(storefront: string, services: DemoServices, stop: AbortSignal): Promise<void> {
  for (let number = 0; !stop.aborted; number += 1) {
    // A request that fails is part of the picture.
    await Promise.race([sendRequest(storefront, number).catch(() => {}), services.failed]);
    await new Promise((resolve) => setTimeout(resolve, PACE_MILLIS));
  }
}
