import { type Measurement, measure } from './measure.ts';

const OTLP = { OTEL_TRACES_EXPORTER: 'otlp', SIGHTLINE_LOGS: 'otlp' };
const TENTH = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
/** One request in so many fails, where controls are compared. */
const FAILS_EVERY = 50;
/** Routes of the app that are asked for, where the page of metrics is measured. */
const ROUTES = 10;
const REQUESTS_PER_ROUTE = 30;

const mixed = (n: number): string => (n % FAILS_EVERY === 0 ? '/error' : '/log');

/** What a request may do. */
export const REQUESTS: readonly { readonly title: string; readonly path: string }[] = [
  { title: 'answers', path: '/hello' },
  { title: '… and writes one log line with two fields', path: '/log' },
  { title: '… and makes one outbound call', path: '/call' },
  { title: 'fails: an error of the app becomes a 500', path: '/error' },
];

/** What may be set to spend less; the first is the default. */
export const CONTROLS: readonly { readonly title: string; readonly env: Readonly<Record<string, string>> }[] = [
  { title: 'nothing', env: {} },
  { title: '`SIGHTLINE_ACCESS_LOG=sampled`, all sampled', env: { SIGHTLINE_ACCESS_LOG: 'sampled' } },
  { title: '`SIGHTLINE_ACCESS_LOG=errors`', env: { SIGHTLINE_ACCESS_LOG: 'errors' } },
  { title: '`SIGHTLINE_ACCESS_LOG=off`', env: { SIGHTLINE_ACCESS_LOG: 'off' } },
  { title: '10 % of traces: `OTEL_TRACES_SAMPLER=parentbased_traceidratio`, `_ARG=0.1`', env: TENTH },
  { title: '… and `SIGHTLINE_TRACES_KEEP=errors`', env: { ...TENTH, SIGHTLINE_TRACES_KEEP: 'errors' } },
  {
    title: '10 % of one route: `SIGHTLINE_TRACES_ROUTES=GET /log=0.1`',
    env: { SIGHTLINE_TRACES_ROUTES: 'GET /log=0.1' },
  },
  { title: '10 % of traces and `SIGHTLINE_ACCESS_LOG=sampled`', env: { ...TENTH, SIGHTLINE_ACCESS_LOG: 'sampled' } },
  { title: '`OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=256`', env: { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '256' } },
  { title: '`SIGHTLINE_CLIENT_DETAILS=none`', env: { SIGHTLINE_CLIENT_DETAILS: 'none' } },
  { title: '`SIGHTLINE_CLIENT_DETAILS=spans,logs`', env: { SIGHTLINE_CLIENT_DETAILS: 'spans,logs' } },
  { title: '`OTEL_TRACES_EXPORTER=none`', env: { OTEL_TRACES_EXPORTER: 'none' } },
  { title: '`SIGHTLINE_LOGS=none`', env: { SIGHTLINE_LOGS: 'none' } },
];

export interface CostFigures {
  readonly requests: readonly {
    readonly title: string;
    readonly stock: Measurement;
    readonly otlp: Measurement;
  }[];
  readonly controls: readonly { readonly title: string; readonly measured: Measurement }[];
  /** The page of metrics with one route, and with `routes`. */
  readonly oneRoute: Measurement;
  readonly allRoutes: Measurement;
  readonly routes: number;
  readonly dialects: readonly { readonly title: string; readonly measured: Measurement }[];
  readonly failsEvery: number;
}

/** Runs everything, one after the other. @param say told what is measured */
export async function measureAll(requests: number, say: (what: string) => void): Promise<CostFigures> {
  const figures = [];
  for (const { title, path } of REQUESTS) {
    say(title);
    const run = { path: () => path, requests };
    figures.push({ title, stock: await measure(run), otlp: await measure({ ...run, env: OTLP }) });
  }
  const controls = [];
  for (const { title, env } of CONTROLS) {
    say(title);
    controls.push({ title, measured: await measure({ path: mixed, requests, env }) });
  }
  say('metrics');
  const route = (n: number): string => `/routes/${n}/4711`;
  // Fewer a route than are aggregated.
  const toRoutes = { path: (n: number) => route(n % ROUTES), requests: ROUTES * REQUESTS_PER_ROUTE };
  const dialects = [];
  for (const title of ['hierarchy', 'dogstatsd', 'influx']) {
    const env = { SIGHTLINE_METRICS: 'prometheus,statsd', SIGHTLINE_STATSD_DIALECT: title };
    dialects.push({ title, measured: await measure({ ...toRoutes, env }) });
  }
  return {
    requests: figures,
    controls,
    oneRoute: await measure({ ...toRoutes, path: () => route(0) }),
    allRoutes: await measure(toRoutes),
    routes: ROUTES,
    dialects,
    failsEvery: FAILS_EVERY,
  };
}
