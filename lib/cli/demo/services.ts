import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { registerUrl } from '../../core/register-url.ts';
import { SightlineError } from '../../errors.ts';
import type { GuardianOrder, GuardianReport } from './guardian.ts';
import type { ShopFiles } from './shop.ts';

export const SERVICE_NAMES = ['payments', 'orders', 'storefront'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** How long a service may take until it listens. */
const LISTEN_MILLIS = 20_000;
/** How long the guardian may take to end all; it kills after 5 s. */
const STOP_MILLIS = 8000;
/** Last lines of a service that are shown when it fails. */
const KEPT_LINES = 20;

/** The three services of the demo as processes, started with the one line and nothing else. */
export class DemoServices {
  readonly #guardian: ChildProcess;
  readonly #onNotice: (text: string) => void;
  readonly #lines = new Map<string, string[]>();
  readonly #pids = new Map<string, number>();
  readonly #listening = new Map<string, PromiseWithResolvers<number>>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #gone: Promise<void>;
  #stopping = false;

  /** @param onNotice what Sightline inside a service has to say */
  constructor(onNotice: (text: string) => void) {
    this.#onNotice = onNotice;
    const file = new URL(import.meta.url.endsWith('.ts') ? './guardian.ts' : './guardian.js', import.meta.url);
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#guardian = fork(fileURLToPath(file), { env, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#guardian.on('message', (report: GuardianReport) => this.#take(report));
    this.#gone = new Promise((resolve) => this.#guardian.once('exit', () => resolve()));
    this.#guardian.once('exit', () => this.#guardianEnded());
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when a service ends that was not told to. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /**
   * Starts the services, each after the one it calls.
   *
   * @returns the address of the storefront
   * @throws SightlineError SIGHTLINE_E_DEMO when one does not listen
   */
  async start(shop: ShopFiles, env: Readonly<Record<string, string>>): Promise<string> {
    const payments = await this.#startOne('payments', shop, env);
    const orders = await this.#startOne('orders', shop, { ...env, PAYMENTS_URL: payments });
    return this.#startOne('storefront', shop, { ...env, ORDERS_URL: orders });
  }

  /** Ends all services and waits for it. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#order({ kind: 'stop' });
    const timer = setTimeout(() => this.#guardian.kill('SIGKILL'), STOP_MILLIS);
    await this.#gone;
    clearTimeout(timer);
  }

  async #startOne(name: ServiceName, shop: ShopFiles, env: Readonly<Record<string, string>>): Promise<string> {
    const listening = Promise.withResolvers<number>();
    this.#listening.set(name, listening);
    const file = shop.files[name];
    this.#order({
      kind: 'start',
      name,
      parameters: [...(file.endsWith('.ts') ? typeFlags() : []), '--import', registerUrl(), file],
      cwd: shop.directory,
      env: { ...env, PORT: '0' },
    });
    const timer = setTimeout(
      () => listening.reject(this.#failure(name, `did not listen within ${LISTEN_MILLIS / 1000} s`)),
      LISTEN_MILLIS,
    );
    try {
      return `http://127.0.0.1:${await Promise.race([listening.promise, this.failed])}`;
    } finally {
      clearTimeout(timer);
    }
  }

  #order(order: GuardianOrder): void {
    if (this.#guardian.connected) this.#guardian.send(order, () => {});
  }

  #take(report: GuardianReport): void {
    if (report.kind === 'started' && report.pid !== undefined) this.#pids.set(report.name, report.pid);
    if (report.kind === 'line') this.#takeLine(report.name, report.text);
    if (report.kind === 'exited') {
      this.#pids.delete(report.name);
      if (!this.#stopping) this.#failed.reject(this.#failure(report.name, `ended (${report.reason})`));
    }
  }

  #takeLine(name: string, text: string): void {
    const lines = this.#lines.get(name) ?? [];
    lines.push(text);
    if (lines.length > KEPT_LINES) lines.shift();
    this.#lines.set(name, lines);
    if (text.startsWith('sightline: ')) this.#onNotice(`${name}: ${text}`);
    // The services say where they listen as services do: in their log.
    const port = /"port":(\d+)/.exec(text)?.[1];
    if (port !== undefined && /"msg":"listening"/.test(text)) this.#listening.get(name)?.resolve(Number(port));
  }

  #failure(name: string, what: string): SightlineError {
    const lines = (this.#lines.get(name) ?? []).map((line) => `\n  ${line}`).join('');
    return new SightlineError(
      'SIGHTLINE_E_DEMO',
      `got service ${name}, which ${what}; wanted three services that run; look at its last lines:${lines || ' it has written none'}`,
    );
  }

  /** Should the guardian be killed, the services must not stay. */
  #guardianEnded(): void {
    for (const pid of this.#pids.values()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    if (!this.#stopping)
      this.#failed.reject(
        new SightlineError(
          'SIGHTLINE_E_DEMO',
          'got a guardian process that ended, wanted it to run; start the demo again',
        ),
      );
  }
}

/** Node before 22.18 strips types only when asked, and says each time that it is experimental. */
function typeFlags(): string[] {
  return process.features.typescript ? [] : ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'];
}
