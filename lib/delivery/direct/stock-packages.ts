import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SightlineError } from '../../errors.ts';

/** The versions that direct mode is tested with: the pins of our own package.json, compared by a test. */
export const STOCK_VERSIONS = {
  '@opentelemetry/sdk-node': '0.301.0',
  '@opentelemetry/exporter-zipkin': '3.1.0',
  'pino-elasticsearch': '9.0.0',
  'hot-shots': '17.1.1',
} as const;
export type StockPackage = keyof typeof STOCK_VERSIONS;

export interface StockPackages {
  /** Loads a package that was asked for. */
  load(name: StockPackage): any;
  /** Loads a package that belongs to one that was asked for, the same copy that it uses itself. */
  loadOf(owner: StockPackage, name: string): any;
}

/**
 * Finds the stock packages, next to us or in the app.
 * @param from files or directories (with a trailing slash) whose `node_modules` are looked into, in order
 * @throws SightlineError SIGHTLINE_E_PEER_MISSING naming the one command that installs what is missing
 */
export function findStockPackages(names: readonly StockPackage[], from: readonly string[] = places()): StockPackages {
  const requires = from.map((place) => createRequire(place));
  const paths = new Map<StockPackage, string>();
  for (const name of names) {
    for (const require of requires) {
      try {
        paths.set(name, require.resolve(name));
        break;
      } catch {
        // The next place may have it.
      }
    }
  }
  const missing = names.filter((name) => !paths.has(name));
  if (missing.length > 0) {
    const wanted = missing.map((name) => `${name}@${STOCK_VERSIONS[name]}`).join(' ');
    throw new SightlineError(
      'SIGHTLINE_E_PEER_MISSING',
      `got SIGHTLINE_DELIVERY=direct without ${missing.join(', ')}, wanted the stock packages; run: npm install ${wanted}`,
    );
  }
  const requireOf = (name: StockPackage): NodeJS.Require => createRequire(paths.get(name)!);
  return {
    load: (name) => requireOf(name)(paths.get(name)!),
    loadOf: (owner, name) => requireOf(owner)(name),
  };
}

function places(): string[] {
  return [import.meta.url, join(process.cwd(), '/'), ...(process.argv[1] === undefined ? [] : [process.argv[1]])];
}
