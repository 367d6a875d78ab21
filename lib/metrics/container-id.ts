import { readFileSync, statSync } from 'node:fs';

/** Files of the kernel that are read at most so far, characters. */
const MAX_READ = 65_536;
/** Docker and containerd (64 hexadecimal digits), ECS (task and number), Garden (a UUID). */
const CONTAINER = /(?:^|[^0-9a-f])([0-9a-f]{64}|[0-9a-f]{32}-\d{1,20}|[0-9a-f]{8}(?:-[0-9a-f]{4}){4})(?=$|[^0-9a-f-])/;
/** Inode of the host's cgroup namespace (`PROC_CGROUP_INIT_INO` of Linux): in it, the file says where we are. */
const HOST_CGROUP_NAMESPACE = 0xeffffffb;
/** Inode of the root of a cgroup mount; no container has it. */
const ROOT_INODE = 1;

export interface KernelFiles {
  /** The text of a file, undefined when it cannot be read. */
  readonly read: (path: string) => string | undefined;
  /** The inode that a path leads to, undefined when there is none. */
  readonly inode: (path: string) => number | undefined;
}

const KERNEL: KernelFiles = {
  read(path) {
    try {
      return readFileSync(path, 'utf8').slice(0, MAX_READ);
    } catch {
      return undefined;
    }
  },
  inode(path) {
    try {
      return statSync(path).ino;
    } catch {
      return undefined;
    }
  },
};

/**
 * The container of this process as DogStatsD's `|c:` wants it: its ID, else `in-` and the inode of its cgroup, by which
 * an agent on the same host finds it (docs.datadoghq.com, "DogStatsD protocol", 1.2 and 1.4). Undefined outside of one.
 */
export function containerId(kernel: KernelFiles = KERNEL): string | undefined {
  const cgroup = kernel.read('/proc/self/cgroup');
  if (cgroup === undefined) return undefined;
  const lines = cgroup.split('\n').map((line) => line.trim());
  for (const line of lines) {
    const id = CONTAINER.exec(line.split(':').slice(2).join(':'))?.[1];
    if (id !== undefined) return id;
  }
  // Under a cgroup namespace of its own the path is `/`; the mounts of Docker and containerd still name the container.
  for (const line of kernel.read('/proc/self/mountinfo')?.split('\n') ?? []) {
    if (!/\/(?:containers|sandboxes)\/[^\s]*\/hostname\s/.test(line)) continue;
    const id = /\/containers\/([0-9a-f]{64})\//.exec(line)?.[1];
    if (id !== undefined) return id;
  }
  if (kernel.inode('/proc/self/ns/cgroup') === HOST_CGROUP_NAMESPACE) return undefined;
  for (const line of lines) {
    const [number, controllers = '', path] = line.split(':');
    if (path === undefined || (number !== '0' && controllers !== 'memory')) continue;
    const inode = kernel.inode(
      `/sys/fs/cgroup/${controllers === '' ? '' : `${controllers}/`}${path.replace(/^\//, '')}`,
    );
    if (inode !== undefined && inode > ROOT_INODE) return `in-${inode}`;
  }
  return undefined;
}
