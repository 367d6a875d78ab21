import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from '../core/directories.ts';
import { isAlive } from './target-file.ts';

/** Longest path of a Unix socket that every platform takes (macOS: 104 bytes with the end). */
const MAX_SOCKET_PATH = 103;
const PRIVATE = 0o700;

/** Where the processes of one cluster find each other: sockets that only this user can open. */
export interface ClusterAddress {
  /** Where an observed primary listens. */
  readonly primary: string;
  /** Newest generation of an elected worker's socket; undefined when there is none. */
  newest(): number | undefined;
  /** The socket of a generation. The highest one that answers leads; none is reused while processes live. */
  elected(generation: number): string;
  /** Removes what earlier generations left. */
  removeBefore(generation: number): void;
  /** Removes what clusters of this machine left whose primary is gone. */
  removeLeftovers(): void;
  /** What a leader leaves for its successor; undefined where a leader needs none. */
  readonly totalsFile: string;
}

export interface ClusterIdentity {
  /** Process ID of the primary: of this process in the primary, of the parent in a worker. */
  readonly primaryPid: number;
  /** What tells the apps of one process manager apart: name, environment and script. */
  readonly app: readonly string[];
  readonly dataDir: string;
}

/** A directory of this user alone, or an error: whoever could write here could lead the cluster. */
function privateDirectory(path: string): string {
  makeDirectory(path, PRIVATE);
  const found = lstatSync(path);
  if (!found.isDirectory()) throw new Error(`${path} is no directory`);
  if (process.getuid !== undefined) {
    if (found.uid !== process.getuid()) throw new Error(`${path} belongs to somebody else`);
    if ((found.mode & 0o077) !== 0) chmodSync(path, PRIVATE);
  }
  return path;
}

function socketDirectory(dataDir: string, longestName: number): string {
  const fits = (path: string): boolean => Buffer.byteLength(path) + 1 + longestName <= MAX_SOCKET_PATH;
  const own = join(dataDir, 'cluster');
  if (fits(own)) {
    try {
      return privateDirectory(own);
    } catch {
      // A read-only data directory: the temporary one will do, since nothing here outlives the processes.
    }
  }
  return privateDirectory(join(tmpdir(), `sightline-cluster-${process.getuid?.() ?? 0}`));
}

function digest(parts: readonly string[], length = 8): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, length);
}

/**
 * The addresses of one cluster. On Windows they are named pipes, which vanish with their process, so that one
 * generation is enough there.
 *
 * @throws the system's error when there is no directory for them
 */
export function clusterAddress({ primaryPid, app, dataDir }: ClusterIdentity): ClusterAddress {
  // The host, too: on a shared volume every container is process 1.
  const host = digest([hostname()], 6);
  const primaryName = `p-${host}-${primaryPid}`;
  const electedName = `e-${host}-${primaryPid}-${digest(app)}`;
  const directory = socketDirectory(dataDir, electedName.length + '-999999.sock'.length);
  const shared = {
    totalsFile: join(directory, `${electedName}.json`),
    removeLeftovers: () => removeLeftovers(directory, host),
  };
  if (process.platform === 'win32') {
    const pipe = (name: string): string => `\\\\.\\pipe\\sightline-${digest([dataDir])}-${name}`;
    return {
      ...shared,
      primary: pipe(primaryName),
      elected: () => pipe(electedName),
      newest: () => undefined,
      removeBefore() {},
    };
  }
  const pattern = new RegExp(`^${electedName}-(\\d{1,6})\\.sock$`);
  const generations = (): number[] =>
    readdirSync(directory)
      .map((name) => pattern.exec(name)?.[1])
      .filter((number) => number !== undefined)
      .map(Number);
  const elected = (generation: number): string => join(directory, `${electedName}-${generation}.sock`);
  return {
    ...shared,
    primary: join(directory, `${primaryName}.sock`),
    elected,
    newest: () => generations().reduce<number | undefined>((one, two) => Math.max(one ?? two, two), undefined),
    removeBefore(generation) {
      for (const old of generations()) if (old < generation) rmSync(elected(old), { force: true });
    },
  };
}

function removeLeftovers(directory: string, host: string): void {
  const ofHost = new RegExp(`^[pe]-${host}-(\\d+)[.-]`);
  for (const name of readdirSync(directory)) {
    const pid = ofHost.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(directory, name), { force: true });
  }
}
