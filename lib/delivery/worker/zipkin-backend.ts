import { shownAddress, type ZipkinDestination } from '../delivery-options.ts';
import { TLS_VARIABLES } from '../tls-files.ts';
import { type Backend, type Verdict, verdictOfError, verdictOfPage, verdictOfStatus } from './backend.ts';
import { Credentials } from './credentials.ts';
import { HttpPost } from './http-post.ts';
import type { Parcel } from './parcel.ts';

const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;

/** Zipkin API v2, `POST /api/v2/spans`: a list of spans, taken or refused as a whole. */
export function createZipkinBackend(options: ZipkinDestination & { readonly timeoutMillis: number }): Backend {
  const url = new URL(options.url);
  const { passwordFile } = options;
  const post = new HttpPost({
    url,
    headers: { 'content-type': 'application/json' },
    credentials: new Credentials({ url, passwordFile, variables: { password: 'SIGHTLINE_ZIPKIN_PASSWORD_FILE' } }),
    files: options,
    variables: TLS_VARIABLES.zipkin,
    timeoutMillis: options.timeoutMillis,
  });
  return {
    address: shownAddress(options.url),
    async send(parcel: Parcel): Promise<Verdict> {
      try {
        const answer = await post.post(listBody(parcel));
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

/** A JSON list of what are JSON objects already. */
function listBody(parcel: Parcel): Buffer {
  const body = Buffer.allocUnsafeSlow(parcel.bytes + parcel.length + 1);
  let end = 0;
  for (let at = 0; at < parcel.length; at += 1) {
    body[end] = at === 0 ? OPEN : COMMA;
    end = parcel.copyTo(body, end + 1, at);
  }
  body[end] = CLOSE;
  return body;
}
