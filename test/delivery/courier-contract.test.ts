import { decodeOtlp } from '../../lib/testing/otlp-decode.ts';
import { type CourierAdapter, courierContract } from './courier-contract.ts';
import type { Arrived } from './scripted-backend.ts';

const json = ({ body }: Arrived): any => JSON.parse(body.toString());
const withUser = (url: string): string => url.replace('http://', 'http://shop:secret@');
/** Span IDs of the fixture are numbers. */
const numberOf = (spanId: string): number => Number.parseInt(spanId, 16) - 1;

const bulk = (items: readonly object[]) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ errors: true, items: items.map((create) => ({ create })) }),
});
const BUSY = { status: 429, error: { type: 'es_rejected_execution_exception', reason: 'busy' } };
const WRONG = { status: 400, error: { type: 'document_parsing_exception', reason: 'field' } };

const otlp = (url: string, protocol: 'http/protobuf' | 'http/json') =>
  ({ kind: 'otlp', url, protocol, gzip: false, headers: { authorization: 'Bearer secret' } }) as const;

const COURIERS: readonly CourierAdapter[] = [
  {
    name: 'Elasticsearch',
    signal: 'logs',
    destination: (url) => ({ logs: { url, stream: 'logs-a-b', apiKey: 'secret' } }),
    numbers: ({ body }) =>
      body
        .toString()
        .trimEnd()
        .split('\n')
        .flatMap((line, at) => (at % 2 === 1 ? [JSON.parse(line).number as number] : [])),
    taken: (count) => bulk(Array.from({ length: count }, () => ({ status: 201 }))),
    partial: (count, places, what) =>
      bulk(
        Array.from({ length: count }, (_, at) =>
          !places.includes(at) ? { status: 201 } : what === 'again' ? BUSY : WRONG,
        ),
      ),
  },
  {
    name: 'Logstash over http',
    signal: 'logs',
    destination: (url) => ({ logs: { kind: 'logstash', url: withUser(url) } }),
    numbers: (request) => json(request).map((line: any) => line.number),
    taken: () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' }),
  },
  {
    name: 'Zipkin',
    signal: 'spans',
    destination: (url) => ({ spans: { url: withUser(url) } }),
    numbers: (request) => json(request).map(({ id }: any) => numberOf(id)),
    taken: () => ({ status: 202 }),
  },
  {
    name: 'OTLP traces, protobuf',
    signal: 'spans',
    destination: (url) => ({ spans: otlp(url, 'http/protobuf') }),
    numbers: ({ body }) =>
      ((decodeOtlp('TracesData', body) as any).resourceSpans ?? []).flatMap(({ scopeSpans }: any) =>
        scopeSpans.flatMap(({ spans }: any) => spans.map(({ spanId }: any) => numberOf(spanId))),
      ),
    taken: () => ({ status: 200, headers: { 'content-type': 'application/x-protobuf' } }),
  },
  {
    name: 'OTLP logs, JSON',
    signal: 'logs',
    destination: (url) => ({ logs: otlp(url, 'http/json') }),
    numbers: (request) =>
      json(request).resourceLogs.flatMap(({ scopeLogs }: any) =>
        scopeLogs[0].logRecords.map(({ attributes }: any) =>
          Number(attributes.find(({ key }: any) => key === 'number').value.intValue),
        ),
      ),
    taken: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }),
  },
];

for (const adapter of COURIERS) courierContract(adapter);
