import { BlockList, isIP } from 'node:net';

/** To whom identity goes. Asked once per outbound request. */
export interface HostPolicy {
  /** Whether trace and correlation headers go to this host. */
  propagate(host: string): boolean;
  /** Whether baggage goes to this host; it never does where the trace headers do not. */
  baggage(host: string): boolean;
}

/** Patterns: `*`, `host`, `*.suffix` (everything below, not the suffix itself), each also with `!` in front, which excludes. */
export interface HostPolicyOptions {
  /** `SIGHTLINE_PROPAGATE_HOSTS`; undefined = `*`. Only exclusions = everyone else. */
  readonly propagate?: readonly string[] | undefined;
  /** `SIGHTLINE_BAGGAGE_HOSTS`; undefined = `localhost`, private IP literals and single-label names. */
  readonly baggage?: readonly string[] | undefined;
}

/** Hosts whose decision is remembered; a crawler meets more, and the memory is then started afresh. */
const MAX_REMEMBERED_HOSTS = 1000;
/** Longest host name of DNS; a longer "host" is nobody's. */
const MAX_HOST_LENGTH = 253;

const PRIVATE = new BlockList();
PRIVATE.addSubnet('127.0.0.0', 8, 'ipv4');
// RFC 1918.
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addAddress('::1', 'ipv6');
// RFC 4193. Link-local addresses are left out on purpose: 169.254.169.254 is a cloud's metadata service.
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

/** Lower case, without port, brackets, IPv6 zone and trailing dot. */
export function normaliseHost(host: string): string {
  let name = host.toLowerCase();
  if (name.startsWith('[')) {
    const close = name.indexOf(']');
    name = name.slice(1, close === -1 ? undefined : close);
  } else {
    const colon = name.indexOf(':');
    if (colon !== -1 && colon === name.lastIndexOf(':')) name = name.slice(0, colon);
  }
  const zone = name.indexOf('%');
  if (zone !== -1) name = name.slice(0, zone);
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** Whether a host is our own network by its looks: what baggage is sent to unless told otherwise. */
function isNearby(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  const family = isIP(host);
  if (family !== 0) return PRIVATE.check(host, family === 4 ? 'ipv4' : 'ipv6');
  // `2130706433` and `0x7f000001` are addresses to a resolver, and may be anybody's: a name starts with a letter.
  return /^[a-z_][a-z0-9_-]*$/.test(host);
}

/** Compiles patterns to one question. */
function matcher(patterns: readonly string[]): (host: string) => boolean {
  const exact = new Map<string, boolean>();
  const suffixes: { suffix: string; allowed: boolean }[] = [];
  let everyone = patterns.length > 0 && patterns.every((pattern) => pattern.trim().startsWith('!'));
  let nobody = false;
  for (const written of patterns) {
    const pattern = written.trim();
    const allowed = !pattern.startsWith('!');
    const target = allowed ? pattern : pattern.slice(1).trim();
    if (target === '') continue;
    if (target === '*') {
      if (allowed) everyone = true;
      else nobody = true;
    } else if (target.startsWith('*.')) {
      suffixes.push({ suffix: `.${normaliseHost(target.slice(2))}`, allowed });
    } else {
      const host = normaliseHost(target);
      exact.set(host, allowed && exact.get(host) !== false);
    }
  }
  return (host) => {
    if (nobody || exact.get(host) === false) return false;
    let matched = everyone || exact.get(host) === true;
    for (const { suffix, allowed } of suffixes) {
      if (!host.endsWith(suffix)) continue;
      if (!allowed) return false;
      matched = true;
    }
    return matched;
  };
}

const PROPAGATE = 1;
const BAGGAGE = 2;

/** The policy of a process; decisions are remembered, at most 1 000 hosts. An exclusion always wins. */
export function createHostPolicy(options: HostPolicyOptions): HostPolicy {
  const propagates = matcher(options.propagate ?? ['*']);
  const carries = options.baggage === undefined ? isNearby : matcher(options.baggage);
  const remembered = new Map<string, number>();

  function decide(host: string): number {
    const known = remembered.get(host);
    if (known !== undefined) return known;
    const name = normaliseHost(host);
    let decision = 0;
    if (name !== '' && name.length <= MAX_HOST_LENGTH && propagates(name))
      decision = carries(name) ? PROPAGATE | BAGGAGE : PROPAGATE;
    if (remembered.size >= MAX_REMEMBERED_HOSTS) remembered.clear();
    if (host.length <= MAX_HOST_LENGTH + 6) remembered.set(host, decision);
    return decision;
  }

  return {
    propagate: (host) => (decide(host) & PROPAGATE) !== 0,
    baggage: (host) => (decide(host) & BAGGAGE) !== 0,
  };
}
