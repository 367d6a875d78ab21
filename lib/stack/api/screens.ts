import { readdirSync, readFileSync } from 'node:fs';
import { type BackendApi, type Refusal, type Reply, textReply } from '../http/exchange.ts';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Nothing inline, nothing from elsewhere, framed by nobody. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
} as const;

/** The screens: plain files beside this package's code, read once. `/` and `/correlation/<id>` are the same document. */
export function createScreens(options: { ready: () => Promise<boolean>; metrics: () => Promise<string> }): BackendApi {
  const directory = new URL('../ui/', import.meta.url);
  const files = new Map(
    readdirSync(directory)
      .filter((name) => TYPES[name.slice(name.lastIndexOf('.') + 1)] !== undefined)
      .map((name) => [name, readFileSync(new URL(name, directory))]),
  );

  function file(name: string): Reply {
    const body = files.get(name);
    if (body === undefined) return textReply(404, 'not found\n');
    return {
      status: 200,
      headers: { ...HEADERS, 'content-type': TYPES[name.slice(name.lastIndexOf('.') + 1)]! },
      body,
    };
  }

  return {
    async handle(exchange) {
      if (exchange.method !== 'GET' && exchange.method !== 'HEAD')
        return textReply(405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
      const { path } = exchange;
      if (path === '/' || path === '/index.html' || /^\/correlation\/[^/]+$/.test(path)) return file('index.html');
      if (path === '/-/ready')
        return (await options.ready()) ? textReply(200, 'ready\n') : textReply(503, 'not ready\n');
      if (path === '/-/healthy') return textReply(200, 'healthy\n');
      if (path === '/metrics')
        return {
          status: 200,
          headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
          body: await options.metrics(),
        };
      return file(path.slice(1));
    },
    refuse(refusal: Refusal): Reply {
      return textReply(refusal.status, `${refusal.reason}\n`, refusal.headers);
    },
  };
}
