import type { RollingFacts } from '../metrics/rolling-facts.ts';
import type { Resource } from '../model/resource.ts';
import type { DeliveryStatus } from '../model/telemetry-sink.ts';
import { type CheckResult, type HealthCheck, type HealthCheckOptions, HealthChecks } from './health-checks.ts';
import { type HealthPage, healthPage } from './health-page.ts';
import type { HealthReport } from './merged-health.ts';

/** Gates of /readyz kept; more are a mistake (a name made of data). */
const MAX_GATES = 100;

/** What the page says beside the checks of the app. */
export interface HealthSources {
  readonly resource: Resource;
  readonly deliveryStatus?: () => DeliveryStatus;
  readonly rolling?: RollingFacts;
}

/** What the admin port needs of the health of a service, of one process or of many. */
export interface HealthView {
  /** The body of /health. */
  page(): Promise<HealthPage>;
  /** Gates and checks, as /readyz weighs them. */
  state(): Promise<Pick<HealthReport, 'gates' | 'checks'>>;
}

/** What `health` offers to an app. */
export interface HealthApi {
  /**
   * Adds a check, of a data store as a rule; the same name again replaces it. It runs when somebody asks, at most once
   * a second, outside of any request, and never longer than its timeout.
   *
   * @param name as it appears in `checks` of /health, e.g. `postgres` or `postgres:connections`
   * @returns a function that takes the check away
   * @throws SightlineError SIGHTLINE_E_OPTION for a name or function that is none
   */
  check(name: string, check: HealthCheck, options?: HealthCheckOptions): () => void;
  /**
   * Opens or closes a gate of /readyz; every gate must be open. A service is ready from the start unless it says otherwise.
   * @param gate which one, for services that wait for several things; default `app`
   */
  ready(isReady: boolean, gate?: string): void;
}

/** Who speaks before an observation has begun. */
const NOBODY: Resource = Object.freeze({
  serviceName: 'unknown_service',
  serviceVersion: '',
  instanceId: '',
  environment: '',
  hostName: '',
  pid: 0,
  attributes: {},
});

/** The health of one process: checks and gates of the app, and what Sightline knows. */
export class HealthRegistry implements HealthApi, HealthView {
  private readonly checks: HealthChecks;
  private readonly gates = new Map<string, boolean>();
  private sources: HealthSources = { resource: NOBODY };

  constructor(options: { readonly clock?: { monotonicMillis(): number } } = {}) {
    this.checks = new HealthChecks(options);
  }

  check(name: string, check: HealthCheck, options?: HealthCheckOptions): () => void {
    return this.checks.add(name, check, options);
  }

  ready(isReady: boolean, gate = 'app'): void {
    if (this.gates.size >= MAX_GATES && !this.gates.has(gate)) return;
    this.gates.set(gate, isReady === true);
  }

  /** Called by the composition root. */
  join(sources: HealthSources): void {
    this.sources = sources;
  }

  /** The gates in the order of their first use; `app` alone, and open, when none was used. */
  readiness(): { readonly name: string; readonly open: boolean }[] {
    if (this.gates.size === 0) return [{ name: 'app', open: true }];
    return [...this.gates].map(([name, open]) => ({ name, open }));
  }

  /** Results of the checks. Never rejects, never takes longer than the longest timeout. */
  results(): Promise<CheckResult[]> {
    return this.checks.results();
  }

  /** The body of /health. */
  async page(): Promise<HealthPage> {
    return healthPage({ ...(await this.report()), resource: this.sources.resource });
  }

  async state(): Promise<Pick<HealthReport, 'gates' | 'checks'>> {
    const gates = this.readiness();
    return { gates, checks: await this.results() };
  }

  /** Everything that this process says of its health. */
  async report(): Promise<HealthReport> {
    const { deliveryStatus, rolling } = this.sources;
    const checks = await this.results();
    return { gates: this.readiness(), checks, delivery: deliveryStatus?.(), rolling: rolling?.mergeable() };
  }
}

/** The public `health`: works before and without an observation. */
export const health = new HealthRegistry();
