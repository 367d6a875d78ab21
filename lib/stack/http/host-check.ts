import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Names that a container uses for the machine it runs on. */
const CONTAINER_NAMES = ['host.docker.internal', 'host.containers.internal'];

/**
 * Whether a request is meant for this stack. A page on the web can make a browser send requests here: by a name of its
 * own that resolves to 127.0.0.1 (DNS rebinding), or plainly across sites. The first shows in Host, the second in
 * Sec-Fetch-Site and Origin. An attacker can have neither an IP literal, nor `localhost`, nor a name without a dot.
 *
 * @param ownNames further names that are ours, such as the one of `--host`
 * @returns one sentence when it is not, else undefined
 */
export function misdirected(request: IncomingMessage, ownNames: readonly string[] = []): string | undefined {
  const host = hostOf(request.headers.host);
  if (host === undefined) return 'got no valid Host header, wanted one that names this stack';
  const known = [...CONTAINER_NAMES, ...ownNames.map((name) => name.toLowerCase()), hostname().toLowerCase()];
  const ours = isIP(host) !== 0 || !host.includes('.') || host.endsWith('.localhost') || known.includes(host);
  if (!ours)
    return `got Host ${JSON.stringify(host.slice(0, 100))}, wanted an IP address, localhost or a name without dots; use http://127.0.0.1`;
  if (request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-mode'] !== 'navigate')
    return 'got a request of a page of another site; this stack takes none';
  const { origin } = request.headers;
  if (
    origin !== undefined &&
    origin !== `http://${request.headers.host}` &&
    origin !== `https://${request.headers.host}`
  ) {
    return 'got a request of a page of another origin; this stack takes none';
  }
  return undefined;
}

/** Host without port and brackets, lower case. HTTP/1.0 tools may send none: then `localhost`. */
function hostOf(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\\@\s]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '');
}
