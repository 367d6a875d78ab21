import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where and what to scrape. */
export interface ScrapeTarget {
  readonly url: string;
  /** `job`, `instance` and what service discovery adds. */
  readonly labels: Readonly<Record<string, string>>;
  /** Group of targets, as `/api/v1/targets` calls it. */
  readonly pool: string;
}

/** Bytes of one target file. */
const MAX_FILE_BYTES = 1024 ** 2;
/** Target files read. */
const MAX_FILES = 500;

interface ReadFile {
  readonly signature: string;
  readonly targets: readonly ScrapeTarget[];
}

/**
 * Reads the `file_sd` files of a directory again whenever they change. A file that cannot be read keeps its last good
 * content, as in Prometheus. Source: Prometheus documentation, `file_sd_config`.
 */
export class TargetDirectory {
  readonly #directory: string;
  readonly #onTrouble: (text: string) => void;
  #files = new Map<string, ReadFile>();

  constructor(directory: string, onTrouble: (text: string) => void) {
    this.#directory = directory;
    this.#onTrouble = onTrouble;
  }

  targets(): ScrapeTarget[] {
    let names: string[];
    try {
      names = readdirSync(this.#directory)
        .filter((name) => name.endsWith('.json'))
        .sort()
        .slice(0, MAX_FILES);
    } catch {
      // No service has announced itself yet.
      names = [];
    }
    const files = new Map<string, ReadFile>();
    for (const name of names) {
      const file = this.#read(join(this.#directory, name), this.#files.get(name));
      if (file !== undefined) files.set(name, file);
    }
    this.#files = files;
    return [...files.values()].flatMap((file) => file.targets);
  }

  #read(path: string, last: ReadFile | undefined): ReadFile | undefined {
    try {
      const { mtimeMs, size, ino } = statSync(path);
      const signature = `${mtimeMs} ${size} ${ino}`;
      if (last?.signature === signature) return last;
      if (size > MAX_FILE_BYTES) throw new Error(`got ${size} bytes, wanted at most ${MAX_FILE_BYTES}`);
      return { signature, targets: readTargetGroups(readFileSync(path, 'utf8')) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#onTrouble(`target file ${path}: ${(error as Error).message}`);
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : last;
    }
  }
}

/** @throws Error saying what is wrong with the file */
export function readTargetGroups(text: string): ScrapeTarget[] {
  const groups: unknown = JSON.parse(text);
  if (!Array.isArray(groups)) throw new Error('got no list, wanted [{ "targets": […], "labels": {…} }]');
  return groups.flatMap((group: { targets?: unknown; labels?: unknown }) => {
    if (typeof group !== 'object' || group === null || !Array.isArray(group.targets))
      throw new Error('got a group without targets');
    const labels = Object.fromEntries(
      Object.entries(group.labels ?? {}).map(([name, value]) => [name, wordOf(value, `label ${name}`)]),
    );
    return group.targets.map((address: unknown) => targetOf(wordOf(address, 'a target'), labels, 'file_sd'));
  });
}

function wordOf(value: unknown, what: string): string {
  if (typeof value === 'object') throw new Error(`got an object or list for ${what}, wanted a text`);
  return String(value);
}

/** One address of service discovery. Labels with two underscores say how to scrape and are not kept. */
export function targetOf(address: string, labels: Readonly<Record<string, string>>, pool: string): ScrapeTarget {
  const scheme = labels['__scheme__'] ?? 'http';
  const path = labels['__metrics_path__'] ?? '/metrics';
  const kept = Object.fromEntries(
    Object.entries(labels).filter(([name, value]) => !name.startsWith('__') && value !== ''),
  );
  return {
    url: new URL(`${scheme}://${address}${path}`).href,
    labels: { job: pool, instance: address, ...kept },
    pool,
  };
}

/** A target of `--scrape`. @throws TypeError when it is no URL */
export function targetOfUrl(text: string): ScrapeTarget {
  const url = new URL(text);
  if (url.pathname === '/' && !text.endsWith('/')) url.pathname = '/metrics';
  return { url: url.href, labels: { job: 'scrape', instance: url.host }, pool: 'scrape' };
}
