/** What stands where a secret was. */
export const REDACTED = '[redacted]';

/** Key names, normalised (lower case, without `-`, `_`, `.` and spaces), whose values never leave. */
const SECRET_KEYS = [
  'password', 'passwd', 'pwd', 'passphrase', 'secret', 'token', 'accesstoken', 'refreshtoken', 'idtoken', 'sessiontoken', 'apikey', 'xapikey',
  'authorization', 'proxyauthorization', 'cookie', 'setcookie', 'session', 'sessionid', 'sid', 'connectsid', 'jsessionid', 'phpsessid',
  'creditcard', 'cardnumber', 'ccnumber', 'cvv', 'cvc', 'ssn', 'privatekey', 'clientsecret', 'credentials', 'jwt', 'otp', 'signature', 'xamzsignature',
] as const;
/** Endings of normalised key names that mark a secret as well: `dbPassword`, `x-auth-token`. */
const SECRET_ENDINGS = ['password', 'passwd', 'passphrase', 'secret', 'token', 'apikey', 'privatekey', 'secretkey', 'authorization', 'cookie', 'credentials'] as const;

/** Levels of nesting that are looked into; what is deeper is replaced as a whole, so that nothing unseen leaves. */
const MAX_DEPTH = 64;
/** Key names whose verdict is remembered. */
const MAX_REMEMBERED_KEYS = 2000;
/** Longer key names are no names; the verdict is made from this many characters. */
const MAX_KEY_LENGTH = 256;

// Starts only where a run of token characters starts: otherwise a hostile text costs the square of its length.
const JWT = /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g;
const SCHEME = /\b(bearer|basic|digest|apikey|token)(\s{1,4})([A-Za-z0-9\-._~+/=]{6,})/gi;
/** Words that follow the name of a scheme in plain sentences. */
const NO_CREDENTIAL = /^(?:auth|authentication|authorization|authorisation|challenge|challenges|credential|credentials|expired|failed|invalid|is|missing|not|realm|required|scheme|schemes|token|tokens|validation|verification)$/i;
const USER_INFO = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@"'<>]{1,256}@/gi;
/** `name=value`, `"name":"value"`, `name: value` in free text; the name is judged as a key. */
const PAIR = /\b([A-Za-z][A-Za-z0-9_.-]{1,60})(\\?["']?\s{0,2}[=:]\s{0,2}\\?["']?)([^\s"'&,;\\<>{}[\]]+)/g;

export interface Redactor {
  /** Whether the value under this key never leaves. */
  isSecretKey(key: string): boolean;
  /** A parsed JSON value, changed in place; gives the value to use. */
  value(value: unknown): unknown;
  /** Free text: tokens, JWT shapes, credentials in URLs, and pairs with a secret name. */
  text(text: string): string;
  /** A URL or path: secret query values and credentials. */
  url(url: string): string;
}

function normalise(key: string): string {
  return key.slice(0, MAX_KEY_LENGTH).toLowerCase().replace(/[-_.\s]/g, '');
}

/**
 * Makes the redactor that everything passes before it is written: log lines, access lines, error texts, span attributes.
 *
 * @param spec `SIGHTLINE_REDACT`: comma separated key names to add; `-name` takes one out, also one that only matched by its ending
 */
export function createRedactor(spec: string | undefined): Redactor {
  const keys = new Set<string>(SECRET_KEYS);
  const allowed = new Set<string>();
  for (const member of (spec ?? '').split(',').map((part) => part.trim())) {
    if (member.startsWith('-')) {
      keys.delete(normalise(member.slice(1)));
      allowed.add(normalise(member.slice(1)));
    } else if (member !== '') {
      keys.add(normalise(member));
      allowed.delete(normalise(member));
    }
  }
  const verdicts = new Map<string, boolean>();

  function judge(key: string): boolean {
    const name = normalise(key);
    if (keys.has(name)) return true;
    return !allowed.has(name) && SECRET_ENDINGS.some((ending) => name.endsWith(ending) && !allowed.has(ending));
  }

  function isSecretKey(key: string): boolean {
    let verdict = verdicts.get(key);
    if (verdict === undefined) {
      verdict = judge(key);
      if (verdicts.size < MAX_REMEMBERED_KEYS && key.length <= MAX_KEY_LENGTH) verdicts.set(key, verdict);
    }
    return verdict;
  }

  function hideCredential(whole: string, scheme: string, space: string, credential: string): string {
    return NO_CREDENTIAL.test(credential) ? whole : `${scheme}${space}${REDACTED}`;
  }

  function hidePair(whole: string, name: string, between: string, value: string): string {
    if (!isSecretKey(name) || value.startsWith(REDACTED.slice(0, 4))) return whole;
    // `Authorization: Bearer [redacted]` is clean already, `authorization: expired` is a sentence.
    if (/^(?:bearer|basic|digest|apikey|token)$/i.test(value) || NO_CREDENTIAL.test(value)) return whole;
    return `${name}${between}${REDACTED}`;
  }

  function text(input: string): string {
    // Most texts are short sentences: they cost these look-ups and nothing else.
    if (input.length < 8) return input;
    let output = input;
    if (output.includes('eyJ')) output = output.replace(JWT, REDACTED);
    if (output.includes('://') && output.includes('@')) output = output.replace(USER_INFO, `$1${REDACTED}@`);
    if (/bearer|basic|digest|apikey|token/i.test(output)) output = output.replace(SCHEME, hideCredential);
    if (output.includes('=') || output.includes(':')) output = output.replace(PAIR, hidePair);
    return output;
  }

  function value(input: unknown, depth = 0): unknown {
    if (typeof input === 'string') return text(input);
    if (typeof input !== 'object' || input === null) return input;
    if (depth >= MAX_DEPTH) return REDACTED;
    if (Array.isArray(input)) {
      for (let index = 0; index < input.length; index += 1) input[index] = value(input[index], depth + 1);
      return input;
    }
    const record = input as Record<string, unknown>;
    for (const key of Object.keys(record)) {
      const member = record[key];
      if (member === null || member === undefined || typeof member === 'boolean') continue;
      // As data, never through the `__proto__` accessor.
      if (isSecretKey(key)) define(record, key, REDACTED);
      else if (typeof member !== 'number') define(record, key, value(member, depth + 1));
    }
    return record;
  }

  return { isSecretKey, value: (input) => value(input), text, url: text };
}

function define(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  else record[key] = value;
}
