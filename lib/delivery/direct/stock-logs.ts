import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import type { LogDestination } from '../delivery-options.ts';
import type { Outcomes } from '../outcomes.ts';
import { readTlsFiles } from '../tls-files.ts';
import type { StockPackages } from './stock-packages.ts';
import { suppressed } from './suppressed.ts';
import { unheldAgent } from './unheld.ts';

/** Bytes and time after which pino-elasticsearch sends; its own defaults are 1000 bytes and 30 s. */
const FLUSH_BYTES = 16 * 1024;
const FLUSH_MILLIS = 500;
/** The client's own default of ten minutes lets one hanging request hold everything. */
const REQUEST_TIMEOUT_MILLIS = 10_000;
/** Documents in its memory at most; it has no bound of its own. */
const MAX_PENDING = 20_000;
/** A stream that has ended with an error is replaced after this long. */
const REOPEN_MILLIS = 5000;

/** Read when a client is made. */
function secretOf(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readFileSync(file, 'utf8').trim();
}

interface BulkOptions {
  onDrop: (drop: { readonly status?: number; readonly error?: { readonly reason?: string } | null }) => void;
}

/**
 * pino-elasticsearch fed with our documents. Its stream ends for good at the first failed request and an unheard
 * `error` event kills the app: here it is heard, what it held is counted as dropped, and a new stream is opened.
 */
export class StockLogs {
  private readonly packages: StockPackages;
  private readonly destination: LogDestination;
  private readonly outcomes: Outcomes;
  private stream: Writable | undefined;
  /** Resolves when the last bulk of a stream that was ended is through. */
  private ending: Promise<void> = Promise.resolve();
  private reopenAt = 0;
  private client: unknown;

  constructor(packages: StockPackages, destination: LogDestination, outcomes: Outcomes) {
    this.packages = packages;
    this.destination = destination;
    this.outcomes = outcomes;
  }

  write(document: string): void {
    this.outcomes.accept();
    if (this.outcomes.pending > MAX_PENDING) {
      this.outcomes.drop('memory_full', 1);
      return;
    }
    if (this.stream === undefined) {
      if (performance.now() < this.reopenAt) {
        this.outcomes.drop('backend_error', 1);
        return;
      }
      this.stream = suppressed(() => this.open());
    }
    const { stream } = this;
    suppressed(() => stream.write(`${document}\n`));
  }

  private open(): Writable {
    const { destination } = this;
    const pinoElasticsearch = this.packages.load('pino-elasticsearch');
    const { username } = destination;
    const apiKey = secretOf(destination.apiKeyFile) ?? destination.apiKey;
    const password = secretOf(destination.passwordFile) ?? destination.password;
    const tls = readTlsFiles(destination);
    const auth =
      apiKey !== undefined ? { apiKey } : username !== undefined ? { username, password: password ?? '' } : undefined;
    const stream: Writable = pinoElasticsearch(
      {
        node: destination.url,
        index: destination.stream,
        opType: 'create',
        esVersion: 8,
        flushBytes: FLUSH_BYTES,
        flushInterval: FLUSH_MILLIS,
        ...(auth !== undefined && { auth }),
        ...(Object.keys(tls).length > 0 && { tls }),
      },
      { Client: (this.client ??= this.countingClient()) },
    );
    this.ending = new Promise((resolve) => {
      stream.on('insert', () => resolve());
      stream.on('error', (error: unknown) => {
        if (this.stream === stream) {
          this.stream = undefined;
          this.reopenAt = performance.now() + REOPEN_MILLIS;
        }
        this.outcomes.drop('backend_error', this.outcomes.pending, error);
        resolve();
      });
    });
    stream.on('unknown', () => this.outcomes.drop('invalid', 1));
    // Counted by the client; without a listener nothing would happen, with one nothing must.
    stream.on('insertError', () => {});
    return stream;
  }

  /** The client of pino-elasticsearch, told what became of each document: its stream does not say. */
  private countingClient(): unknown {
    const { Client, HttpConnection } = this.packages.loadOf('pino-elasticsearch', '@elastic/elasticsearch');
    const { outcomes, destination } = this;
    return class extends Client {
      constructor(options: object) {
        super({
          ...options,
          requestTimeout: REQUEST_TIMEOUT_MILLIS,
          headers: { ...destination.headers },
          // The client's own connection holds the process until its last request has timed out.
          Connection: HttpConnection,
          agent: unheldAgent,
        });
        const bulk = this.helpers.bulk.bind(this.helpers);
        this.helpers.bulk = (given: BulkOptions) =>
          bulk({
            ...given,
            // A refresh of the index is no business of a log shipper.
            refreshOnCompletion: false,
            onSuccess: () => outcomes.deliver(1),
            onDrop(drop: Parameters<BulkOptions['onDrop']>[0]) {
              outcomes.drop(drop.status === 429 ? 'backend_busy' : 'rejected', 1);
              given.onDrop(drop);
            },
          });
      }
    };
  }

  /** Sends what it holds: only ending the stream does that. */
  async flush(): Promise<void> {
    const { stream } = this;
    this.stream = undefined;
    if (stream !== undefined) suppressed(() => stream.end());
    await this.ending;
  }
}
