import { channel } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { runOutside } from '../context/context.ts';
import { fence } from '../core/fence.ts';
import { onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';

export type Http2 = typeof import('node:http2');

/** How `process.moduleLoadList` names it once somebody has loaded it. */
const LOADED = 'NativeModule http2';

/** What Node does not export and gives every session: where its methods are. */
export interface SessionPrototypes {
  /** Of the sessions that `http2.connect` makes; has `request`. */
  readonly client: object;
  /** Of the sessions of servers; what the client asks comes as their `stream` events. */
  readonly server: object;
}

/** A stream that goes nowhere: a session over it sends nothing to anybody. */
function nowhere(): Duplex {
  const { Duplex: Stream } = process.getBuiltinModule('node:stream');
  return new Stream({ read() {}, write: (_chunk, _encoding, done) => done() });
}

/** Two sessions over nothing, destroyed at once: Node exports no other way to their prototypes. */
export function sessionPrototypes(http2: Http2): SessionPrototypes {
  return runOutside(() => {
    const client = http2.connect('http://localhost', { createConnection: nowhere });
    const server = http2.performServerHandshake(nowhere());
    const prototypes = { client: Object.getPrototypeOf(client), server: Object.getPrototypeOf(server) };
    for (const session of [client, server]) session.on('error', () => {}).destroy();
    return prototypes;
  });
}

/**
 * Calls back once, when the app has loaded `node:http2`; never loads it itself, which takes more than 10 ms. Node tells
 * of `require('http2')` only: what an ES module imports is looked for when a server listens and when a socket
 * connects, which is before the first stream of either side.
 *
 * @returns a function that ends the watch
 */
export function onHttp2Loaded(callback: (http2: Http2) => void): () => void {
  const { moduleLoadList = [] } = process as typeof process & { moduleLoadList?: string[] };
  let looked = 0;
  const undo: (() => void)[] = [];
  const stop = (): void => {
    for (const restore of undo.splice(0)) restore();
  };

  const look = fence('search for http2', () => {
    while (looked < moduleLoadList.length && moduleLoadList[looked] !== LOADED) looked += 1;
    if (looked >= moduleLoadList.length) return;
    looked = Number.POSITIVE_INFINITY;
    stop();
    callback(process.getBuiltinModule('node:http2'));
  });

  const listening = channel('tracing:net.server.listen:asyncEnd');
  listening.subscribe(look);
  undo.push(() => listening.unsubscribe(look));
  undo.push(onRequire((id) => id === 'http2' || id === 'node:http2', look));
  const { Socket } = process.getBuiltinModule('node:net');
  const restore = patchMethod(
    Socket.prototype,
    'connect',
    (original) =>
      function connect(this: Socket, ...args: unknown[]): unknown {
        look();
        return Reflect.apply(original, this, args);
      },
  );
  if (restore !== undefined) undo.push(restore);
  look();
  return stop;
}
