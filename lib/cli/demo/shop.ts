import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SightlineError } from '../../errors.ts';
import type { ServiceName } from './services.ts';

/** What the services of the demo need beside Node. */
const PACKAGES = ['express', 'fastify', 'pino'] as const;

/** Where the programs of the three services are. */
export interface ShopFiles {
  readonly directory: string;
  readonly files: Readonly<Record<ServiceName, string>>;
  close(): void;
}

/**
 * Finds the services of `examples/shop`. In an installed package they are run from a copy: Node strips no types below
 * `node_modules`.
 *
 * @throws SightlineError SIGHTLINE_E_PEER_MISSING with the npm command
 */
export function openShop(): ShopFiles {
  const origin = fileURLToPath(new URL('../../../examples/shop/', import.meta.url));
  const packages = locatePackages(origin);
  if (!origin.includes(`${sep}node_modules${sep}`)) return filesIn(origin, () => {});
  const copy = mkdtempSync(join(tmpdir(), 'sightline-shop-'));
  cpSync(origin, copy, { recursive: true, filter: (path) => !path.slice(origin.length).includes('node_modules') });
  mkdirSync(join(copy, 'node_modules'));
  for (const [name, directory] of packages) symlinkSync(directory, join(copy, 'node_modules', name), 'junction');
  return filesIn(copy, () => rmSync(copy, { recursive: true, force: true }));
}

function filesIn(directory: string, close: () => void): ShopFiles {
  const service = (name: string) => join(directory, 'services', name);
  return {
    directory,
    files: {
      payments: service('payments/server.cjs'),
      orders: service('orders/server.ts'),
      storefront: service('storefront/server.js'),
    },
    close,
  };
}

function locatePackages(origin: string): Map<string, string> {
  const found = new Map<string, string>();
  const missing: string[] = [];
  for (const name of PACKAGES) {
    const directory = directoryOf(name, origin);
    if (directory === undefined) missing.push(name);
    else found.set(name, directory);
  }
  if (missing.length > 0) {
    throw new SightlineError(
      'SIGHTLINE_E_PEER_MISSING',
      `got no ${missing.join(' and ')}, wanted what the demo's services are written with; run npm install ${missing.join(' ')}`,
    );
  }
  return found;
}

/** The root of an installed package, seen from a directory or from where the user stands. */
function directoryOf(name: string, origin: string): string | undefined {
  for (const from of [join(origin, 'package.json'), join(process.cwd(), 'package.json')]) {
    const load = createRequire(from);
    for (const directory of load.resolve.paths(name) ?? []) {
      try {
        return dirname(load.resolve(join(directory, name, 'package.json')));
      } catch {
        // Not there; the next one up.
      }
    }
  }
  return undefined;
}
