import { type LogstashDocument, logstashArray, logstashLines } from '../../codec/logstash.ts';
import { type LogstashDestination, shownAddress } from '../delivery-options.ts';
import { TLS_VARIABLES } from '../tls-files.ts';
import { type Backend, type Verdict, verdictOfError, verdictOfPage, verdictOfStatus } from './backend.ts';
import { Credentials } from './credentials.ts';
import { HttpPost } from './http-post.ts';
import type { Parcel } from './parcel.ts';
import { StreamSender } from './stream-sender.ts';

export type LogstashOptions = LogstashDestination & { readonly timeoutMillis: number };

/** Logstash: its http input, which acknowledges, or its tcp input, which does not. */
export function createLogstashBackend(options: LogstashOptions): Backend {
  return options.url.startsWith('http') ? createHttpBackend(options) : createStreamBackend(options);
}

function documentsOf(parcel: Parcel): LogstashDocument[] {
  return Array.from({ length: parcel.length }, (_, at) => ({
    id: parcel.id(at),
    document: parcel.record(at).payload,
  }));
}

function createHttpBackend(options: LogstashOptions): Backend {
  const url = new URL(options.url);
  const { passwordFile } = options;
  const post = new HttpPost({
    url,
    headers: { 'content-type': 'application/json' },
    credentials: new Credentials({ url, passwordFile, variables: { password: 'SIGHTLINE_LOGSTASH_PASSWORD_FILE' } }),
    files: options,
    variables: TLS_VARIABLES.logstash,
    timeoutMillis: options.timeoutMillis,
  });
  return {
    address: shownAddress(options.url),
    async send(parcel): Promise<Verdict> {
      try {
        const answer = await post.post(logstashArray(documentsOf(parcel)));
        return verdictOfStatus(answer) ?? verdictOfPage(answer) ?? { kind: 'delivered' };
      } catch (error) {
        return verdictOfError(error);
      }
    },
    close: () => post.close(),
  };
}

/**
 * What the connection has taken is gone from the journal, because nothing ever says that Logstash has it: the ledger
 * calls it `sent_unconfirmed`. What it has not taken is sent again.
 */
function createStreamBackend(options: LogstashOptions): Backend {
  const stream = new StreamSender({ ...options, files: options, variables: TLS_VARIABLES.logstash });
  return {
    address: shownAddress(options.url),
    async send(parcel): Promise<Verdict> {
      try {
        await stream.write(logstashLines(documentsOf(parcel)));
        return { kind: 'sent' };
      } catch (error) {
        return verdictOfError(error);
      }
    },
    close: () => stream.close(),
  };
}
