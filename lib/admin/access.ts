import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a host that a server binds to, or a name in a Host header, is this machine alone. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  const version = isIP(bare);
  return version !== 0 && loopback.check(bare, version === 6 ? 'ipv6' : 'ipv4');
}

/** The name of a Host header without its port. */
function hostName(header: string): string {
  return header.startsWith('[') ? header.slice(0, header.indexOf(']') + 1) : (header.split(':')[0] ?? '');
}

/**
 * Whether a request that a browser was tricked into (DNS rebinding: a foreign name that resolves to this machine; a form
 * of a foreign page) can be told from an honest one: the honest one names this machine and has no foreign origin.
 */
export function isForeign(request: IncomingMessage): boolean {
  const { host, origin } = request.headers;
  if (host === undefined || !isLoopback(hostName(host))) return true;
  if (origin === undefined) return false;
  try {
    return !isLoopback(new URL(origin).hostname);
  } catch {
    return true;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Whether the request has the token; takes the same time whatever is wrong with it. */
export function hasToken(request: IncomingMessage, token: string): boolean {
  const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  // Digests have one length, so that the comparison tells nothing about the length either.
  return timingSafeEqual(digest(given), digest(token));
}
