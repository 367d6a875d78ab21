/** What the tests of runtimes and builds have in common: a program under observation, asked over HTTP. */
import { join } from 'node:path';
import { announcedAdmin } from '../support/announced.ts';
import { type Child, type ChildOptions, startChild, startProgram } from '../support/child.ts';
import { type Answer, send } from '../support/load.ts';
import { NODE_OWN } from '../support/nodes.ts';
import type { ReceivedSpan, Receiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

export const ONE_LINE = ['--import', 'sightline/register'];

export interface Serving {
  readonly child: Child;
  readonly url: string;
  readonly dataDirectory: string;
  /** Sends a request under an ID. */
  ask(path: string, id: string): Promise<Answer>;
  /** The page of `/metrics`, found as Prometheus would find it. */
  metrics(): Promise<string>;
}

export interface ServingOptions extends Partial<ChildOptions> {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly receiver: Receiver;
  /** Another program than Node. */
  readonly command?: string;
  /** How the program says its port. */
  readonly line?: RegExp;
}

/** Starts a program that listens, with everything sent to the receiver. */
export async function serve(options: ServingOptions): Promise<Serving> {
  const dataDirectory = options.env?.['SIGHTLINE_DATA_DIR'] ?? join(temporaryDirectory('data'), 'sightline');
  const env = { ...options.receiver.environment, SIGHTLINE_DATA_DIR: dataDirectory, ...options.env };
  const child =
    options.command === undefined
      ? startChild({ node: NODE_OWN, ...options, env })
      : startProgram(options.command, options.args, { ...options, env });
  const [, port] = await child.line(options.line ?? /listening (\d+)/);
  const url = `http://127.0.0.1:${port}`;
  return {
    child,
    url,
    dataDirectory,
    ask: (path, id) => send(url + path, { headers: { 'x-correlation-id': id } }),
    async metrics() {
      return await (await fetch(`${await announcedAdmin(dataDirectory)}/metrics`)).text();
    },
  };
}

/** The documents that carry an ID, once there are enough. */
export function documentsOf(receiver: Receiver, id: string, count: number): Promise<Record<string, any>[]> {
  return eventually(`${count} lines of ${id}`, () => {
    const found = receiver.documents.filter((document) => document['correlation.id'] === id);
    return found.length >= count ? found : undefined;
  });
}

/** The spans that carry an ID, once there are enough. */
export function spansOf(receiver: Receiver, id: string, count: number): Promise<ReceivedSpan[]> {
  return eventually(`${count} spans of ${id}`, () => {
    const found = receiver.spans.filter((span) => span.tags?.['correlation.id'] === id);
    return found.length >= count ? found : undefined;
  });
}

/** Routes and counts of the server histogram. */
export function routesOf(page: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of page.split('\n')) {
    const match = /^http_server_request_duration_seconds_count\{.*http_route="([^"]*)".*\} (\d+)/.exec(line);
    if (match !== null) counts[match[1] ?? ''] = (counts[match[1] ?? ''] ?? 0) + Number(match[2]);
  }
  return counts;
}
