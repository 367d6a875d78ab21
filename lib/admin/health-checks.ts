import { runOutside } from '../context/context.ts';
import { monotonicMillis } from '../core/clock.ts';
import { SightlineError } from '../errors.ts';

/** How long one check may take, unless it says otherwise. */
const DEFAULT_CHECK_TIMEOUT_MILLIS = 1000;
/** How long a result is good for: a probe storm must not become a database storm. */
export const RESULT_CACHE_MILLIS = 1000;
/** Checks kept; more are a mistake (a name made of data). */
export const MAX_CHECKS = 100;
/** Longest text of a failure that is shown. */
const MAX_OUTPUT = 500;

/** RFC draft-inadarei-api-health-check-06 §3.1. */
export type HealthStatus = 'pass' | 'warn' | 'fail';

/** What a check may say; nothing or `true` is a pass, `false` or a throw a failure. */
export interface HealthCheckAnswer {
  readonly status?: HealthStatus;
  readonly observedValue?: number | string;
  readonly observedUnit?: string;
  readonly output?: string;
}

type Said = HealthCheckAnswer | boolean | undefined;
// biome-ignore lint/suspicious/noConfusingVoidType: `async () => { await query(); }` is the usual check, and its type is Promise<void>.
export type HealthCheck = () => Said | void | Promise<Said | void>;

export interface HealthCheckOptions {
  /** Milliseconds; default 1000. */
  readonly timeoutMs?: number;
  /** `datastore` (default), `component`, `system` or a URI (draft §4.2). */
  readonly componentType?: string;
  /** Whether the service is of no use without it; default true. A check that is not critical is at most `warn`. */
  readonly critical?: boolean;
}

export interface CheckResult {
  readonly name: string;
  readonly componentType: string;
  readonly critical: boolean;
  /** After `critical` was weighed: a check that is not critical never fails. */
  readonly status: HealthStatus;
  readonly observedValue: number | string;
  readonly observedUnit: string;
  /** When it was measured. */
  readonly time: Date;
  readonly output: string | undefined;
}

interface Entry {
  readonly name: string;
  readonly check: HealthCheck;
  readonly timeoutMillis: number;
  readonly componentType: string;
  readonly critical: boolean;
  last: { readonly result: CheckResult; readonly atMillis: number } | undefined;
  running: Promise<CheckResult> | undefined;
  /** The check has missed its timeout and has not come back: it is not called again meanwhile. */
  hanging: boolean;
}

function describe(error: unknown): string {
  try {
    return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, MAX_OUTPUT);
  } catch {
    return 'an error that cannot be shown';
  }
}

/** The checks of one process. */
export class HealthChecks {
  private readonly entries = new Map<string, Entry>();
  private readonly monotonicMillis: () => number;

  constructor({ clock = { monotonicMillis } }: { readonly clock?: { monotonicMillis(): number } } = {}) {
    this.monotonicMillis = () => clock.monotonicMillis();
  }

  /** As `HealthApi.check`. */
  add(name: string, check: HealthCheck, options: HealthCheckOptions = {}): () => void {
    if (typeof name !== 'string' || name === '' || name.length > 200 || typeof check !== 'function') {
      throw new SightlineError(
        'SIGHTLINE_E_OPTION',
        `health.check() got name '${String(name).slice(0, 80)}' and ${typeof check}; wanted a name of 1 to 200 characters and a function.`,
      );
    }
    if (this.entries.size >= MAX_CHECKS && !this.entries.has(name)) {
      throw new SightlineError(
        'SIGHTLINE_E_OPTION',
        `health.check('${name}') would be number ${MAX_CHECKS + 1}; at most ${MAX_CHECKS} are kept. Use one check per data store.`,
      );
    }
    const { timeoutMs = DEFAULT_CHECK_TIMEOUT_MILLIS, componentType = 'datastore', critical = true } = options;
    const timeoutMillis = Number.isFinite(timeoutMs) && timeoutMs > 0 ? timeoutMs : DEFAULT_CHECK_TIMEOUT_MILLIS;
    const entry: Entry = {
      name,
      check,
      timeoutMillis,
      componentType,
      critical,
      last: undefined,
      running: undefined,
      hanging: false,
    };
    this.entries.set(name, entry);
    return () => {
      if (this.entries.get(name) === entry) this.entries.delete(name);
    };
  }

  /** All results, none older than `RESULT_CACHE_MILLIS`. Never rejects, never takes longer than the longest timeout. */
  results(): Promise<CheckResult[]> {
    return Promise.all([...this.entries.values()].map((entry) => this.result(entry)));
  }

  private result(entry: Entry): Promise<CheckResult> {
    if (entry.last !== undefined && this.monotonicMillis() - entry.last.atMillis < RESULT_CACHE_MILLIS)
      return Promise.resolve(entry.last.result);
    if (entry.hanging)
      return Promise.resolve(this.failed(entry, `still running after ${entry.timeoutMillis} ms`, entry.timeoutMillis));
    entry.running ??= this.run(entry).finally(() => {
      entry.running = undefined;
    });
    return entry.running;
  }

  private async run(entry: Entry): Promise<CheckResult> {
    const started = this.monotonicMillis();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<CheckResult>((resolve) => {
      timer = setTimeout(() => {
        entry.hanging = true;
        resolve(this.failed(entry, `no answer within ${entry.timeoutMillis} ms`, entry.timeoutMillis));
      }, entry.timeoutMillis);
      // A probe that waits is held by its socket, not by this timer.
      timer.unref();
    });
    const answer = runOutside(async () => await entry.check()).then(
      (said) => this.answered(entry, said, this.monotonicMillis() - started),
      (error: unknown) => this.failed(entry, describe(error), this.monotonicMillis() - started),
    );
    void answer.finally(() => {
      entry.hanging = false;
    });
    const result = await Promise.race([answer, timeout]);
    clearTimeout(timer);
    entry.last = { result, atMillis: this.monotonicMillis() };
    return result;
  }

  private answered(entry: Entry, said: unknown, millis: number): CheckResult {
    if (said === false) return this.failed(entry, 'the check said false', millis);
    const answer = (typeof said === 'object' && said !== null ? said : {}) as HealthCheckAnswer;
    const status: HealthStatus = answer.status === 'fail' || answer.status === 'warn' ? answer.status : 'pass';
    const measured = answer.observedValue !== undefined;
    return {
      name: entry.name,
      componentType: entry.componentType,
      critical: entry.critical,
      status: status === 'fail' && !entry.critical ? 'warn' : status,
      observedValue: answer.observedValue ?? Math.round(millis * 1000) / 1000,
      observedUnit: measured ? (answer.observedUnit ?? '') : 'ms',
      time: new Date(),
      output: answer.output === undefined ? undefined : String(answer.output).slice(0, MAX_OUTPUT),
    };
  }

  private failed(entry: Entry, output: string, millis: number): CheckResult {
    return this.answered(
      entry,
      { status: 'fail', output, observedValue: Math.round(millis * 1000) / 1000, observedUnit: 'ms' },
      millis,
    );
  }
}
