import type { CorrelationView } from '../stack/correlate.ts';
import { logLevelOf } from '../stack/ingest/log-document.ts';
import { fieldText, type JsonValue } from '../stack/query/document-fields.ts';
import { readTimestamp } from '../stack/query/timestamp.ts';
import { spanFailed, type ZipkinSpan } from '../stack/zipkin-span.ts';
import type { Output } from './command.ts';
import { paint, printable } from './output.ts';

/** Steps of indentation that are shown; deeper ones are drawn at this depth. */
const MAX_INDENT = 12;
const OFFSET_WIDTH = 11;

/** What hangs below a span, or at the root: spans and log lines in order of time. */
interface Branch {
  readonly at: number;
  readonly span?: ZipkinSpan;
  readonly log?: JsonValue;
}

/** The time line of a request as a tree: spans below their parents, log lines below the span they were written in. */
export function renderTimeLine(view: CorrelationView, output: Output): string[] {
  const lines = heading(view, output);
  const branches = branchesOf(view);
  const walk = (parent: string, depth: number) => {
    for (const branch of (branches.get(parent) ?? []).sort((one, other) => one.at - other.at)) {
      const offset = paint(
        output,
        'dim',
        `${`+${millis(Math.max(0, branch.at - view.startedAt))}`.padStart(OFFSET_WIDTH)} `,
      );
      const indent = '  '.repeat(Math.min(depth, MAX_INDENT));
      if (branch.span === undefined) {
        lines.push(`${offset}${indent}${logText(branch.log!, output)}`);
      } else {
        lines.push(`${offset}${indent}${spanText(branch.span, output)}`);
        const children = keyOf(branch.span);
        if (children !== parent) walk(children, depth + 1);
      }
    }
    branches.delete(parent);
  };
  walk('', 0);
  for (const exemplar of view.exemplars) {
    const route = exemplar.seriesLabels['http_route'] ?? '';
    lines.push(
      paint(
        output,
        'dim',
        `   exemplar ${printable(`${exemplar.metric} ${exemplar.seriesLabels['job'] ?? ''} ${route}`).trim()} = ${Number(exemplar.value.toPrecision(4))}`,
      ),
    );
  }
  if (view.truncated) lines.push(paint(output, 'yellow', '   … more than can be shown; the lists are cut'));
  return lines;
}

function heading(view: CorrelationView, output: Output): string[] {
  const root = view.spans.find((span) => span.parentId === undefined) ?? view.spans[0];
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  const facts = [
    count(view.services.length, 'service'),
    count(view.spans.length, 'span'),
    count(view.logs.length, 'log line'),
    view.errors.length === 0 ? 'no errors' : paint(output, 'red', count(view.errors.length, 'error')),
  ];
  const status = root?.tags?.['http.response.status_code'] ?? root?.tags?.['http.status_code'];
  return [
    `${paint(output, 'bold', printable(root?.name ?? 'Log lines'))}${status === undefined ? '' : `  ${printable(status)}`}  ${millis(view.durationMicros)}  ${facts.join(' · ')}`,
    paint(output, 'dim', `ID ${printable(view.id)}  started ${new Date(view.startedAt / 1000).toISOString()}`),
    '',
  ];
}

function keyOf(span: ZipkinSpan): string {
  return `${span.traceId} ${span.id}`;
}

function branchesOf(view: CorrelationView): Map<string, Branch[]> {
  const branches = new Map<string, Branch[]>();
  const present = new Set(view.spans.map(keyOf));
  const hang = (parent: string, branch: Branch) => {
    const at = present.has(parent) ? parent : '';
    branches.set(at, [...(branches.get(at) ?? []), branch]);
  };
  for (const span of view.spans)
    hang(span.parentId === undefined ? '' : `${span.traceId} ${span.parentId}`, {
      at: span.timestamp ?? view.startedAt,
      span,
    });
  for (const log of view.logs) {
    const at = readTimestamp(fieldText(log, '@timestamp') ?? fieldText(log, 'time')) ?? view.startedAt;
    hang(`${fieldText(log, 'trace.id') ?? ''} ${fieldText(log, 'span.id') ?? ''}`, { at, log });
  }
  return branches;
}

function spanText(span: ZipkinSpan, output: Output): string {
  const service = paint(output, 'cyan', printable(span.localEndpoint?.serviceName ?? '?'));
  const kind = span.kind === 'CLIENT' ? '→ ' : '';
  const failed = spanFailed(span)
    ? `  ${paint(output, 'red', `error ${printable(span.tags?.['exception.message'] ?? span.tags?.['error'] ?? '')}`.trimEnd())}`
    : '';
  return `${service} ${kind}${printable(span.name ?? '')}  ${paint(output, 'dim', span.duration === undefined ? '' : millis(span.duration))}${failed}`;
}

function logText(document: JsonValue, output: Output): string {
  const level = logLevelOf(document) || 'log';
  const colour = level === 'error' || level === 'fatal' ? 'red' : level === 'warn' ? 'yellow' : 'dim';
  const message = printable(fieldText(document, 'message') ?? fieldText(document, 'msg') ?? '');
  const error = fieldText(document, 'error.message');
  const service = printable(fieldText(document, 'service.name') ?? '');
  return `· ${paint(output, colour, level.padEnd(5))} ${service}  ${message}${error === undefined || message.includes(printable(error)) ? '' : `: ${printable(error)}`}`;
}

/** Microseconds as a person reads them. */
export function millis(micros: number): string {
  const value = micros / 1000;
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return value >= 100 ? `${value.toFixed(0)} ms` : `${value.toFixed(1)} ms`;
}
