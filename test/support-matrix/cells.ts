import type { IncomingHttpHeaders } from 'node:http';
import type { ReceivedSpan } from '../support/receiver.ts';
import type { Column, Row } from './rows.ts';

export type Cells = Readonly<Record<Column, string>>;

export const NOT_ASKED = '–';
export const YES = 'yes';
export const NO = 'no';

/** One request of a program, and all that it left behind. */
export interface Left {
  /** Its correlation ID. */
  readonly id: string;
  /** Of the trace context that came with it. */
  readonly traceId: string;
  readonly parentId: string;
  readonly spans: readonly ReceivedSpan[];
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly answer: IncomingHttpHeaders;
  /** What the next service was sent. */
  readonly next: readonly IncomingHttpHeaders[];
}

const ofKind = ({ spans }: Left, kind: string) => spans.filter((span) => span.kind === kind);

function onlyOf(left: Left, kind: string): ReceivedSpan | undefined {
  const [span, ...more] = ofKind(left, kind);
  return more.length === 0 ? span : undefined;
}

/** Exactly one server span, under the caller's; of a client, exactly one client span under the server's. */
function trace(row: Row, left: Left): string {
  const server = onlyOf(left, 'SERVER');
  if (server === undefined || server.traceId !== left.traceId || server.parentId !== left.parentId) return NO;
  if (row.group !== 'Clients') return YES;
  const client = onlyOf(left, 'CLIENT');
  return client?.parentId === server.id && client.traceId === left.traceId ? YES : NO;
}

/** The route as the span has it; the name must be made of it. */
function route(left: Left): string {
  const span = onlyOf(left, 'SERVER');
  if (span === undefined) return NO;
  const found = span.tags?.['http.route'];
  const rpc = span.tags?.['rpc.method'];
  const expected = rpc === undefined ? `GET${found === undefined ? '' : ` ${found}`}` : found?.slice(1);
  // Zipkin has names in lower case.
  return span.name?.toLowerCase() === expected?.toLowerCase() ? `\`${found ?? '""'}\`` : NO;
}

const STACK = 'error.stack_trace';

function hasIds(line: Readonly<Record<string, unknown>>, left: Left): boolean {
  return line['trace.id'] === left.traceId && line['correlation.id'] === left.id;
}

/**
 * `yes`: exactly one error line and the exception on the span. `line, status`: the line is the app's own, and the span
 * has failed without the exception. `status`: the span has failed.
 */
function error(row: Row, left: Left): string {
  const told = left.lines.filter((line) => line[STACK] !== undefined);
  if (row.group === 'Loggers') return told.length === 1 && told.every((line) => hasIds(line, left)) ? YES : NO;
  const span = onlyOf(left, row.group === 'Clients' ? 'CLIENT' : 'SERVER');
  if (span?.tags?.['error'] === undefined) return NO;
  const hasException = span.tags['exception.type'] !== undefined;
  if (row.group === 'Clients') return hasException ? YES : 'status';
  if (told.length > 1 || !told.every((line) => hasIds(line, left))) return NO;
  if (told.length === 0) return hasException ? NO : 'status';
  return hasException ? YES : 'line, status';
}

function logIds(left: Left): string {
  const lines = left.lines.filter((line) => line['message'] === 'order read');
  return lines.length === 1 && lines.every((line) => hasIds(line, left)) ? YES : NO;
}

function header(left: Left): string {
  return left.answer['x-correlation-id'] === left.id ? YES : NO;
}

/** One trace context, that of the one client span, and the ID: once each. */
function forward(left: Left): string {
  const client = onlyOf(left, 'CLIENT');
  const [headers, ...more] = left.next;
  if (client === undefined || headers === undefined || more.length > 0) return NO;
  return String(headers['traceparent']).startsWith(`00-${left.traceId}-${client.id}-`) ? YES : NO;
}

/** What `/orders/7` and `/broken` of a program have left, as cells of its row. */
export function judge(row: Row, order: Left, broken: Left, stop: string): Cells {
  const asked: Cells = {
    trace: trace(row, order),
    route: route(order),
    error: error(row, broken),
    'log IDs': logIds(order),
    header: header(order),
    forward: forward(order),
    stop,
  };
  const cells = Object.entries(asked).map(([column, cell]) => [
    column,
    row.columns.includes(column as Column) ? cell : NOT_ASKED,
  ]);
  return Object.fromEntries(cells) as Cells;
}
