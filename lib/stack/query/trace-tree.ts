import type { ZipkinEndpoint, ZipkinSpan } from '../zipkin-span.ts';
import { isShared, mergeTrace } from './trace-merge.ts';

/** A span in its place. The root has no span when the trace's own root is not known. */
export interface TraceNode {
  readonly span: ZipkinSpan | undefined;
  parent: TraceNode | undefined;
  readonly children: TraceNode[];
}

/**
 * The tree of one trace. A server that shares its span ID with its client hangs below it; spans whose parent is missing
 * hang below the root, the first span without a parent.
 * Source: zipkin 3.6, `zipkin2.internal.SpanNode`, re-expressed.
 *
 * @param spans at least one, all of one trace
 */
export function traceTree(spans: readonly ZipkinSpan[]): TraceNode {
  const builder = new TreeBuilder();
  const merged = mergeTrace(spans);
  for (const span of merged) builder.index(span);
  for (const span of merged) builder.place(span);
  return builder.build();
}

/** Level by level; the root only if it is a span. */
export function* breadthFirst(root: TraceNode): Generator<TraceNode & { readonly span: ZipkinSpan }> {
  const queue: TraceNode[] = root.span === undefined ? [...root.children] : [root];
  for (let at = 0; at < queue.length; at += 1) {
    const node = queue[at]!;
    queue.push(...node.children);
    yield node as TraceNode & { readonly span: ZipkinSpan };
  }
}

function nodeOf(span: ZipkinSpan | undefined): TraceNode {
  return { span, parent: undefined, children: [] };
}

/** A span ID alone names the client's side; that of a server is shared by as many as have answered, told apart by endpoint. */
function sharedKey(id: string, endpoint: ZipkinEndpoint | undefined): string {
  return endpoint === undefined
    ? `${id} shared`
    : `${id} shared ${JSON.stringify([endpoint.serviceName, endpoint.ipv4, endpoint.ipv6, endpoint.port])}`;
}

class TreeBuilder {
  #root: TraceNode | undefined;
  readonly #nodes = new Map<string, TraceNode>();
  /** Key of a span to the key of its parent, in the order in which spans are hung up. */
  readonly #parents = new Map<string, string | undefined>();

  index(span: ZipkinSpan): void {
    if (isShared(span)) this.#parents.set(sharedKey(span.id, span.localEndpoint), span.id);
    else this.#parents.set(span.id, span.parentId);
  }

  place(span: ZipkinSpan): void {
    const node = nodeOf(span);
    if (isShared(span)) {
      // Spans within the server may not say their endpoint: they find it without, too.
      this.#nodes.set(sharedKey(span.id, span.localEndpoint), node);
      this.#nodes.set(sharedKey(span.id, undefined), node);
      return;
    }
    if (span.parentId === undefined) {
      if (this.#root === undefined) {
        this.#root = node;
        this.#parents.delete(span.id);
        return;
      }
    } else {
      // A span of the server's own endpoint belongs below the server, not below its client of the same ID.
      const server = sharedKey(span.parentId, span.localEndpoint);
      if (this.#parents.has(server)) this.#parents.set(span.id, server);
    }
    this.#nodes.set(span.id, node);
  }

  build(): TraceNode {
    const root = this.#root ?? nodeOf(undefined);
    for (const [key, parentKey] of this.#parents) {
      const child = this.#nodes.get(key);
      if (child === undefined) continue;
      // The root itself is in no map: what names it as its parent hangs there all the same.
      const parent = (parentKey === undefined ? undefined : this.#nodes.get(parentKey)) ?? root;
      if (parent === child) continue;
      child.parent = parent;
      parent.children.push(child);
    }
    for (const node of [root, ...this.#nodes.values()])
      node.children.sort((one, other) => (one.span?.timestamp ?? 0) - (other.span?.timestamp ?? 0));
    return root;
  }
}
