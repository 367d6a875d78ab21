import { channel } from 'node:diagnostics_channel';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Server, Socket } from 'node:net';
import { runOutside } from '../context/context.ts';
import { diag } from '../core/diag.ts';
import { fence, reportBug } from '../core/fence.ts';
import { kOwn } from '../core/symbols.ts';
import { type ClusterAddress, clusterAddress } from './cluster-address.ts';
import { ClusterHub, type HubOptions } from './cluster-hub.ts';
import { joinAsMember, type Member } from './cluster-member.ts';
import type { ClusterProcess } from './cluster-process.ts';
import { readTotals, TotalsKeeper } from './cluster-totals.ts';

/** How long a worker waits before it looks for a new leader, milliseconds; a random part keeps workers apart. */
const RETRY_MILLIS = 50;
const RETRY_SPREAD_MILLIS = 100;
/** How long a leader may take to say welcome. */
const WELCOME_MILLIS = 2000;
/** Failures to find or become a leader after which a worker answers for itself. */
const MAX_FAILURES = 20;
/** How often a leader leaves its totals, and looks whether there is another one. */
const LEADER_BEAT_MILLIS = 1000;

const load = createRequire(import.meta.url);

export interface ClusterOptions {
  readonly process: ClusterProcess;
  readonly resource: HubOptions['resource'];
  readonly seriesLimit: number;
  readonly dataDir: string;
  /** Opens the admin port: for this process alone, or for all that `hub` holds. A second call is nothing. */
  openAdmin(hub: ClusterHub | undefined): void;
  /** Closes it again: somebody else answers. */
  closeAdmin(): void;
  /** URL of the own admin port. */
  url(): string | undefined;
}

export interface Cluster {
  /** The app listens, or works without a server: from now on somebody must answer for this process. Safe to repeat. */
  onListen(): void;
  /** URL of the admin port that answers for this process; undefined while there is none. */
  readonly url: string | undefined;
  /** Last call before the process goes; synchronous. */
  beforeExit(): void;
  stop(): void;
}

/** The worker that this process is, told without loading `node:cluster` into programs that are no cluster. */
function ownWorker(): { readonly id: number } | undefined {
  if (process.send === undefined) return undefined;
  const cluster = load('node:cluster') as typeof import('node:cluster').default;
  return cluster.isWorker ? cluster.worker : undefined;
}

/** What tells the apps of one process manager apart. PM2 starts all of them from one script. */
function appIdentity({ serviceName, environment }: HubOptions['resource']): string[] {
  const { env, argv } = process;
  return [serviceName, environment, argv[1] ?? '', env['pm_id'] === undefined ? '' : (env['name'] ?? '')];
}

/**
 * One admin port for all processes of a cluster. An observed primary answers; without one, a worker is elected, and
 * another takes over when it dies. docs/rationale.md, "What does a cluster answer?".
 */
export function createCluster(options: ClusterOptions): Cluster {
  const worker = fence('cluster worker', ownWorker)();
  return worker === undefined ? new Primary(options) : new Worker(options, worker.id);
}

function hubServer(onSocket: (socket: Socket) => void): Server {
  const net = load('node:net') as typeof import('node:net');
  const server = net.createServer(fence('cluster connection', onSocket));
  Object.defineProperty(server, kOwn, { value: true });
  server.unref();
  return server;
}

/** Any process that is no worker. It costs nothing until it forks a cluster. */
class Primary implements Cluster {
  private readonly options: ClusterOptions;
  private readonly children = channel('child_process');
  private readonly onChild: (message: unknown, name: string | symbol) => void;
  private hub: ClusterHub | undefined;
  private server: Server | undefined;

  constructor(options: ClusterOptions) {
    this.options = options;
    // Published before the child exists: the socket is there when the worker looks for it.
    this.onChild = fence('forked worker', () => this.forked());
    this.children.subscribe(this.onChild);
  }

  private forked(): void {
    const cluster = load('node:cluster') as typeof import('node:cluster').default;
    // `fork` of `node:cluster` fills the settings first; other children leave them empty.
    if (this.hub !== undefined || !cluster.isPrimary || Object.keys(cluster.settings).length === 0) return;
    this.children.unsubscribe(this.onChild);
    const { options } = this;
    const hub = new ClusterHub({
      process: options.process,
      resource: options.resource,
      isWorker: false,
      seriesLimit: options.seriesLimit,
      onJoined: () => options.openAdmin(hub),
      url: () => options.url(),
    });
    this.hub = hub;
    const { primary, removeLeftovers } = clusterAddress({ primaryPid: process.pid, app: [], dataDir: options.dataDir });
    removeLeftovers();
    // Only a process with our own ID can have left it: it is gone.
    if (process.platform !== 'win32') rmSync(primary, { force: true });
    const server = hubServer((socket) => hub.accept(socket));
    server.on('error', (error) =>
      diag.warn(
        'SIGHTLINE_W_CLUSTER',
        `got ${error.message} where workers would find this primary; one of them answers for all`,
      ),
    );
    runOutside(() => server.listen({ path: primary, exclusive: true }));
    this.server = server;
  }

  onListen(): void {
    this.options.openAdmin(this.hub);
  }

  get url(): string | undefined {
    return this.options.url();
  }

  beforeExit(): void {
    this.server?.close();
  }

  stop(): void {
    this.children.unsubscribe(this.onChild);
    this.server?.close();
    this.hub?.close();
  }
}

class Worker implements Cluster {
  private readonly options: ClusterOptions;
  private readonly id: number;
  private address: ClusterAddress | undefined;
  private member: Member | undefined;
  private hub: ClusterHub | undefined;
  private server: Server | undefined;
  private totals: TotalsKeeper | undefined;
  private beat: NodeJS.Timeout | undefined;
  private leaderUrl: string | undefined;
  private failures = 0;
  private started = false;
  private stopped = false;

  constructor(options: ClusterOptions, id: number) {
    this.options = options;
    this.id = id;
  }

  get url(): string | undefined {
    return this.options.url() ?? this.leaderUrl;
  }

  onListen(): void {
    if (this.started || this.stopped) return;
    this.started = true;
    try {
      this.address = clusterAddress({
        primaryPid: process.ppid,
        app: appIdentity(this.options.resource),
        dataDir: this.options.dataDir,
      });
    } catch (error) {
      this.alone((error as Error).message);
      return;
    }
    this.look();
  }

  private alone(why: string): void {
    diag.warn('SIGHTLINE_W_CLUSTER', `got ${why}; this worker answers for itself on a port of its own`);
    this.options.openAdmin(undefined);
  }

  /** Looks for who answers, the primary first; nobody: leads. */
  private look(): void {
    const { address } = this;
    if (address === undefined || this.stopped) return;
    const generation = address.newest();
    this.connect(address.primary, () => {
      if (process.platform !== 'win32' && generation === undefined) this.lead(0);
      else this.connect(address.elected(generation ?? 0), () => this.lead((generation ?? -1) + 1));
    });
  }

  private lookAgain(): void {
    // Without its primary a worker is about to end.
    if (this.stopped || !process.connected) return;
    this.failures += 1;
    if (this.failures > MAX_FAILURES) {
      this.alone('no process of the cluster that answers for all');
      return;
    }
    const millis = RETRY_MILLIS + Math.random() * RETRY_SPREAD_MILLIS;
    runOutside(() =>
      setTimeout(
        fence('cluster election', () => this.look()),
        millis,
      ),
    ).unref();
  }

  private connect(path: string, onNobody: () => void): void {
    const net = load('node:net') as typeof import('node:net');
    const socket = runOutside(() => net.connect({ path }));
    socket.unref();
    const onError = fence('cluster election', () => onNobody());
    socket.once('error', onError);
    socket.once(
      'connect',
      fence('cluster election', () => {
        socket.removeListener('error', onError);
        this.follow(socket);
      }),
    );
  }

  private follow(socket: Socket): void {
    if (this.stopped) {
      socket.destroy();
      return;
    }
    const patience = runOutside(() => setTimeout(() => socket.destroy(), WELCOME_MILLIS));
    patience.unref();
    this.member = joinAsMember(socket, {
      process: this.options.process,
      worker: this.id,
      instanceId: this.options.resource.instanceId,
      onWelcome: (url) => {
        clearTimeout(patience);
        this.failures = 0;
        this.leaderUrl = url;
      },
      onLost: () => {
        clearTimeout(patience);
        this.member = undefined;
        this.leaderUrl = undefined;
        this.lookAgain();
      },
    });
  }

  private lead(generation: number): void {
    const { options, address } = this;
    if (address === undefined || this.stopped) return;
    const hub = new ClusterHub({
      process: options.process,
      resource: options.resource,
      isWorker: true,
      seriesLimit: options.seriesLimit,
      onJoined() {},
      url: () => options.url(),
      // What has been shown must not be lost with this process: a counter would fall.
      beforeShown: () => this.totals?.keep() ?? Promise.resolve(),
    });
    const server = hubServer((socket) => hub.accept(socket));
    server.once('error', () => this.lookAgain());
    runOutside(() =>
      server.listen(
        { path: address.elected(generation), exclusive: true },
        fence('cluster election', () => this.leads(generation, hub, server)),
      ),
    );
  }

  private leads(generation: number, hub: ClusterHub, server: Server): void {
    const { address, options } = this;
    if (address === undefined || this.stopped || (address.newest() ?? generation) > generation) {
      server.close();
      this.lookAgain();
      return;
    }
    server.removeAllListeners('error');
    server.on('error', (error) => reportBug('cluster socket', error));
    this.failures = 0;
    this.hub = hub;
    this.server = server;
    readTotals(address.totalsFile, hub.aggregate);
    this.totals = new TotalsKeeper(address.totalsFile, hub.aggregate);
    address.removeBefore(generation);
    address.removeLeftovers();
    options.openAdmin(hub);
    const beat = fence('cluster beat', () => {
      if ((address.newest() ?? generation) > generation) this.stepDown();
      else {
        hub.countSelf();
        void this.totals?.keep();
      }
    });
    this.beat = runOutside(() => setInterval(beat, LEADER_BEAT_MILLIS));
    this.beat.unref();
  }

  /** Two workers took a dead leader's place in the same moment: the higher generation has it. */
  private stepDown(): void {
    this.yieldLead();
    this.options.closeAdmin();
    this.lookAgain();
  }

  private yieldLead(): void {
    clearInterval(this.beat);
    this.server?.close();
    this.hub?.close();
    this.hub = undefined;
    this.server = undefined;
    this.totals = undefined;
  }

  beforeExit(): void {
    this.member?.lastWords();
    if (this.hub === undefined) return;
    this.hub.countSelf();
    this.totals?.keepNow();
    this.server?.close();
  }

  stop(): void {
    this.stopped = true;
    this.member?.close();
    this.yieldLead();
  }
}
