import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createRedactor, REDACTED } from '../../lib/logs/redact.ts';

const redactor = createRedactor(undefined);
const CANARY = 'canary-7Qx9';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnktN1F4OSJ9.c2lnbmF0dXJlLW9mLWl0';

describe('keys', () => {
  const secret = [
    ...[
      'password',
      'Password',
      'PASSWORD',
      'pass_word',
      'pass-word',
      'passwd',
      'pwd',
      'dbPassword',
      'password2',
      'passwordConfirmation',
      'pass',
    ],
    ...[
      'token',
      'accessToken',
      'access_token',
      'X-Auth-Token',
      'refreshTokens',
      'apiKey',
      'api_key',
      'x-api-key',
      'API_KEY',
      'apikey1',
    ],
    ...[
      'Authorization',
      'proxy-authorization',
      'cookie',
      'Set-Cookie',
      'cookies',
      'sessionId',
      'connect.sid',
      'client_secret',
      'clientSecret',
    ],
    ...[
      'privateKey',
      'credentials',
      'aws_secret_access_key',
      'AWSAccessKeyId',
      'X-Amz-Signature',
      'X-Amz-Credential',
      'cvv',
      'cardNumber',
      'otp',
    ],
  ];
  const plain = [
    'user',
    'orderId',
    'path',
    'passed',
    'passenger',
    'author',
    'authority',
    'keyboard',
    'key',
    'code',
    'secretary',
    'tokenizer',
    'sessions',
    'message',
  ];
  for (const key of secret) {
    test(`${key} is one`, () => {
      assert.equal(redactor.isSecretKey(key), true);
      assert.deepEqual(redactor.value({ [key]: CANARY }), { [key]: REDACTED });
    });
  }
  for (const key of plain) test(`${key} is none`, () => assert.equal(redactor.isSecretKey(key), false));

  test('whatever the value is, except yes, no and nothing', () => {
    for (const value of [CANARY, 4711, [CANARY], { a: CANARY }, '']) {
      assert.deepEqual(redactor.value({ password: value }), { password: REDACTED });
    }
    for (const value of [true, false, null]) assert.deepEqual(redactor.value({ password: value }), { password: value });
  });

  test('a counted plural is no secret', () => {
    assert.deepEqual(redactor.value({ maxTokens: 512, tokens: [CANARY] }), { maxTokens: 512, tokens: REDACTED });
    assert.equal(redactor.text('used tokens=512 of maxTokens: 900'), 'used tokens=512 of maxTokens: 900');
  });

  test('SIGHTLINE_REDACT adds and takes out', () => {
    const own = createRedactor('iban, x-internal, -session,-signature ,-cardNumber');
    assert.deepEqual(
      own.value({ IBAN: 'a', xInternal: 'b', session: 'c', Signature: 'd', card_number: 'e', dbPassword: 'f' }),
      {
        IBAN: REDACTED,
        xInternal: REDACTED,
        session: 'c',
        Signature: 'd',
        card_number: 'e',
        dbPassword: REDACTED,
      },
    );
    assert.equal(own.text(`iban=${CANARY}`), `iban=${REDACTED}`);
    // An ending taken out goes for all names that end so.
    assert.equal(createRedactor('-token').isSecretKey('accessToken'), false);
    assert.equal(createRedactor('-token').isSecretKey('password'), true);
    assert.equal(createRedactor(',, ,-').isSecretKey('password'), true);
  });
});

/** Each holds the canary, or the JWT, where it must not survive. */
const LEAKS: Readonly<Record<string, unknown>> = {
  'nested deep': { a: { b: { c: { d: [{ e: { password: CANARY } }] } } } },
  'below what is kept as structure': Array.from({ length: 40 }).reduce((inner) => ({ in: inner }), {
    password: CANARY,
    x: { token: CANARY },
  }),
  'headers object': {
    req: { headers: { Authorization: `Bearer ${CANARY}`, 'x-api-key': CANARY, cookie: `a=b; sid=${CANARY}` } },
  },
  'raw headers': { rawHeaders: ['Host', 'shop', 'Authorization', CANARY, 'Cookie', `theme=${CANARY}`] },
  'header pairs': {
    headers: [
      ['host', 'shop'],
      ['set-cookie', `x=${CANARY}`],
    ],
  },
  'named pairs': {
    form: [
      { name: 'password', value: CANARY },
      { key: 'apiKey', value: CANARY },
    ],
  },
  '__proto__ key': JSON.parse(`{"__proto__":{"password":"${CANARY}","deep":{"__proto__":{"token":"${CANARY}"}}}}`),
  'constructor key': JSON.parse(`{"constructor":{"prototype":{"secret":"${CANARY}"}}}`),
  'key that is a token': { sessions: { [JWT]: 1, [`Bearer ${CANARY}-long-enough`]: 2 } },
  'JSON in a text': `{"user":"a","password":"${CANARY} with blank","n":{"token":"${CANARY}"}}`,
  'JSON in JSON': JSON.stringify({ body: JSON.stringify({ password: `${CANARY}"quoted\\ and \\" ${CANARY}`, ok: 1 }) }),
  'JSON three deep': JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ apiKey: `x" ${CANARY}` }) }) }),
  'object under a secret key in a text': `got {"credentials":{"user":"a","list":["${CANARY}"]},"ok":true}`,
  'inspected object': `{ password: '${CANARY} x', ok: 1, 'api-key' => "${CANARY}" }`,
  'form body': `user=a&password=${CANARY}&user%5Bpassword%5D=${CANARY}&p[password]=${CANARY}`,
  query: `/login?next=/&access_token=${CANARY}&code=${CANARY}&sig=${CANARY}&X-Amz-Credential=${CANARY}`,
  'encoded query name': `/x?acc%65ss_token=${CANARY}&p%61ssword=${CANARY}`,
  'URL credentials': `https://user:${CANARY}@shop/x redis://:${CANARY}@cache:6379 https://${CANARY}@git/x`,
  'URL credentials with signs': `postgres://u:p@${CANARY}@db/x postgres://u:p/${CANARY}@db/x amqp://u:${CANARY}%2F@mq`,
  'connection string': `Server=db;User=sa;Password=${CANARY};Encrypt=yes`,
  bearer: `sent Authorization: Bearer ${CANARY}, and bearer ${CANARY}`,
  basic: `Basic dXNlcjpjYW5hcnktN1F4OQ== canary: Basic ${Buffer.from(`u:${CANARY}`).toString('base64')}`,
  'digest line': `Authorization: Digest username="u", response="${CANARY}", opaque="${CANARY}"`,
  'signed request line': `authorization: AWS4-HMAC-SHA256 Credential=A/${CANARY}, Signature=${CANARY}`,
  'cookie line': `Cookie: theme=dark; tracking=${CANARY}; x=${CANARY}\nHost: shop`,
  'set-cookie line': `set-cookie: id=${CANARY}; Path=/; HttpOnly`,
  'curl command': `curl -H 'Authorization: Digest ${CANARY}' https://shop`,
  JWT: `got ${JWT} and jwt-${JWT} and x=${JWT}.`,
  XML: `<user><password>${CANARY}</password></user>`,
  'private key': `-----BEGIN RSA PRIVATE KEY-----\n${CANARY}\n-----END RSA PRIVATE KEY----- and -----BEGIN PRIVATE KEY-----\n${CANARY}`,
  'blanks around the sign': `password = ${CANARY} and token : ${CANARY}`,
  'escaped in a message': `payload {\\"password\\":\\"${CANARY} x\\"}`,
  'percent-encoded scheme': `x?h=Bearer%20${CANARY}`,
};

describe('no secret leaves', () => {
  for (const [name, input] of Object.entries(LEAKS)) {
    test(name, () => {
      const output = JSON.stringify(redactor.value(structuredClone({ input }))) ?? '';
      assert.ok(!output.includes(CANARY), output);
      assert.ok(!output.includes(JWT.slice(0, 30)), output);
      assert.ok(!output.includes('dXNlcj') && !output.includes(Buffer.from(`u:${CANARY}`).toString('base64')), output);
      assert.ok(output.includes(REDACTED));
    });
  }

  test('keys of known issuers, without any name', () => {
    // Put together here, so that no scanner takes this file for a leak.
    const issued = [
      `AKIA${'A'.repeat(16)}`,
      `ghp_${'a1'.repeat(18)}`,
      `xoxb-${'1'.repeat(12)}`,
      `sk_live_${'a'.repeat(20)}`,
      `glpat-${'a'.repeat(20)}`,
    ];
    for (const key of issued) assert.equal(redactor.text(`uses ${key} now`), `uses ${REDACTED} now`);
  });
});

describe('what is no secret stays', () => {
  const texts = [
    'order 17 placed in 12ms',
    'GET http://shop:8080/orders/17?page=2&sort=name 200',
    'Basic understanding of the token bucket: refill=10, burst: 20',
    'the bearer token is missing, authorization: required',
    'Invalid token: expired',
    'error code: 5, key: value, status=ok',
    'TypeError: x is not a function\n    at run (file:///app/server.js:12:34)\n    at async node:internal/main:1:1',
    'http://localhost:3000/users/@me/profile',
    'mail sent to a@b.example from http://shop',
    'password=null token: undefined secret=false',
    '{"level":"info","ok":true,"list":[1,2,3]}',
    'a == b, c => d, e::f, 12:30:45',
    'eyJ is how they start',
    '',
  ];
  for (const text of texts) test(JSON.stringify(text), () => assert.equal(redactor.text(text), text));

  test('again is the same', () => {
    for (const input of Object.values(LEAKS)) {
      const once = JSON.stringify(redactor.value(structuredClone({ input })));
      assert.equal(JSON.stringify(redactor.value(JSON.parse(once))), once);
    }
  });

  test('numbers and structure of ordinary objects', () => {
    const object = { a: 1, b: [{ c: -0.5, x: 'x' }, null, { c: 1.5, t: true }], d: {}, e: [] };
    assert.deepEqual(redactor.value(structuredClone(object)), object);
  });
});

describe('shapes that an index refuses', () => {
  test('names', () => {
    const input = { x: { ' ': 2, '.a': 3, 'b.': 4, 'c..d': 5, 'e.f': 6 } };
    assert.deepEqual(redactor.value(input), { x: { _: 2, _a: 3, b_: 4, c__d: 5, 'e.f': 6 } });
  });

  test('depth: what is below is kept as text', () => {
    let deep: object = { leaf: 'kept' };
    for (let level = 0; level < 40; level += 1) deep = { [level % 5 === 0 ? 'a.b' : 'n']: deep };
    const output = redactor.value(deep);
    let levels = 0;
    let at: unknown = output;
    while (typeof at === 'object' && at !== null) {
      const [key = ''] = Object.keys(at);
      levels += key.split('.').length;
      at = (at as Record<string, unknown>)[key];
    }
    assert.ok(levels < 20, `${levels} levels`);
    assert.match(String(at), /"leaf":"kept"/);
  });
});

describe('time is linear in the length', () => {
  const hostile: Readonly<Record<string, (n: number) => string>> = {
    'name without end': (n) => 'a'.repeat(n),
    'names and dots': (n) => 'a.'.repeat(n / 2),
    'JWT starts': (n) => 'eyJ'.repeat(n / 3),
    'JWT starts and dots': (n) => 'eyJaaaaaaaa.'.repeat(n / 12),
    'openings of quotes': (n) => 'password="'.repeat(n / 10),
    'openings of other quotes': (n) => `password='token="`.repeat(n / 17),
    'openings of brackets': (n) => 'token:{'.repeat(n / 7),
    backslashes: (n) => `password=${'\\'.repeat(n)}`,
    'backslashes and quotes': (n) => `password=\\"${'\\\\\\"'.repeat(n / 4)}`,
    schemes: (n) => 'bearer '.repeat(n / 7),
    'scheme and blanks': (n) => `bearer${' '.repeat(n)}`,
    'URL starts': (n) => 'a://'.repeat(n / 4),
    'URL and user info': (n) => `http://${'a:'.repeat(n / 2)}`,
    'many URLs with user info': (n) => 'http://a:b@'.repeat(n / 11),
    'private key starts': (n) => '-----BEGIN PRIVATE KEY-----'.repeat(n / 27),
    signs: (n) => '='.repeat(n),
    colons: (n) => 'a:'.repeat(n / 2),
    cookies: (n) => 'cookie: '.repeat(n / 8),
    tags: (n) => '<password>'.repeat(n / 10),
    'percent names': (n) => '?%61%62=x&'.repeat(n / 10),
    hyphens: (n) => 'sk-'.repeat(n / 3),
  };
  // Quadratic work on two million characters takes minutes; linear work takes well under a second.
  for (const [name, make] of Object.entries(hostile)) {
    test(name, { timeout: 20_000 }, () => {
      const text = make(2_000_000);
      assert.ok(redactor.text(text).length <= text.length * 3);
    });
  }
});

describe('fuzzing', () => {
  test('no text makes it throw, and a secret value between any texts is gone', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom('password', 'apiKey', 'x-auth-token'),
        (around, key) => {
          const text = redactor.text(`${around} ${key}="${CANARY}" ${around}`);
          // Inside an open quote of the random text the pair may be part of another value: gone as well.
          assert.ok(!text.includes(CANARY), text);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a canary under a secret key is found nowhere in any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('password', 'Cookie', 'api_key'), (value, key) => {
        const tree = { value, list: [value, { [key]: { inner: [value, CANARY] } }], [key]: CANARY };
        assert.ok(!JSON.stringify(redactor.value(structuredClone(tree))).includes(CANARY));
      }),
      { numRuns: 500 },
    );
  });
});

test('what was cut off: an element without its end, a password without the host behind it', () => {
  const redactor = createRedactor(undefined);
  assert.equal(redactor.text('body <password>hunter2'), 'body <password>[redacted]');
  assert.equal(redactor.text('if (a < b) throw'), 'if (a < b) throw');
  assert.equal(redactor.text('cannot reach postgres://shop:hunter2'), 'cannot reach postgres://[redacted]');
  for (const text of [
    'http://127.0.0.1:4380',
    'http://host:80/a:b',
    'see https://example.com',
    'tcp://[::1]:',
    'http://host:',
  ])
    assert.equal(redactor.text(text), text);
});

test('a field of ours is hidden when it is named as a whole', () => {
  const redactor = createRedactor('url.query,address');
  assert.deepEqual(
    ['url.query', 'url.path', 'client.address', 'address'].map((field) => redactor.hides(field)),
    [true, false, false, true],
  );
  assert.equal(createRedactor('url.query,-url.query').hides('url.query'), false);
});
