import type { MetricsPage } from '../../model/telemetry-sink.ts';
import type { PushDestination } from '../delivery-options.ts';
import { TLS_VARIABLES } from '../tls-files.ts';
import { Credentials } from './credentials.ts';
import { type Answer, HttpPost } from './http-post.ts';

/** Characters of an answer that a sentence repeats. */
const MAX_REASON = 200;

export interface PushSenderOptions extends PushDestination {
  readonly timeoutMillis: number;
  readonly onOutcome: (handled: number, failed: number) => void;
  /** Takes one sentence about a push that was not taken, undefined about one that was. */
  readonly onState: (sentence: string | undefined) => void;
}

/**
 * Sends pages to a Pushgateway (github.com/prometheus/pushgateway, "API"). One is under way at a time and at most one
 * waits: a newer page says all that an older one would have.
 */
export class PushSender {
  private readonly options: PushSenderOptions;
  private readonly posts: Readonly<Record<'PUT' | 'POST', HttpPost>>;
  private readonly shown: string;
  private next: MetricsPage | undefined;
  private running = false;

  constructor(options: PushSenderOptions) {
    this.options = options;
    const url = new URL(options.url);
    this.shown = `${url.protocol}//${url.host}${url.pathname}`;
    const { timeoutMillis } = options;
    const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
    const credentials = new Credentials({
      url,
      passwordFile: options.passwordFile,
      variables: { password: 'SIGHTLINE_METRICS_PUSH_PASSWORD_FILE' },
    });
    const shared = { url, headers, timeoutMillis, credentials, files: options, variables: TLS_VARIABLES.pushgateway };
    const make = (method: 'PUT' | 'POST') => new HttpPost({ ...shared, method, compress: false });
    this.posts = { PUT: make('PUT'), POST: make('POST') };
  }

  push(page: MetricsPage): void {
    if (this.next !== undefined) this.options.onOutcome(1, 0);
    this.next = page;
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.next !== undefined) {
      const page = this.next;
      this.next = undefined;
      const reason = await this.attempt(page);
      this.options.onState(
        reason === undefined
          ? undefined
          : `metrics: ${this.shown} does not take them (${reason}); the next push has newer values. Start the gateway or correct SIGHTLINE_METRICS_PUSH_URL`,
      );
      this.options.onOutcome(1, reason === undefined ? 0 : 1);
    }
    this.running = false;
  }

  private async attempt({ body, replace }: MetricsPage): Promise<string | undefined> {
    let answer: Answer;
    try {
      answer = await this.posts[replace ? 'PUT' : 'POST'].post(Buffer.from(body));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return message || (code ?? 'no answer');
    }
    if (answer.status >= 200 && answer.status < 300) return undefined;
    return `HTTP ${answer.status} ${answer.body.trim().slice(0, MAX_REASON)}`.trim();
  }

  close(): void {
    this.posts.PUT.close();
    this.posts.POST.close();
  }
}
