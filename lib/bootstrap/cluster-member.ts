import type { Socket } from 'node:net';
import { runOutside } from '../context/context.ts';
import { reportBug } from '../core/fence.ts';
import { packFamilies } from '../metrics/aggregate-wire.ts';
import { type ClusterLink, type ClusterMessage, createLink } from './cluster-link.ts';
import { type ClusterProcess, PROTOCOL } from './cluster-process.ts';

/** How often changed counts are told unasked, milliseconds: what SIGKILL of a worker may cost. */
const PUSH_MILLIS = 250;
/** Longest time between two of them, and the share of the worker that they may take: a fiftieth. */
const MAX_PUSH_MILLIS = 5000;
const PUSH_SHARE = 50;

export interface MemberOptions {
  readonly process: ClusterProcess;
  /** Number of the worker in its cluster. */
  readonly worker: number;
  readonly instanceId: string;
  /** Told when somebody answers for this process; the URL is undefined where there is no admin port. */
  onWelcome(url: string | undefined): void;
  /** The one who answered is gone, or never took us. */
  onLost(welcomed: boolean): void;
}

export interface Member {
  /** Tells the last counts; synchronous as far as the system takes it, for exits. */
  lastWords(): void;
  close(): void;
}

/** A process for which another one answers: tells its counts, and everything when it is asked. */
export function joinAsMember(socket: Socket, options: MemberOptions): Member {
  const own = options.process;
  let timer: NodeJS.Timeout | undefined;
  let said = '';
  let welcomed = false;
  let closed = false;

  function push(link: ClusterLink): void {
    const families = packFamilies(own.exposition.ownCounts());
    const text = JSON.stringify(families);
    if (text === said) return;
    if (link.send({ type: 'counts', families })) said = text;
  }

  function pushSoon(link: ClusterLink, millis: number): void {
    timer = runOutside(() =>
      setTimeout(() => {
        const start = performance.now();
        try {
          push(link);
        } catch (error) {
          reportBug('cluster counts', error);
        }
        const cost = performance.now() - start;
        if (!closed) pushSoon(link, Math.min(MAX_PUSH_MILLIS, Math.max(PUSH_MILLIS, cost * PUSH_SHARE)));
      }, millis),
    );
    timer.unref();
  }

  async function answer(what: unknown, message: ClusterMessage): Promise<unknown> {
    if (what === 'metrics') return packFamilies(await own.exposition.families());
    if (what === 'health') return own.health.report();
    if (what === 'levels') return own.logLevels.list();
    if (what !== 'set-level' || typeof message['level'] !== 'string') return undefined;
    const { name, forMillis } = message as { name?: unknown; forMillis?: unknown };
    return own.logLevels.set(message['level'], {
      name: typeof name === 'string' ? name : undefined,
      forMillis: typeof forMillis === 'number' ? forMillis : undefined,
    });
  }

  const link = createLink(socket, {
    onMessage(message) {
      if (message.type === 'welcome') {
        welcomed = true;
        options.onWelcome(typeof message['url'] === 'string' ? message['url'] : undefined);
      }
      if (message.type !== 'ask') return;
      runOutside(() => answer(message['what'], message)).then(
        (value) => link.send({ type: 'answer', id: message['id'], value }),
        (error: unknown) => reportBug('cluster answer', error),
      );
    },
    onClose() {
      clearTimeout(timer);
      if (closed) return;
      closed = true;
      options.onLost(welcomed);
    },
  });
  link.send({
    type: 'hello',
    protocol: PROTOCOL,
    worker: options.worker,
    pid: process.pid,
    instanceId: options.instanceId,
    families: packFamilies(own.exposition.ownCounts()),
  });
  pushSoon(link, PUSH_MILLIS);

  return {
    lastWords: () => push(link),
    close() {
      closed = true;
      clearTimeout(timer);
      link.close();
    },
  };
}
