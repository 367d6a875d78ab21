/** Key names, normalised, whose values never leave. */
const SECRET_KEYS = [
  ...[
    'pass',
    'pwd',
    'pw',
    'psk',
    'auth',
    'jwt',
    'otp',
    'totp',
    'cvv',
    'cvc',
    'cvv2',
    'ssn',
    'csrf',
    'xsrf',
    'mnemonic',
    'seedphrase',
  ],
  ...['session', 'sessionid', 'sid', 'connectsid', 'jsessionid', 'phpsessid', 'aspsessionid', 'signature'],
  ...['creditcard', 'ccnumber', 'cardno', 'securitycode', 'socialsecuritynumber', 'idtokenhint'],
] as const;
/** Endings of normalised key names that mark a secret: `dbPassword`, `x-auth-token`, `X-Amz-Signature`. */
const SECRET_ENDINGS = [
  ...[
    'password',
    'passwd',
    'passphrase',
    'secret',
    'token',
    'apikey',
    'privatekey',
    'secretkey',
    'accesskey',
    'signingkey',
    'encryptionkey',
  ],
  ...[
    'authorization',
    'cookie',
    'credential',
    'cardnumber',
    'sessionid',
    'amzsignature',
    'googsignature',
    'accesskeyid',
    'authkey',
    'passcode',
  ],
] as const;
/** Their plurals hold secrets as well (`cookies`, `refreshTokens`), except as a number: then something was counted (`maxTokens`). */
const SECRET_PLURALS = ['passwords', 'secrets', 'tokens', 'apikeys', 'cookies', 'credentials'] as const;
/** Parts of normalised key names that mark a secret wherever they stand: `passwordConfirmation`, `userPasswordHash`. */
const SECRET_PARTS = [
  'password',
  'passwd',
  'passphrase',
  'apikey',
  'privatekey',
  'clientsecret',
  'secretkey',
  'authorization',
] as const;
/** Parameters of a query that are secrets there and ordinary words elsewhere: OAuth codes, signatures of shared links. */
const QUERY_SECRETS: ReadonlySet<string> = new Set(['code', 'sig', 'key', 'authcode', 'googleaccessid', 'hmac']);

/** Key names whose verdict is remembered; then all are forgotten, so that names made of data do not push out the real ones for good. */
const MAX_REMEMBERED_KEYS = 2000;
/** Characters of a key name that are judged: its end, where the endings are, and its start. */
const MAX_KEY_LENGTH = 256;

/** `plural`: a secret unless it is a number. */
export type Verdict = 'plain' | 'secret' | 'plural';

/** Lower case, without what separates words and nests names, and without a number at the end: `user[api-key2]` is `userapikey`. */
function normalise(key: string): string {
  const short = key.length > MAX_KEY_LENGTH ? key.slice(0, MAX_KEY_LENGTH / 2) + key.slice(-MAX_KEY_LENGTH / 2) : key;
  const plain = short.toLowerCase().replace(/[-_.\s[\]$@:"'\\]/g, '');
  return plain === 'cvv2' ? plain : plain.replace(/\d{1,3}$/, '');
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export interface SecretKeys {
  /** Whether the value under a key of an object, a header or a pair in a text is a secret. */
  judge(key: string): Verdict;
  /** Whether a name was given, or is built in, as it is: `address` does not name `client.address`. */
  names(key: string): boolean;
  /** The same for the name of a query parameter, percent-encoded or not. */
  isQuerySecret(name: string): boolean;
}

/**
 * Decides by name what is a secret.
 *
 * @param spec `SIGHTLINE_REDACT`: comma separated key names to add; `-name` takes one out, also one that only matched by its ending
 */
export function createSecretKeys(spec: string | undefined): SecretKeys {
  const keys = new Set<string>(SECRET_KEYS);
  const allowed = new Set<string>();
  for (const member of (spec ?? '').split(',').map((part) => part.trim())) {
    const name = normalise(member.replace(/^-/, ''));
    if (name === '') continue;
    if (member.startsWith('-')) {
      keys.delete(name);
      allowed.add(name);
    } else {
      keys.add(name);
      allowed.delete(name);
    }
  }
  const verdicts = new Map<string, Verdict>();
  const isMeant = (mark: string): boolean => !allowed.has(mark);

  /** `user.session` is judged as a whole and by its last part. */
  function consider(key: string): Verdict {
    const name = normalise(key);
    const whole = considerName(name);
    const dot = key.lastIndexOf('.');
    if (whole !== 'plain' || dot < 0 || allowed.has(name)) return whole;
    return considerName(normalise(key.slice(dot + 1)));
  }

  function considerName(name: string): Verdict {
    if (keys.has(name)) return 'secret';
    if (allowed.has(name)) return 'plain';
    if (SECRET_PLURALS.some((ending) => name.endsWith(ending) && isMeant(ending))) return 'plural';
    const marked =
      SECRET_ENDINGS.some((ending) => name.endsWith(ending) && isMeant(ending)) ||
      SECRET_PARTS.some((part) => name.includes(part) && isMeant(part));
    return marked ? 'secret' : 'plain';
  }

  function judge(key: string): Verdict {
    let verdict = verdicts.get(key);
    if (verdict === undefined) {
      verdict = consider(key);
      if (verdicts.size >= MAX_REMEMBERED_KEYS) verdicts.clear();
      if (key.length <= MAX_KEY_LENGTH) verdicts.set(key, verdict);
    }
    return verdict;
  }

  return {
    judge,
    names: (key) => keys.has(normalise(key)),
    isQuerySecret(name) {
      const plain = name.includes('%') ? decode(name) : name;
      const normal = normalise(plain);
      return judge(plain) !== 'plain' || (QUERY_SECRETS.has(normal) && isMeant(normal));
    },
  };
}
