import { shownAddress } from '../delivery-options.ts';
import { type Backend, type Item, type Verdict, verdictOfError, verdictOfPage, verdictOfStatus } from './backend.ts';
import { HttpPost } from './http-post.ts';

const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']');

/** Zipkin API v2, `POST /api/v2/spans`: a list of spans, taken or refused as a whole. */
export function createZipkinBackend(options: { readonly url: string; readonly timeoutMillis: number }): Backend {
  const post = new HttpPost({
    url: new URL(options.url),
    headers: { 'content-type': 'application/json' },
    timeoutMillis: options.timeoutMillis,
  });
  return {
    address: shownAddress(options.url),
    async send(items: readonly Item[]): Promise<Verdict> {
      const parts: Uint8Array[] = [];
      for (const { record } of items) parts.push(parts.length === 0 ? OPEN : COMMA, record.payload);
      parts.push(CLOSE);
      try {
        const answer = await post.post(Buffer.concat(parts));
        const verdict = verdictOfStatus(answer);
        if (verdict !== undefined) return verdict;
        return verdictOfPage(answer) ?? { kind: 'delivered' };
      } catch (error) {
        return verdictOfError(error);
      }
    },
    close: () => post.close(),
  };
}
