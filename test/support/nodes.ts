import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BACKENDS } from '../backends/directory.ts';

/** The Node versions that are promised: the oldest, the one of this repository, the newest. Pins are those of `install.sh`. */
export interface NodeRuntime {
  readonly version: string;
  readonly path: string;
  /** Why it cannot be used, for the `skip` option of a test. */
  readonly missing: string | undefined;
}

function installed(version: string): NodeRuntime {
  const path = join(BACKENDS, `node-${version}`, 'bin', 'node');
  return { version, path, missing: existsSync(path) ? undefined : `Node ${version} not installed; npm run backends` };
}

/** Oldest that is observed. */
export const NODE_OLDEST = installed('22.16.0');
/** The one that runs this test. */
export const NODE_OWN: NodeRuntime = {
  version: process.versions.node,
  path: process.execPath,
  missing: undefined,
};
export const NODE_NEWEST = installed('26.10.0');
/** Too old to be observed: the app must run all the same. */
export const NODE_TOO_OLD = installed('20.19.5');

/** Older ones, which lack even what the code of today is written with. */
export const NODES_MUCH_TOO_OLD: readonly NodeRuntime[] = [installed('18.20.8'), installed('16.20.2')];

export const NODES: readonly NodeRuntime[] = [NODE_OLDEST, NODE_OWN, NODE_NEWEST];
