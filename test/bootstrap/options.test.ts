import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPTIONS, type OptionName, readOptions } from '../../lib/bootstrap/options.ts';

/** For every option: a value that is taken, what it becomes, and one that is refused (undefined: any text is taken). */
const CASES: Record<OptionName, [accepted: string, becomes: unknown, refused: string | undefined]> = {
  disabled: ['TRUE', true, 'maybe'],
  serviceName: ['orders', 'orders', undefined],
  resourceAttributes: ['team=a%2Cb,service.version=1.2', { team: 'a,b', 'service.version': '1.2' }, 'team'],
  environment: ['prod', 'prod', undefined],
  host: ['server1', 'server1', undefined],
  stackUrl: ['http://127.0.0.1:4380/', 'http://127.0.0.1:4380', 'ftp://x'],
  elasticsearchUrl: ['https://es:9200', 'https://es:9200', 'es:9200'],
  elasticsearchApiKey: ['abc==', 'abc==', undefined],
  elasticsearchUsername: ['u', 'u', undefined],
  elasticsearchPassword: ['p', 'p', undefined],
  elasticsearchCaFile: ['/ca.pem', '/ca.pem', undefined],
  logstashUrl: ['tcp://logstash:5000', 'tcp://logstash:5000', 'tcp://logstash'],
  logstashCaFile: ['/ca.pem', '/ca.pem', undefined],
  logs: ['stdout', 'stdout', 'file'],
  accessLog: ['errors', 'errors', 'yes'],
  clientDetails: ['logs, spans', ['logs', 'spans'], 'metrics'],
  logLevel: ['debug', 'debug', 'loud'],
  logStream: ['logs-a-b', 'logs-a-b', undefined],
  tracesExporter: ['console,', 'console', 'zipkin,console'],
  zipkinEndpoint: ['http://z:9411/api/v2/spans', 'http://z:9411/api/v2/spans', 'z'],
  otlpEndpoint: ['http://c:4318', 'http://c:4318', 'grpc://c'],
  otlpTracesEndpoint: ['http://c:4318/x', 'http://c:4318/x', 'c'],
  otlpLogsEndpoint: ['http://c:4318/x', 'http://c:4318/x', 'c'],
  otlpProtocol: ['http/json', 'http/json', 'thrift'],
  otlpHeaders: ['X-Key=a%20b,y=c', { 'x-key': 'a b', y: 'c' }, 'secret'],
  otlpTimeout: ['2000', 2000, '0'],
  otlpCompression: ['gzip', 'gzip', 'zip'],
  otlpCertificate: ['/ca.pem', '/ca.pem', undefined],
  otlpTracesProtocol: ['http/json', 'http/json', 'thrift'],
  otlpTracesHeaders: ['X-Key=a%20b,y=c', { 'x-key': 'a b', y: 'c' }, 'secret'],
  otlpTracesTimeout: ['2000', 2000, '0'],
  otlpTracesCompression: ['gzip', 'gzip', 'zip'],
  otlpTracesCertificate: ['/ca.pem', '/ca.pem', undefined],
  otlpLogsProtocol: ['http/json', 'http/json', 'thrift'],
  otlpLogsHeaders: ['X-Key=a%20b,y=c', { 'x-key': 'a b', y: 'c' }, 'secret'],
  otlpLogsTimeout: ['2000', 2000, '0'],
  otlpLogsCompression: ['gzip', 'gzip', 'zip'],
  otlpLogsCertificate: ['/ca.pem', '/ca.pem', undefined],
  elasticsearchApiKeyFile: ['/run/x', '/run/x', undefined],
  elasticsearchPasswordFile: ['/run/x', '/run/x', undefined],
  elasticsearchClientCertificateFile: ['/run/x', '/run/x', undefined],
  elasticsearchClientKeyFile: ['/run/x', '/run/x', undefined],
  logstashPasswordFile: ['/run/x', '/run/x', undefined],
  logstashClientCertificateFile: ['/run/x', '/run/x', undefined],
  logstashClientKeyFile: ['/run/x', '/run/x', undefined],
  zipkinCaFile: ['/run/x', '/run/x', undefined],
  zipkinPasswordFile: ['/run/x', '/run/x', undefined],
  zipkinClientCertificateFile: ['/run/x', '/run/x', undefined],
  zipkinClientKeyFile: ['/run/x', '/run/x', undefined],
  metricsPushCaFile: ['/run/x', '/run/x', undefined],
  metricsPushPasswordFile: ['/run/x', '/run/x', undefined],
  metricsPushClientCertificateFile: ['/run/x', '/run/x', undefined],
  metricsPushClientKeyFile: ['/run/x', '/run/x', undefined],
  otlpHeadersFile: ['/run/x', '/run/x', undefined],
  otlpClientCertificate: ['/run/x', '/run/x', undefined],
  otlpClientKey: ['/run/x', '/run/x', undefined],
  otlpTracesClientCertificate: ['/run/x', '/run/x', undefined],
  otlpTracesClientKey: ['/run/x', '/run/x', undefined],
  otlpLogsClientCertificate: ['/run/x', '/run/x', undefined],
  otlpLogsClientKey: ['/run/x', '/run/x', undefined],
  tracesSampler: ['parentbased_traceidratio', 'parentbased_traceidratio', 'sometimes'],
  tracesSamplerArg: ['0.25', '0.25', '1.1'],
  tracesKeep: ['errors,slow:1s', 'errors,slow:1s', 'slow'],
  tracesRoutes: [
    'get /orders/:id = .1, /internal/*=0',
    [
      { method: 'GET', pattern: '/orders/:id', ratio: 0.1, matches: /^\/orders\/[^/]+\/?$/i },
      { method: undefined, pattern: '/internal/*', ratio: 0, matches: /^\/internal\//i },
    ],
    '/orders',
  ],
  generalAttributeValueLengthLimit: ['12', 12, '-1'],
  generalAttributeCountLimit: ['1', 1, 'x'],
  eventAttributeCountLimit: ['1', 1, 'x'],
  linkAttributeCountLimit: ['1', 1, 'x'],
  logAttributeValueLengthLimit: ['0', 0, 'x'],
  logAttributeCountLimit: ['1', 1, 'x'],
  attributeValueLengthLimit: ['12', 12, '-1'],
  attributeCountLimit: ['1', 1, 'x'],
  eventCountLimit: ['1', 1, '1.5'],
  linkCountLimit: ['0', 0, ''.padEnd(3, '9').concat('999999')],
  propagators: ['b3,tracecontext,b3', ['b3', 'tracecontext'], 'jaeger'],
  metrics: ['prometheus,statsd', ['prometheus', 'statsd'], 'influx'],
  metricsPushUrl: ['http://p', 'http://p', 'p'],
  statsdUrl: ['unix:///run/s.sock', 'unix:///run/s.sock', 'http://x'],
  statsdDialect: ['influx', 'influx', 'telegraf'],
  metricSeriesLimit: ['1', 1, '0'],
  correlationHeaders: ['X-My-Id', ['x-my-id'], 'a b'],
  trustInbound: ['false', false, 'no'],
  propagateHosts: ['*,!evil', ['*', '!evil'], undefined],
  baggageHosts: ['a', ['a'], undefined],
  ignorePaths: ['/a*,/b', ['/a*', '/b'], undefined],
  adminPort: ['0', 0, '65536'],
  adminHost: ['0.0.0.0', '0.0.0.0', undefined],
  adminToken: ['t', 't', undefined],
  delivery: ['direct', 'direct', 'indirect'],
  dataDir: ['/tmp', '/tmp', undefined],
  journalMax: ['1.5mb', 1_572_864, '1 parsec'],
  journalMaxAge: ['2h', 7_200_000, 'soon'],
  redact: ['-token,pin', '-token,pin', undefined],
  shutdownTimeout: ['1500', 1500, '1y'],
  drainTimeout: ['0', 0, '-1s'],
  diagLevel: ['DEBUG', 'debug', 'chatty'],
  disabledInstrumentations: ['http, express', ['http', 'express'], undefined],
  enabledInstrumentations: ['http', ['http'], undefined],
};

for (const [name, [accepted, becomes, refused]] of Object.entries(CASES) as [
  OptionName,
  (typeof CASES)[OptionName],
][]) {
  const { env } = OPTIONS[name];
  test(`${env}: takes ${accepted}${refused === undefined ? '' : `, refuses ${refused}`}; code wins over environment`, () => {
    const taken = readOptions({}, { [env]: accepted });
    assert.deepEqual(taken.mistakes, []);
    assert.deepEqual(taken.given[name], becomes);
    if (refused !== undefined) {
      const wrong = readOptions({}, { [env]: refused });
      assert.equal(wrong.mistakes.length, 1);
      assert.match(wrong.mistakes[0] ?? '', new RegExp(`^${env}: got .*, wanted .*; correct or unset it$`));
      assert.deepEqual(readOptions({ [name]: accepted }, { [env]: refused }).given[name], becomes);
    }
  });
}

test('all mistakes are reported at once, secrets are not printed', () => {
  const { mistakes } = readOptions({ nonsense: 1 } as never, { SIGHTLINE_LOGS: 'x', SIGHTLINE_ADMIN_PORT: '-1' });
  assert.equal(mistakes.length, 3);
  assert.match(mistakes[2] ?? '', /option nonsense/);
});

test('an empty variable counts as not given', () => {
  const { given, mistakes } = readOptions({}, { SIGHTLINE_LOGS: ' ' });
  assert.deepEqual(mistakes, []);
  assert.equal(given.logs, undefined);
});

test('natural JavaScript values are taken in code', () => {
  const { given, mistakes } = readOptions(
    {
      adminPort: 0,
      trustInbound: false,
      propagators: ['b3'],
      resourceAttributes: { 'a b': 'c,d' },
      shutdownTimeout: 100,
    },
    {},
  );
  assert.deepEqual(mistakes, []);
  assert.deepEqual(
    [given.adminPort, given.trustInbound, given.propagators, given.shutdownTimeout],
    [0, false, ['b3'], 100],
  );
  assert.deepEqual(given.resourceAttributes, { 'a b': 'c,d' });
});

test('a value in code that cannot be written as text is a mistake like others', () => {
  const trap = { toString: 1, valueOf: 1 };
  for (const value of [Symbol('s'), [Symbol('s')], { a: '\ud800' }, [trap], { a: trap }]) {
    const { mistakes } = readOptions(
      { propagateHosts: value as never, adminPort: -1 },
      { SIGHTLINE_PROPAGATE_HOSTS: 'x' },
    );
    assert.equal(mistakes.length, 2, 'the others are reported as well');
    assert.match(mistakes[0] ?? '', /^option propagateHosts: got (?:symbol|object), wanted a text, /);
  }
});

test('a mistake is one line of bounded length, whatever was given', () => {
  for (const name of [
    'OTEL_RESOURCE_ATTRIBUTES',
    'SIGHTLINE_CORRELATION_HEADERS',
    'SIGHTLINE_TRACES_KEEP',
    'SIGHTLINE_TRACES_ROUTES',
    'SIGHTLINE_STATSD_URL',
  ]) {
    const { mistakes } = readOptions({}, { [name]: `a=%ZZ\n\u0085\u2028sightline: forged${'x'.repeat(5000)}` });
    assert.equal(mistakes.length, 1, name);
    assert.doesNotMatch(mistakes[0] ?? '', /[\p{Cc}\u2028\u2029]/u);
    assert.ok((mistakes[0] ?? '').length < 1000, `${name}: ${mistakes[0]?.length}`);
  }
});
