import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from '../../lib/bootstrap/options.ts';
import { createResource, nearestPackage } from '../../lib/bootstrap/resource.ts';
import { isLauncher, isTool, unobservable } from '../../lib/bootstrap/runtime-guard.ts';
import { createSettings } from '../../lib/bootstrap/settings.ts';

function settingsOf(env: Record<string, string>) {
  const { given } = readOptions({}, env);
  return createSettings(given, createResource(given, env), env);
}

test('in development everything goes to the local stack, with a small journal', () => {
  const settings = settingsOf({ OTEL_SERVICE_NAME: 'shop' });
  assert.equal(settings.stackOnlyDefaulted, true);
  assert.equal(settings.logs.url, 'http://127.0.0.1:4380/elasticsearch');
  assert.equal(settings.logs.stream, 'logs-shop-development');
  assert.equal(settings.zipkinUrl, 'http://127.0.0.1:4380/zipkin/api/v2/spans');
  assert.equal(settings.journalMaxBytes, 32 * 1024 ** 2);
  assert.deepEqual(settings.off, []);
});

test('outside development, and when one backend is named, nothing is guessed: what has no address is off and said', () => {
  const production = settingsOf({ NODE_ENV: 'production' });
  assert.equal(production.zipkinUrl, undefined);
  assert.equal(production.logs.mode, 'none');
  assert.equal(production.off.length, 2);
  const named = settingsOf({ SIGHTLINE_ELASTICSEARCH_URL: 'http://es:9200' });
  assert.equal(named.logs.url, 'http://es:9200');
  assert.equal(named.zipkinUrl, undefined);
  assert.match(named.off[0] ?? '', /traces have no address/);
  assert.equal(named.journalMaxBytes, 512 * 1024 ** 2);
});

test('logs go to Logstash when its address is given, or when it is asked for', () => {
  const settings = settingsOf({ SIGHTLINE_LOGSTASH_URL: 'tls://logstash:5000' });
  assert.equal(settings.logs.mode, 'ship');
  assert.equal(settings.logs.backend, 'logstash');
  assert.equal(settings.logs.url, 'tls://logstash:5000');
  assert.equal(settings.stackOnlyDefaulted, false);
  const without = settingsOf({ SIGHTLINE_LOGS: 'logstash' });
  assert.equal(without.logs.mode, 'none');
  assert.match(without.off.join(), /Logstash has no address; set SIGHTLINE_LOGSTASH_URL/);
  const direct = settingsOf({ SIGHTLINE_LOGSTASH_URL: 'tls://logstash:5000', SIGHTLINE_DELIVERY: 'direct' });
  assert.equal(direct.logs.mode, 'none');
  assert.match(direct.off.join(), /SIGHTLINE_DELIVERY=journal/);
});

test('spans go by OTLP when only its endpoint is set, or when it is asked for; logs when they are asked to', () => {
  const settings = settingsOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%3Db',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2000',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  });
  assert.deepEqual(settings.otlpTraces, {
    kind: 'otlp',
    url: 'http://c:4318/v1/traces',
    protocol: 'http/protobuf',
    headers: { 'api-key': 'a=b' },
    gzip: true,
    timeoutMillis: 2000,
    headersFile: undefined,
    caFile: undefined,
    certificateFile: undefined,
    keyFile: undefined,
  });
  assert.equal(settings.zipkinUrl, undefined);
  assert.equal(settings.logs.mode, 'none');
  assert.match(settings.off.join(), /SIGHTLINE_LOGS=otlp/);
  const both = settingsOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/base',
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://l/own',
    OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/json',
    SIGHTLINE_LOGS: 'otlp',
    OTEL_EXPORTER_ZIPKIN_ENDPOINT: 'http://z:9411/api/v2/spans',
  });
  assert.equal(both.zipkinUrl, 'http://z:9411/api/v2/spans', 'the endpoint for spans is Zipkin when both are given');
  assert.equal(both.otlpTraces, undefined);
  assert.equal(both.logs.otlp?.url, 'https://l/own');
  assert.equal(both.logs.otlp?.protocol, 'http/json');
  assert.deepEqual(both.off, []);
});

test('client certificates for OTLP: what is said for a signal alone wins', () => {
  const settings = settingsOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c:4318',
    SIGHTLINE_LOGS: 'otlp',
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: '/all.pem',
    OTEL_EXPORTER_OTLP_CLIENT_KEY: '/all.key',
    OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE: '/logs.pem',
    OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY: '/logs.key',
    SIGHTLINE_OTLP_HEADERS_FILE: '/headers',
  });
  const { otlpTraces, logs } = settings;
  assert.deepEqual([otlpTraces?.certificateFile, otlpTraces?.keyFile], ['/all.pem', '/all.key']);
  assert.deepEqual([logs.otlp?.certificateFile, logs.otlp?.keyFile], ['/logs.pem', '/logs.key']);
  assert.deepEqual([otlpTraces?.headersFile, logs.otlp?.headersFile], ['/headers', '/headers']);
});

test('what OTLP cannot do here is off, and one line says so', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', SIGHTLINE_LOGS: 'none' };
  const grpc = settingsOf({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
  assert.equal(grpc.otlpTraces, undefined);
  assert.match(grpc.off.join(), /^traces: OTLP over gRPC/);
  assert.match(settingsOf({ ...endpoint, SIGHTLINE_DELIVERY: 'direct' }).off.join(), /SIGHTLINE_DELIVERY=journal/);
  assert.match(settingsOf({ OTEL_TRACES_EXPORTER: 'otlp' }).off.join(), /set OTEL_EXPORTER_OTLP_ENDPOINT/);
  assert.match(settingsOf({ SIGHTLINE_LOGS: 'otlp' }).off.join(), /^logs: OTLP has no address/);
});

test('spans on the console go nowhere else, and need no address', () => {
  const settings = settingsOf({ OTEL_TRACES_EXPORTER: 'console', SIGHTLINE_LOGS: 'none', NODE_ENV: 'production' });
  assert.equal(settings.consoleSpans, true);
  assert.equal(settings.zipkinUrl, undefined);
  assert.deepEqual(settings.off, []);
});

test('data stream names keep to [a-z0-9_.] in both parts', () => {
  const settings = settingsOf({ OTEL_SERVICE_NAME: '@acme/Shop-Front', SIGHTLINE_ENVIRONMENT: 'Prod EU' });
  assert.equal(settings.logs.stream, 'logs-_acme_shop_front-prod_eu');
  assert.equal(settings.logs.dataset, '_acme_shop_front');
  assert.equal(settings.logs.namespace, 'prod_eu');
});

test('StatsD in every dialect and over every transport; where pages are pushed', () => {
  const of = (env: Record<string, string>) =>
    settingsOf({ OTEL_SERVICE_NAME: 'shop', SIGHTLINE_HOST: 'server1', ...env });
  assert.equal(of({}).statsdUrl, undefined);
  for (const url of ['tcp://statsd:9125', 'unix:///run/dsd.sock', 'udp://127.0.0.1:8125'])
    for (const dialect of ['hierarchy', 'dogstatsd', 'influx']) {
      const env = { SIGHTLINE_METRICS: 'statsd', SIGHTLINE_STATSD_URL: url, SIGHTLINE_STATSD_DIALECT: dialect };
      assert.deepEqual([of(env).statsdUrl, of(env).off], [url, []]);
    }
  const push = { SIGHTLINE_METRICS: 'prometheus,push' };
  assert.equal(of({}).pushUrl, undefined);
  assert.equal(of(push).pushUrl, 'http://127.0.0.1:4380/pushgateway/metrics/job/shop/instance/server1');
  const named = of({
    ...push,
    SIGHTLINE_METRICS_PUSH_URL: 'http://gw:9091',
    OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=i1',
  });
  assert.equal(named.pushUrl, 'http://gw:9091/metrics/job/shop/instance/i1');
  const nowhere = of({ ...push, NODE_ENV: 'production' });
  assert.equal(nowhere.pushUrl, undefined);
  assert.match(nowhere.off.join(' '), /metrics are not pushed: no address/);
});

test('the environment: option, then resource, then NODE_ENV, then development', () => {
  const env = { NODE_ENV: 'c', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=b' };
  assert.equal(settingsOf({ ...env, SIGHTLINE_ENVIRONMENT: 'a' }).resource.environment, 'a');
  assert.equal(settingsOf(env).resource.environment, 'b');
  assert.equal(settingsOf({ NODE_ENV: 'c' }).resource.environment, 'c');
  assert.equal(settingsOf({}).resource.environment, 'development');
});

test('the service is named by the nearest package.json', () => {
  assert.equal(nearestPackage('lib/index.ts', process.cwd()).name, 'sightline');
  assert.equal(nearestPackage(undefined, '/').name, undefined);
});

test('package managers and build tools are left alone, apps are not', () => {
  for (const tool of [
    '/usr/lib/node_modules/npm/bin/npm-cli.js',
    '/app/node_modules/.bin/tsc',
    '/app/node_modules/typescript/bin/tsc',
    'C:\\app\\node_modules\\npm\\bin\\npx-cli.js',
    '/app/node_modules/@biomejs/biome/bin/biome',
    '/usr/bin/npm',
    '/home/app/.cache/node/corepack/v1/pnpm/10.1.0/bin/pnpm.cjs',
    '/app/.yarn/releases/yarn-4.9.1.cjs',
    'C:\\Program Files\\nodejs\\node_modules\\corepack\\dist\\pnpm.js',
    '/app/node_modules/.pnpm/nodemon@3.1.14/node_modules/nodemon/bin/nodemon.js',
    '/app/node_modules/.bin/nest',
    '/app/node_modules/tsx/dist/cli.mjs',
    '/app/node_modules/next/dist/compiled/jest-worker/processChild.js',
  ]) {
    assert.equal(isTool(tool), true, tool);
  }
  for (const app of [
    '/app/server.js',
    '/app/node_modules/http-server/bin/http-server',
    '/npm/server.js',
    '/srv/npm/index.js',
    '/srv/yarn-8/index.js',
    '/app/node_modules/ts-node/dist/bin.js',
    '/app/node_modules/next/dist/bin/next',
    undefined,
  ]) {
    assert.equal(isTool(app), false, app);
  }
});

test('some programs are tools only with some commands', () => {
  for (const next of ['/app/node_modules/.bin/next', 'C:\\app\\node_modules\\next\\dist\\bin\\next']) {
    assert.equal(isTool(next, 'build'), true);
    assert.equal(isTool(next, 'start'), false);
    assert.equal(isTool(next), false);
    assert.equal(isLauncher(next), true);
  }
  assert.equal(isTool('/app/server.js', 'build'), false);
  assert.equal(isLauncher('/app/next/server.js'), false);
});

test('this runtime can be observed', () => assert.equal(unobservable(), undefined));
