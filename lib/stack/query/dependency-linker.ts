import type { ZipkinSpan } from '../zipkin-span.ts';
import { breadthFirst, type TraceNode, traceTree } from './trace-tree.ts';

/** How often one service called another. Source: zipkin-api `zipkin2-api.yaml`, definition `DependencyLink`. */
export interface DependencyLink {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
  /** Left out when there were none. */
  readonly errorCount?: number;
}

/**
 * Counts calls between services over traces, each call once: by the server's span where it is known, else by what the
 * client says of its remote side; messages go by way of their broker; a service that is missing in between shows as a
 * link from its nearest known ancestor.
 * Source: zipkin 3.6, `zipkin2.internal.DependencyLinker`, re-expressed.
 */
export class DependencyLinker {
  readonly #counts = new Map<string, { parent: string; child: string; calls: number; errors: number }>();

  /** @param spans of one trace, names in lower case */
  putTrace(spans: readonly ZipkinSpan[]): void {
    if (spans.length === 0) return;
    const root = traceTree(spans);
    for (const node of breadthFirst(root)) this.#putSpan(node, node === root);
  }

  links(): DependencyLink[] {
    return [...this.#counts.values()].map(({ parent, child, calls, errors }) => ({
      parent,
      child,
      callCount: calls,
      ...(errors > 0 && { errorCount: errors }),
    }));
  }

  #putSpan(node: TraceNode & { readonly span: ZipkinSpan }, isRoot: boolean): void {
    const { span } = node;
    // The server knows its own name better than its client does.
    if (span.kind === 'CLIENT' && node.children.length > 0) return;
    const local = span.localEndpoint?.serviceName;
    const remote = span.remoteEndpoint?.serviceName;
    const failed = hasError(span);
    const kind = span.kind ?? (local !== undefined && remote !== undefined ? 'CLIENT' : undefined);
    if (kind === undefined) return;
    const incoming = kind === 'SERVER' || kind === 'CONSUMER';
    if (incoming && isRoot && remote === undefined) return;
    const [parent, child] = incoming ? [remote, local] : [local, remote];
    if (kind === 'PRODUCER' || kind === 'CONSUMER') this.#add(parent, child, failed);
    else this.#putCall(node, { kind, parent, child, failed });
  }

  #putCall(
    node: TraceNode & { readonly span: ZipkinSpan },
    call: { kind: 'CLIENT' | 'SERVER'; parent: string | undefined; child: string | undefined; failed: boolean },
  ): void {
    const ancestor = remoteAncestor(node);
    const ancestorName = ancestor?.localEndpoint?.serviceName;
    let { parent, failed } = call;
    if (ancestor !== undefined && ancestorName !== undefined) {
      const local = node.span.localEndpoint?.serviceName;
      // A client of another service than the one above it: the span that received the call in between is missing.
      if (call.kind === 'CLIENT' && local !== undefined && local !== ancestorName)
        this.#add(ancestorName, local, false);
      if (call.kind === 'SERVER' || parent === undefined) parent = ancestorName;
      if (ancestor.kind === 'CLIENT' && node.span.parentId !== undefined && node.span.parentId === ancestor.id)
        failed ||= hasError(ancestor);
    }
    this.#add(parent, call.child, failed);
  }

  #add(parent: string | undefined, child: string | undefined, failed: boolean): void {
    if (parent === undefined || child === undefined) return;
    const key = JSON.stringify([parent, child]);
    const counted = this.#counts.get(key) ?? { parent, child, calls: 0, errors: 0 };
    counted.calls += 1;
    if (failed) counted.errors += 1;
    this.#counts.set(key, counted);
  }
}

/** The nearest span above that is of a call; spans of the service's own inside may lie between. */
function remoteAncestor(node: TraceNode): ZipkinSpan | undefined {
  for (let above = node.parent; above !== undefined; above = above.parent)
    if (above.span?.kind !== undefined) return above.span;
  return undefined;
}

function hasError(span: ZipkinSpan): boolean {
  return span.tags !== undefined && Object.hasOwn(span.tags, 'error');
}
