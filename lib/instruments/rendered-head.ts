import type { ClientRequest, ServerResponse } from 'node:http';

/**
 * Adds headers to a message head that Node has rendered and not sent yet (`OutgoingMessage._header`, the same since
 * Node 0.x). Nothing that the app can see changes: not `getHeaders()`, not the form that `writeHead` accepts, not
 * what it throws. With `setHeader`, `writeHead` refuses nested arrays and loggers that print response headers print
 * ours.
 */
interface Rendered {
  _header: string | null;
  _headerSent: boolean;
  outputData?: { data: unknown }[];
  outputSize?: number;
}

const END = '\r\n\r\n';
/** One expression per header name; the names come from the options, so there are few. */
const expressions = new Map<string, RegExp>();

function lineOf(name: string): RegExp {
  let expression = expressions.get(name);
  if (expression === undefined) {
    expression = new RegExp(`\\r\\n${name.replace(/[^\w-]/g, '\\$&')}[ \\t]*:`, 'i');
    expressions.set(name, expression);
  }
  return expression;
}

/** Whether the head has been rendered: from then on `setHeader` throws. */
export function isRendered(message: ServerResponse | ClientRequest): boolean {
  return typeof (message as unknown as Rendered)._header === 'string';
}

/** Whether a rendered head has the header, in any case of letters. */
export function headHas(message: ServerResponse | ClientRequest, name: string): boolean {
  const head = (message as unknown as Rendered)._header;
  return typeof head === 'string' && lineOf(name).test(head);
}

/**
 * Appends complete header lines (`name: value\r\n`…) to a rendered head; does nothing when the head has another shape
 * than we know or has left already.
 */
export function appendToHead(message: ServerResponse | ClientRequest, lines: string): void {
  const rendered = message as unknown as Rendered;
  const head = rendered._header;
  if (typeof head !== 'string' || !head.endsWith(END)) return;
  const longer = `${head.slice(0, -2)}${lines}\r\n`;
  if (!rendered._headerSent) {
    rendered._header = longer;
    return;
  }
  // `Expect: 100-continue` queues the head as soon as it is rendered; it leaves when there is a socket.
  const queued = rendered.outputData?.[0];
  if (queued === undefined || queued.data !== head || typeof rendered.outputSize !== 'number') return;
  queued.data = longer;
  rendered._header = longer;
  rendered.outputSize += lines.length;
}
