import { ProtobufWriter } from '../codec/protobuf.ts';
import { decodeOtlp } from './otlp-decode.ts';

/** A span of Zipkin v2, as it came. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly localEndpoint?: { readonly serviceName?: string };
  readonly tags?: Readonly<Record<string, string>>;
}

/** A page of metrics that was pushed. */
export interface ReceivedPush {
  /** `PUT` replaces what the gateway has of the group, `POST` adds to it. */
  readonly method: string;
  /** Labels in the path, such as `/metrics/job/shop/instance/server1`. */
  readonly path: string;
  readonly body: string;
}

/** A record that is not taken, as `_bulk` words it. */
export interface ItemFault {
  readonly every: number;
  readonly item: { readonly status: number; readonly type: string; readonly reason: string };
}

export interface Taken {
  readonly status: number;
  readonly body: string | Buffer;
  /** Default: JSON. */
  readonly type?: string;
}

const PROTOBUF = 'application/x-protobuf';
const ACKNOWLEDGED: Taken = { status: 200, body: '{"acknowledged":true}' };
const NO_FAULT: ItemFault = { every: 0, item: { status: 0, type: '', reason: '' } };

/** Everything that a receiver has taken, protocol by protocol, in the order in which it came. */
export class Received {
  readonly spans: ReceivedSpan[] = [];
  readonly otlpSpans: Record<string, any>[] = [];
  readonly otlpLogs: Record<string, any>[] = [];
  readonly logstash: Record<string, any>[] = [];
  readonly documents: Record<string, any>[] = [];
  readonly statsd: string[] = [];
  readonly pushes: ReceivedPush[] = [];
  conflicts = 0;
  private readonly known = new Set<string>();
  private generated = 0;
  private items = 0;

  /**
   * Takes one request.
   * @param fault of single records, for protocols that can say so
   * @throws SyntaxError for a body that is none
   */
  take(request: { method: string; path: string; type: string | undefined; body: Buffer }, fault = NO_FAULT): Taken {
    const { method, path, type, body } = request;
    if (path.endsWith('/v1/traces') || path.endsWith('/v1/logs')) return this.takeOtlp(path, type, body, fault);
    if (path.endsWith('/api/v2/spans')) {
      this.spans.push(...(JSON.parse(body.toString()) as ReceivedSpan[]));
      return { status: 202, body: '' };
    }
    if (path === '/logstash') {
      const events = JSON.parse(body.toString());
      this.logstash.push(...(Array.isArray(events) ? events : [events]));
      return { status: 200, body: 'ok' };
    }
    if (path.endsWith('/_bulk')) return { status: 200, body: JSON.stringify(this.takeBulk(path, body, fault)) };
    if (path.includes('/metrics/job')) {
      this.pushes.push({ method, path: path.slice(path.indexOf('/metrics/job')), body: body.toString() });
      return { status: 200, body: '' };
    }
    if (/\/_index_template\/|\/_component_template\//.test(path)) return ACKNOWLEDGED;
    return { status: 404, body: '{}' };
  }

  /** UDP, which never says anything. */
  takeStatsd(packet: string): void {
    this.statsd.push(...packet.split('\n').filter((line) => line !== ''));
  }

  private takeOtlp(path: string, type: string | undefined, body: Buffer, fault: ItemFault): Taken {
    const json = type === 'application/json';
    const traces = path.endsWith('/v1/traces');
    const request = json ? JSON.parse(body.toString()) : decodeOtlp(traces ? 'TracesData' : 'LogsData', body);
    const [groups, scopes, records] = traces
      ? ['resourceSpans', 'scopeSpans', 'spans']
      : ['resourceLogs', 'scopeLogs', 'logRecords'];
    let rejected = 0;
    for (const group of request[groups] ?? []) {
      for (const scope of group[scopes] ?? []) {
        const all: unknown[] = scope[records] ?? [];
        scope[records] = all.filter(() => !this.isFaulty(fault));
        rejected += all.length - scope[records].length;
      }
    }
    (traces ? this.otlpSpans : this.otlpLogs).push(...(request[groups] ?? []));
    if (!json) {
      return { status: 200, body: rejected === 0 ? '' : partialSuccess(rejected, fault.item.reason), type: PROTOBUF };
    }
    const count = { [traces ? 'rejectedSpans' : 'rejectedLogRecords']: String(rejected) };
    return {
      status: 200,
      body: JSON.stringify({ partialSuccess: rejected === 0 ? {} : { ...count, errorMessage: fault.item.reason } }),
    };
  }

  private isFaulty({ every }: ItemFault): boolean {
    this.items += 1;
    return every > 0 && this.items % every === 0;
  }

  private takeBulk(path: string, body: Buffer, fault: ItemFault): object {
    const target = /([^/]+)\/_bulk$/.exec(path)?.[1];
    const lines = body.toString().split('\n');
    if (lines.pop() !== '') throw new SyntaxError('the bulk request must be terminated by a newline');
    const items: Record<string, { status: number }>[] = [];
    for (let at = 0; at < lines.length; at += 2) {
      const [verb, meta] = Object.entries<any>(JSON.parse(lines[at] ?? ''))[0] ?? ['create', {}];
      const source = JSON.parse(lines[at + 1] ?? '');
      this.generated += 1;
      const _index = meta._index ?? (target === undefined ? undefined : decodeURIComponent(target));
      const _id = meta._id ?? `generated-${this.generated}`;
      if (this.isFaulty(fault)) {
        const { status, ...error } = fault.item;
        items.push({ [verb]: Object.assign({ _index, _id, error }, { status }) });
      } else items.push({ [verb]: this.store({ verb, _index, _id, source }) });
    }
    return { took: 1, errors: items.some((item) => Object.values(item)[0]!.status >= 300), items };
  }

  private store(entry: { verb: string; _index: string; _id: string; source: object }): { status: number } {
    const { verb, _index, _id, source } = entry;
    const key = `${_index}/${_id}`;
    if (this.known.has(key) && verb === 'create') {
      this.conflicts += 1;
      const error = { type: 'version_conflict_engine_exception', reason: 'document already exists' };
      return Object.assign({ _index, _id, error }, { status: 409 });
    }
    this.known.add(key);
    this.documents.push({ ...source, _index, _id });
    return Object.assign({ _index, _id, result: 'created' }, { status: 201 });
  }
}

/** `ExportTracePartialSuccess` or that of logs in Protocol Buffers: field 1 of the answer, with a count (1) and a text (2). */
function partialSuccess(rejected: number, reason: string): Buffer {
  const writer = new ProtobufWriter();
  writer.message(1, () => {
    writer.string(2, reason);
    writer.uint(1, rejected);
  });
  return writer.finish();
}
