import type { Socket } from 'node:net';
import type { HealthView } from '../admin/health.ts';
import type { CheckResult } from '../admin/health-checks.ts';
import { healthPage } from '../admin/health-page.ts';
import type { LogLevels } from '../admin/log-levels.ts';
import { type HealthReport, mergeGates, mergeReports } from '../admin/merged-health.ts';
import { runOutside } from '../context/context.ts';
import { MAX_SOURCES, MetricAggregate } from '../metrics/aggregate.ts';
import { unpackFamilies } from '../metrics/aggregate-wire.ts';
import { type Page, renderPage } from '../metrics/exposition.ts';
import type { MetricFamily } from '../model/metric-points.ts';
import type { Resource } from '../model/resource.ts';
import { type ClusterLink, type ClusterMessage, createLink } from './cluster-link.ts';
import { type ClusterProcess, PROTOCOL, reportFrom } from './cluster-process.ts';
import { isAlive } from './target-file.ts';

/** How long a scrape waits for the workers, milliseconds: a worker that takes longer is shown by its last values. */
const METRICS_WAIT_MILLIS = 500;
/** As long as a check of the app may take by default, and a little more. */
const HEALTH_WAIT_MILLIS = 1500;
const LEVELS_WAIT_MILLIS = 1000;

const NO_ANSWER = Symbol('no answer');

interface Worker {
  readonly link: ClusterLink;
  readonly number: number;
  /** See `sourceName`. */
  readonly source: string;
  /** Asked in vain, and nothing heard since: nobody waits for it again until it speaks. */
  silent: boolean;
}

/** One life of one process. The instance ID alone would not do: `OTEL_RESOURCE_ATTRIBUTES` may give all workers the same. */
function sourceName(pid: number, instanceId: string): string {
  return `${pid}/${instanceId}`;
}

export interface HubOptions {
  readonly process: ClusterProcess;
  readonly resource: Resource;
  /** Whether this process is one of the workers, or their primary, which serves nothing. */
  readonly isWorker: boolean;
  readonly seriesLimit?: number;
  /** A worker has joined: told with each one. */
  onJoined(): void;
  /** Where the admin port is, when it is. */
  url(): string | undefined;
  /** Called with new totals before they are shown. */
  beforeShown?(): Promise<void>;
}

/** The process that answers for all: holds the connections of the others and puts together what they say. */
export class ClusterHub implements HealthView {
  readonly aggregate: MetricAggregate;
  private readonly options: HubOptions;
  private readonly workers = new Map<ClusterLink, Worker>();
  private readonly asked = new Map<number, { readonly worker: Worker; done(value: unknown): void }>();
  private readonly ownSource: string;
  private lastQuestion = 0;

  constructor(options: HubOptions) {
    this.options = options;
    this.aggregate = new MetricAggregate(options.seriesLimit === undefined ? {} : { seriesLimit: options.seriesLimit });
    this.ownSource = sourceName(process.pid, options.resource.instanceId);
    // First of all sources: what is said once, like the identity of the service, is said by this process.
    this.aggregate.put(this.ownSource, []);
  }

  /** Takes a connection of another process. */
  accept(socket: Socket): void {
    createLink(socket, {
      onMessage: (message, link) => this.take(message, link),
      onClose: (link) => this.lost(link),
    });
  }

  private take(message: ClusterMessage, link: ClusterLink): void {
    const worker = this.workers.get(link);
    if (worker === undefined) {
      if (message.type === 'hello') this.join(message, link);
      return;
    }
    worker.silent = false;
    if (message.type === 'counts') this.aggregate.put(worker.source, unpackFamilies(message['families']));
    if (message.type === 'answer') this.asked.get(Number(message['id']))?.done(message['value']);
  }

  private join({ protocol, worker, pid, instanceId, families }: ClusterMessage, link: ClusterLink): void {
    if (protocol !== PROTOCOL || typeof instanceId !== 'string' || this.workers.size >= MAX_SOURCES) {
      link.close();
      return;
    }
    this.retireDead();
    const source = sourceName(Number(pid), instanceId);
    this.workers.set(link, { link, number: Number(worker), source, silent: false });
    this.aggregate.put(source, unpackFamilies(families));
    link.send({ type: 'welcome', url: this.options.url() });
    this.options.onJoined();
  }

  private lost(link: ClusterLink): void {
    const worker = this.workers.get(link);
    if (worker === undefined) return;
    this.workers.delete(link);
    for (const question of this.asked.values()) if (question.worker === worker) question.done(NO_ANSWER);
    // Not retired: a process whose connection broke comes back with the same counts, which must not count twice.
    this.aggregate.quieten(worker.source);
  }

  /** Puts the counts of processes that cannot come back into one sum. */
  private retireDead(): void {
    const connected = new Set([this.ownSource, ...[...this.workers.values()].map(({ source }) => source)]);
    for (const [source] of this.aggregate.counts()) {
      if (!connected.has(source) && !isAlive(Number.parseInt(source, 10))) this.aggregate.retire(source);
    }
  }

  /** Takes over the own counts of this moment. */
  countSelf(): void {
    this.aggregate.put(this.ownSource, this.options.process.exposition.ownCounts());
  }

  /** Tells all where the admin port is. */
  announce(): void {
    for (const { link } of this.workers.values()) link.send({ type: 'welcome', url: this.options.url() });
  }

  /** Asks one worker; never rejects, never takes longer than `millis`. */
  private ask(worker: Worker, what: string, millis: number, more: object = {}): Promise<unknown> {
    if (worker.silent) return Promise.resolve(NO_ANSWER);
    this.lastQuestion += 1;
    const id = this.lastQuestion;
    return new Promise((resolve) => {
      const done = (value: unknown): void => {
        clearTimeout(timer);
        this.asked.delete(id);
        resolve(value);
      };
      const timer = runOutside(() =>
        setTimeout(() => {
          worker.silent = true;
          done(NO_ANSWER);
        }, millis),
      );
      timer.unref();
      this.asked.set(id, { worker, done });
      if (!worker.link.send({ ...more, type: 'ask', what, id })) done(NO_ANSWER);
    });
  }

  private async askAll(what: string, millis: number, more?: object): Promise<[Worker, unknown][]> {
    const workers = [...this.workers.values()];
    const answers = await Promise.all(workers.map((worker) => this.ask(worker, what, millis, more)));
    return workers.map((worker, index) => [worker, answers[index]]);
  }

  private async families(): Promise<MetricFamily[]> {
    const [own, answers] = await Promise.all([
      this.options.process.exposition.families(),
      this.askAll('metrics', METRICS_WAIT_MILLIS),
    ]);
    this.aggregate.put(this.ownSource, own);
    for (const [worker, answer] of answers) {
      // One that died meanwhile measures nothing any more.
      if (answer !== NO_ANSWER && this.workers.has(worker.link))
        this.aggregate.put(worker.source, unpackFamilies(answer));
    }
    this.retireDead();
    const families = this.aggregate.families();
    await this.options.beforeShown?.();
    return families;
  }

  /** The page of /metrics. Never rejects. */
  metrics(accept: string | undefined): Promise<Page> {
    return renderPage(() => this.families(), accept);
  }

  private async reports(): Promise<HealthReport[]> {
    const [own, answers] = await Promise.all([
      this.options.process.health.report(),
      this.askAll('health', HEALTH_WAIT_MILLIS),
    ]);
    const others = answers.map(([, answer]) => reportFrom(answer)).filter((report) => report !== undefined);
    return [own, ...others];
  }

  /** How many answer. Workers that do not are at most a warning while others serve. */
  private workersCheck(others: number): CheckResult {
    const silent = this.workers.size - others;
    const answering = others + (this.options.isWorker ? 1 : 0);
    const names = [...this.workers.values()].filter((worker) => worker.silent).map(({ number }) => number);
    return {
      name: 'cluster:workers',
      componentType: 'system',
      critical: true,
      status: answering === 0 ? 'fail' : silent === 0 ? 'pass' : 'warn',
      observedValue: answering,
      observedUnit: 'workers',
      time: new Date(),
      output: silent === 0 ? undefined : `no answer from worker ${names.slice(0, 20).join(', ')}`,
    };
  }

  async state(): Promise<Pick<HealthReport, 'gates' | 'checks'>> {
    const reports = await this.reports();
    const { checks } = mergeReports(reports);
    return { gates: mergeGates(reports), checks: [...checks, this.workersCheck(reports.length - 1)] };
  }

  async page(): Promise<ReturnType<typeof healthPage>> {
    const reports = await this.reports();
    const { checks, ...facts } = mergeReports(reports);
    return healthPage({
      ...facts,
      checks: [...checks, this.workersCheck(reports.length - 1)],
      resource: this.options.resource,
    });
  }

  /** Log levels of all processes; where they differ under one name, that of the first is shown. */
  readonly logLevels: LogLevels = {
    list: async () => {
      const answers = await this.askAll('levels', LEVELS_WAIT_MILLIS);
      const all: Record<string, string> = { ...(await this.options.process.logLevels.list()) };
      for (const [, answer] of answers) {
        if (typeof answer !== 'object' || answer === null) continue;
        for (const [name, level] of Object.entries(answer)) all[name] ??= String(level);
      }
      return all;
    },
    set: async (level, scope) => {
      const changed = new Set(await this.options.process.logLevels.set(level, scope));
      const answers = await this.askAll('set-level', LEVELS_WAIT_MILLIS, { level, ...scope });
      for (const [, answer] of answers) if (Array.isArray(answer)) for (const one of answer) changed.add(String(one));
      return [...changed];
    },
  };

  close(): void {
    for (const link of [...this.workers.keys()]) link.close();
  }
}
