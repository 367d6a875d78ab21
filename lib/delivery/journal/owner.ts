import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Who holds a journal, as the first part of its directory's name: boot, process namespace, process, its start. A
 * process ID alone is used again, and on one shared volume every container is process 1.
 */
export interface Owner {
  /** Identifies one boot of one machine; the host name where the system does not tell. */
  readonly boot: string;
  /** Process namespace; `0` where there is none. */
  readonly namespace: string;
  readonly pid: number;
  /** Start of the process in ticks since boot; `0` where the system does not tell. */
  readonly start: string;
}

/** The name of the journals of no process: given back at an orderly end with records that are still to be sent. */
export const RELEASED = 'released';

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)): counted after the command, which may hold spaces and brackets. */
function startOf(pid: number | 'self'): { start: string; dead: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { start: fields[19] ?? '0', dead: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return undefined;
  }
}

function bootOf(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')
      .replace(/[^0-9a-f]/g, '')
      .slice(0, 16);
  } catch {
    return (
      hostname()
        .replace(/[^A-Za-z0-9]/g, '')
        .slice(0, 32)
        .toLowerCase() || 'host'
    );
  }
}

function namespaceOf(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

/** This process. */
export function currentOwner(): Owner {
  return { boot: bootOf(), namespace: namespaceOf(), pid: process.pid, start: startOf('self')?.start ?? '0' };
}

/** `boot.namespace.pid.start` */
export function ownerName(owner: Owner): string {
  return `${owner.boot}.${owner.namespace}.${owner.pid}.${owner.start}`;
}

export function parseOwner(name: string): Owner | undefined {
  const match = /^([0-9a-z]+)\.(\d+)\.(\d+)\.(\d+)$/.exec(name);
  return match === null
    ? undefined
    : { boot: match[1]!, namespace: match[2]!, pid: Number(match[3]), start: match[4]! };
}

/**
 * Whether a process lives, as far as the process table can tell.
 * @returns undefined for what runs on another boot or in another namespace, or where there is no start to compare
 */
export function isAlive(owner: Owner, self: Owner): boolean | undefined {
  if (owner.boot !== self.boot || owner.namespace !== self.namespace) return undefined;
  if (self.start === '0') return exists(owner.pid) ? undefined : false;
  const found = startOf(owner.pid);
  return found !== undefined && !found.dead && found.start === owner.start;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
