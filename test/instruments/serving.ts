import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach } from 'node:test';
import { active } from '../../lib/context/context.ts';
import { internalErrors } from '../../lib/core/fence.ts';
import type { InstrumentOptions } from '../../lib/instruments/dependencies.ts';
import { eventually } from '../support/wait.ts';
import { type Recorded, record } from './recorder.ts';

export interface Serving {
  readonly recorded: Recorded;
  /** Listens on a free port of the loopback until the test is over. */
  serve(handler: RequestListener, server?: Server): Promise<number>;
  /** Waits until so many server requests have ended. */
  ended(count: number): Promise<unknown>;
}

/** All instruments over servers of a test file; after each test its servers are closed and no bug of ours was caught. */
export function serving(options: Partial<InstrumentOptions> = {}): Serving {
  const recorded = record(options);
  const servers: Server[] = [];
  after(() => recorded.instruments.stop());
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    recorded.clear();
    assert.equal(internalErrors(), 0, 'no bug of ours was caught');
  });
  return {
    recorded,
    async serve(handler, server = createServer()) {
      server.on('request', handler);
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as AddressInfo).port;
    },
    ended: (count) =>
      eventually(`${count} ended requests`, () => (recorded.serverMetrics.length >= count ? true : undefined), {
        pauseMillis: 2,
      }),
  };
}

export const ok: RequestListener = (_request, response) => void response.end('ok');
/** The correlation ID of the request that the running code belongs to. */
export const seen = (): string | undefined => active().request?.correlationId;
