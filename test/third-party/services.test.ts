/**
 * Programs that others wrote and published, unmodified: under the one line they answer, print and stop as they do
 * without it, and their requests are found as spans, log lines and metrics.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { announcedAdmin } from '../support/announced.ts';
import { NODE_OLDEST, NODE_OWN, type NodeRuntime } from '../support/nodes.ts';
import { type ReceivedSpan, type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { REGISTER, runService, type ServiceRun } from './compare.ts';
import { SERVICES, type ThirdPartyService } from './services.ts';

type Run = Awaited<ReturnType<typeof runService>>;

const WAYS = [
  { name: '--import', signal: 'SIGTERM', nodeArgs: ['--import', REGISTER], env: {} },
  { name: 'NODE_OPTIONS', signal: 'SIGINT', nodeArgs: [], env: { NODE_OPTIONS: `--import=${REGISTER}` } },
] as const;

/** The answers as the client sees them, without our header. */
function answersOf(run: ServiceRun): readonly object[] {
  return run.answers.map(({ correlationId: _ours, ...theirs }) => theirs);
}

async function requestCount(dataDirectory: string): Promise<number> {
  const page = await (await fetch(`${await announcedAdmin(dataDirectory)}/metrics`)).text();
  return page
    .split('\n')
    .filter((line) => line.startsWith('http_server_request_duration_seconds_count{'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

function checkSpan(span: ReceivedSpan, service: ThirdPartyService, n: number, status: number): void {
  const request = service.requests[n];
  assert.equal(span.kind, 'SERVER');
  assert.equal(span.tags?.['http.response.status_code'], String(status), request?.path);
  assert.equal(span.tags?.['http.route'], request?.route, `route of ${request?.method ?? 'GET'} ${request?.path}`);
  assert.equal(span.tags?.['http.request.method'], request?.method ?? 'GET');
  assert.equal(span.tags?.['error'] !== undefined, status >= 500, `error tag of ${request?.path}`);
}

function nodesFor(service: ThirdPartyService): readonly NodeRuntime[] {
  return service.newNodeOnly === true ? [NODE_OWN] : [NODE_OWN, NODE_OLDEST];
}

suite('programs of others', { concurrency: 2 }, () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  function hasArrived(id: string, service: ThirdPartyService): true | undefined {
    const lines = receiver.documents.filter((document) => document['correlation.id'] === id);
    const isThere = receiver.spans.some((span) => span.tags?.['correlation.id'] === id);
    return isThere && lines.length >= (service.logsByPino === true ? 2 : 1) ? true : undefined;
  }

  async function compare(service: ThirdPartyService, node: NodeRuntime, way: (typeof WAYS)[number]): Promise<void> {
    const { signal, nodeArgs } = way;
    const id = (n: number): string => `${service.name}-${node.version}-${way.name.replaceAll('-', '')}-${n}`;
    // The bare run is sent the same headers: some programs print what they get.
    const headers = (n: number): Record<string, string> => ({ 'x-correlation-id': id(n) });
    const bare: Run = await runService({ service, node, signal, headers });

    const dataDirectory = temporaryDirectory('data');
    const observed = await runService({
      service,
      node,
      signal,
      nodeArgs,
      headers,
      env: { ...receiver.environment, ...way.env, SIGHTLINE_DATA_DIR: dataDirectory },
      expectedBeforeStop: bare.beforeStop,
      async beforeStop() {
        assert.equal(await requestCount(dataDirectory), service.requests.length, 'requests counted');
        // A signal waits 500 ms for delivery, then leaves the rest on disk for the next start: here all is to arrive.
        for (const n of service.requests.keys())
          await eventually(`span and lines of ${id(n)}`, () => hasArrived(id(n), service));
      },
    });
    assert.deepEqual(answersOf(observed), answersOf(bare));
    assert.equal(observed.stdout, bare.stdout);
    assert.equal(observed.stderr, bare.stderr);
    assert.deepEqual([observed.code, observed.signal], [bare.code, bare.signal]);

    for (const [n, answer] of observed.answers.entries()) {
      assert.equal(answer.correlationId, id(n));
      const span = receiver.spans.find((candidate) => candidate.tags?.['correlation.id'] === id(n));
      assert.ok(span);
      checkSpan(span, service, n, answer.status);
      const lines = receiver.documents.filter((document) => document['correlation.id'] === id(n));
      for (const line of lines) assert.equal(line['trace.id'], span.traceId);
      assert.equal(lines.filter((line) => line['event.duration'] !== undefined).length, 1, 'access lines');
      if (answer.status >= 500 && service.logsByPino === true) {
        assert.equal(
          lines.filter((line) => line['error.stack_trace'] !== undefined).length,
          1,
          'the error is told once',
        );
      }
    }
  }

  for (const service of SERVICES) {
    const { missing } = npmFixture(service.folder);
    for (const node of nodesFor(service)) {
      for (const way of WAYS) {
        const skip = missing ?? node.missing;
        const name = `${service.name} (${service.framework}) by ${way.name}, stopped by ${way.signal}, Node ${node.version}`;
        test(name, { skip }, () => compare(service, node, way));
      }
    }
  }
});
