import { chmodSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from '../core/directories.ts';
import type { Resource } from '../model/resource.ts';

/**
 * Announces `/metrics` to a Prometheus that reads `$SIGHTLINE_DATA_DIR/targets/*.json` (file_sd). The directory is
 * 0755 and the file 0644: the scraper is another user. No secrets in it.
 *
 * @param address host:port that answers `/metrics`
 * @returns removes the file again; synchronous, for exits
 */
export function announceTarget(dataDir: string, address: string, resource: Resource): () => void {
  const directory = join(dataDir, 'targets');
  makeDirectory(directory, 0o755);
  chmodSync(directory, 0o755);
  removeOrphans(directory);
  const file = join(directory, `${safe(resource.serviceName)}@${safe(hostname())}-${resource.pid}.json`);
  const content = JSON.stringify([
    {
      targets: [address],
      labels: {
        job: resource.serviceName,
        instance: address,
        environment: resource.environment,
        service_version: resource.serviceVersion,
      },
    },
  ]);
  // Written beside and renamed: a reader never sees half a file.
  const temporary = `${file}.tmp`;
  writeFileSync(temporary, `${content}\n`, { mode: 0o644 });
  chmodSync(temporary, 0o644);
  renameSync(temporary, file);
  return () => rmSync(file, { force: true });
}

function safe(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 100);
}

/** Files that processes of this machine left behind when they were killed; those of other hosts on a shared volume stay. */
function removeOrphans(directory: string): void {
  const ending = new RegExp(`@${safe(hostname()).replaceAll('.', '\\.')}-(\\d+)\\.json$`);
  for (const name of readdirSync(directory)) {
    const pid = ending.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(directory, name), { force: true });
  }
}

/** Whether a process of this machine has this ID. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
