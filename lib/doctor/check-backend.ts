import type { Diagnosis } from '../model/diagnosis.ts';
import { ask, type Response, reach } from './ask.ts';
import type { Destination } from './destinations.ts';
import { type Explained, explainError, explainStatus } from './explain.ts';

/** A difference of clocks that moves lines and spans of different hosts visibly apart, seconds. */
const MAX_SKEW_SECONDS = 5;

/** How a backend is asked whether it is there, and who it is, without leaving anything in it. */
interface Greeting {
  readonly path: (base: URL) => string;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Name of the product; undefined when it is another one. */
  readonly product: (answer: Response) => string | undefined;
}

const trimmed = (url: URL): string => url.pathname.replace(/\/+$/, '');
const JSON_BODY = { 'content-type': 'application/json' } as const;

const GREETINGS: Partial<Record<Destination['kind'], Greeting>> = {
  elasticsearch: {
    path: (url) => `${trimmed(url)}/`,
    method: 'GET',
    product({ headers, body }) {
      // Elasticsearch says so in a header, also of a refusal; OpenSearch and the local stack in the page.
      if (headers['x-elastic-product'] === 'Elasticsearch') return 'Elasticsearch';
      if (/"distribution"\s*:\s*"opensearch"/.test(body)) return 'OpenSearch';
      return /"tagline"\s*:\s*"You Know, for Search"/.test(body) ? 'Elasticsearch' : undefined;
    },
  },
  zipkin: {
    path: (url) => url.pathname.replace(/\/spans\/?$/, '/services'),
    method: 'GET',
    product: ({ body }) => (/^\s*\[/.test(body) ? 'Zipkin' : undefined),
  },
  otlp: {
    path: (url) => url.pathname,
    method: 'POST',
    headers: JSON_BODY,
    body: '{}',
    product: ({ headers }) =>
      /^(?:application\/json|$)/.test(headers['content-type'] ?? '') ? 'OTLP/HTTP' : undefined,
  },
};

/** Whether somebody who takes a signal can be reached and is who is meant. */
export async function checkBackend(destination: Destination): Promise<Diagnosis[]> {
  const found = (status: Diagnosis['status'], { text, fix }: Partial<Explained> & { text: string }): Diagnosis => ({
    part: 'backend',
    status,
    subject: destination.signal,
    text: `${destination.name} at ${destination.address}: ${text}`,
    ...(fix !== undefined && fix !== '' && { fix }),
    ...(status === 'failed' && { code: 'SIGHTLINE_E_BACKEND' }),
  });
  try {
    const greeting = GREETINGS[destination.kind];
    if (greeting === undefined) return [found(...(await connectionOnly(destination)))];
    const url = new URL(destination.url);
    url.pathname = greeting.path(url);
    const { method, body } = greeting;
    const headers = { ...destination.headers, ...greeting.headers };
    const answer = await ask({ url, method, body, headers, files: destination });
    return [found(...judge(destination, greeting, answer)), ...clock(destination, answer)];
  } catch (error) {
    return [found('failed', explainError(error, destination))];
  }
}

/** Protocols that have no harmless question. */
async function connectionOnly(destination: Destination): Promise<['ok' | 'info', { text: string }]> {
  const { url } = destination;
  if (url.protocol === 'udp:') return ['info', { text: 'UDP tells nothing; whether it arrives is seen there alone' }];
  const place = new URL(url);
  // What `reach` opens is a connection; the protocol above it is not spoken.
  if (url.protocol === 'https:') place.href = place.href.replace(/^https:/, 'tls:');
  if (place.port === '') place.port = url.protocol === 'https:' ? '443' : '80';
  await reach(place, destination);
  return ['ok', { text: 'the connection opens' }];
}

function judge(
  destination: Destination,
  greeting: Greeting,
  answer: Response,
): [Diagnosis['status'], { text: string; fix?: string }] {
  const product = greeting.product(answer);
  const { status, headers, body } = answer;
  const wrong = explainStatus({ status, location: headers.location, body }, destination);
  if (wrong === undefined && product !== undefined) return ['ok', { text: `${product} answers` }];
  // A product that says its name may refuse this very question: what it does with records is what counts.
  const mayNotLook = status === 403 || status === 404 || status === 405;
  if (product !== undefined && mayNotLook) return ['info', { text: `${product} answers; it does not show more` }];
  if (status === 403) return ['warn', wrong!];
  // Elasticsearch answers 400 to an address that it does not know, others 404 or 405.
  if (wrong !== undefined && ![400, 404, 405].includes(status))
    return ['failed', { ...wrong, text: wrong.text + looksLike(answer) }];
  return [
    'failed',
    {
      text: `another program answers, with HTTP ${status}${kindOf(headers['content-type'])}${looksLike(answer)}`,
      fix: `correct ${destination.variable}: ${destination.name} was wanted there`,
    },
  ];
}

function kindOf(type: string | undefined): string {
  return type === undefined ? '' : ` and ${type.startsWith('text/html') ? 'a web page' : type.split(';')[0]}`;
}

/** Who it may be, for the usual mix-ups. */
function looksLike({ headers, body }: Response): string {
  if (headers['x-elastic-product'] !== undefined || body.includes('You Know, for Search'))
    return '; it looks like Elasticsearch';
  if (/zipkin/i.test(body) || headers.location?.includes('/zipkin') === true) return '; it looks like Zipkin';
  if (/grafana/i.test(body)) return '; it looks like Grafana';
  if (/kibana/i.test(body) || headers['kbn-name'] !== undefined) return '; it looks like Kibana';
  if (/prometheus/i.test(body)) return '; it looks like Prometheus';
  return '';
}

function clock(destination: Destination, { skewSeconds }: Response): Diagnosis[] {
  if (skewSeconds === undefined || Math.abs(skewSeconds) <= MAX_SKEW_SECONDS) return [];
  const much = Math.abs(skewSeconds).toFixed(0);
  return [
    {
      part: 'backend',
      status: 'warn',
      subject: destination.signal,
      text: `the clock of ${destination.name} is ${much} s ${skewSeconds > 0 ? 'ahead of' : 'behind'} the one here: what different hosts record is out of order`,
      fix: 'let NTP set both clocks',
    },
  ];
}
