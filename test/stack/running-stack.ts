import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stack, type StackOptions, startStack } from '../../lib/stack/stack.ts';
import { bulkOf, metricsPage, sampleRequest } from './sample-request.ts';

/** A stack on free ports with a directory of its own, gone at the end. */
export async function runningStack(
  options: Partial<StackOptions> = {},
): Promise<Stack & { directory: string; warnings: string[]; [Symbol.asyncDispose](): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), 'sightline-test-'));
  const warnings: string[] = [];
  const stack = await startStack({
    port: 0,
    dataDirectory: undefined,
    targetsDirectory: join(directory, 'targets'),
    nativePorts: 'none',
    onWarning: (code, text) => warnings.push(`${code}: ${text}`),
    ...options,
  });
  return {
    ...stack,
    directory,
    warnings,
    [Symbol.asyncDispose]: async () => {
      await stack.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A `/metrics` page of the sample's trace, to be scraped. */
export async function metricsServer(): Promise<{
  url: string;
  accepts: string[];
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const accepts: string[] = [];
  const server = createServer((request, response) => {
    accepts.push(request.headers.accept ?? '');
    response.writeHead(200, {
      'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      connection: 'close',
    });
    response.end(metricsPage());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    accepts,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends the sample request as its services would. */
export async function sendSample(
  url: string,
  startMicros: number,
  ids: { traceId?: string; correlationId?: string } = {},
): Promise<void> {
  const { spans, documents } = sampleRequest(startMicros, ids);
  const posted = await fetch(`${url}/zipkin/api/v2/spans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(spans),
  });
  if (posted.status !== 202) throw new Error(`spans: ${posted.status} ${await posted.text()}`);
  const logged = await fetch(`${url}/elasticsearch/_bulk`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: bulkOf(documents, (index) => `${ids.traceId ?? ''}-${index}`),
  });
  const answer = (await logged.json()) as { errors: boolean };
  if (!logged.ok || answer.errors) throw new Error(`logs: ${logged.status} ${JSON.stringify(answer)}`);
}

/** Waits until a condition holds, asking again and again; fails after a bound. */
export async function eventually<Result>(
  ask: () => Promise<Result | undefined | false> | Result | undefined | false,
  what: string,
  millis = 10_000,
): Promise<Result> {
  const deadline = performance.now() + millis;
  for (;;) {
    const result = await ask();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${millis} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
