import type { EventEmitter } from 'node:events';
import { fence } from '../core/fence.ts';
import { abortRequest, type RequestEnder } from './server-end.ts';
import type { ServerScope } from './server-scope.ts';

/** On a connection (a socket, or a session of HTTP/2): the requests on it that are not over. */
const kOpen = Symbol('sightline.open');

/** Open requests of a connection: nearly always one; more when a client pipelines or multiplexes. */
export class OpenRequests {
  private first: ServerScope | undefined;
  private others: Set<ServerScope> | undefined;
  private readonly end: RequestEnder;

  constructor(end: RequestEnder) {
    this.end = end;
  }

  add(scope: ServerScope): void {
    if (this.first === undefined) this.first = scope;
    else (this.others ??= new Set()).add(scope);
  }

  delete(scope: ServerScope): void {
    if (this.first === scope) this.first = undefined;
    else this.others?.delete(scope);
  }

  abortAll(): void {
    const { first, others } = this;
    this.first = undefined;
    this.others = undefined;
    if (first !== undefined) abortRequest(this.end, first);
    if (others !== undefined) for (const scope of others) abortRequest(this.end, scope);
  }
}

export type Connection = EventEmitter & { [kOpen]?: OpenRequests };

/** Connections that have brought a request, as long as they are open: as many as Node itself holds. */
const openConnections = new Set<OpenRequests>();

const onClose = fence('close of a connection', function (this: void, connection: Connection) {
  const open = connection[kOpen];
  if (open === undefined) return;
  openConnections.delete(open);
  open.abortAll();
});

/** One for all connections; a listener per request would add up on a kept-alive one. */
function closeListener(this: Connection): void {
  onClose(this);
}

/** The open requests of a connection, which are aborted when it closes. */
export function openRequestsOn(connection: Connection, end: RequestEnder): OpenRequests {
  let open = connection[kOpen];
  if (open === undefined) {
    open = new OpenRequests(end);
    connection[kOpen] = open;
    openConnections.add(open);
    connection.on('close', closeListener);
  }
  return open;
}

/** Takes an ended request off its connection. */
export function forgetRequest(connection: Connection, scope: ServerScope): void {
  connection[kOpen]?.delete(scope);
}

/** Ends every open request of the process as aborted. */
export function abortOpenRequests(): void {
  for (const open of openConnections) open.abortAll();
}
