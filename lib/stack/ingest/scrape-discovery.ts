import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readYaml } from '../config/yaml-subset.ts';
import type { TargetGroup } from './scrape-job.ts';

/** Bytes of one target file or answer. */
const MAX_BYTES = 1024 ** 2;
/** Target files read. */
const MAX_FILES = 500;
/** Longest wait for one answer of `http_sd`. */
const HTTP_TIMEOUT_MILLIS = 10_000;

interface ReadFile {
  readonly signature: string;
  readonly groups: readonly TargetGroup[];
}

/**
 * Reads `file_sd` files again whenever they change. A file that cannot be read keeps its last good content, as in
 * Prometheus. Source: Prometheus documentation, `file_sd_config`.
 */
export class TargetFiles {
  readonly #patterns: readonly string[];
  readonly #onTrouble: (text: string) => void;
  #files = new Map<string, ReadFile>();

  /** @param patterns absolute paths; the last part may have `*` */
  constructor(patterns: readonly string[], onTrouble: (text: string) => void) {
    this.#patterns = patterns;
    this.#onTrouble = onTrouble;
  }

  groups(): TargetGroup[] {
    const files = new Map<string, ReadFile>();
    for (const path of new Set(this.#patterns.flatMap(expandPattern).slice(0, MAX_FILES))) {
      const file = this.#read(path, this.#files.get(path));
      if (file !== undefined) files.set(path, file);
    }
    this.#files = files;
    return [...files.values()].flatMap((file) => file.groups);
  }

  #read(path: string, last: ReadFile | undefined): ReadFile | undefined {
    try {
      const { mtimeMs, size, ino } = statSync(path);
      const signature = `${mtimeMs} ${size} ${ino}`;
      if (last?.signature === signature) return last;
      if (size > MAX_BYTES) throw new Error(`got ${size} bytes, wanted at most ${MAX_BYTES}`);
      const text = readFileSync(path, 'utf8');
      const groups = path.endsWith('.json') ? readTargetGroups(text) : groupsOf(readYaml(text));
      return {
        signature,
        groups: groups.map((group) => ({ ...group, labels: { ...group.labels, __meta_filepath: path } })),
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#onTrouble(`target file ${path}: ${(error as Error).message}`);
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : last;
    }
  }
}

/** Paths that a pattern of `file_sd` or `rule_files` stands for, in order. */
export function expandPattern(pattern: string): string[] {
  const name = basename(pattern);
  if (!name.includes('*')) return [pattern];
  const parts = name.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  const matches = new RegExp(`^${parts.join('[^/]*')}$`);
  try {
    return readdirSync(dirname(pattern))
      .filter((entry) => matches.test(entry))
      .sort()
      .map((entry) => join(dirname(pattern), entry));
  } catch {
    // No directory yet: no service has announced itself.
    return [];
  }
}

export interface TargetAddressOptions {
  readonly url: string;
  /** Default 1 minute. */
  readonly refreshMillis: number;
  readonly onTrouble: (text: string) => void;
  readonly now?: () => number;
}

/**
 * Asks an address for targets; the last good answer stays while it gives none.
 * Source: Prometheus documentation, `http_sd_config`.
 */
export class TargetAddress {
  readonly #options: TargetAddressOptions;
  readonly #now: () => number;
  #groups: readonly TargetGroup[] = [];
  #due = Number.NEGATIVE_INFINITY;

  constructor(options: TargetAddressOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** What is known; asks again in the background when it is time. */
  groups(): readonly TargetGroup[] {
    const now = this.#now();
    if (now >= this.#due) {
      this.#due = now + this.#options.refreshMillis;
      void this.#refresh();
    }
    return this.#groups;
  }

  async #refresh(): Promise<void> {
    const { url, refreshMillis, onTrouble } = this.#options;
    try {
      const response = await fetch(url, {
        signal: AbortSignal.timeout(HTTP_TIMEOUT_MILLIS),
        headers: {
          accept: 'application/json',
          'user-agent': 'sightline-stack',
          'x-prometheus-refresh-interval-seconds': String(refreshMillis / 1000),
        },
      });
      const text = await boundedText(response);
      if (response.status !== 200) throw new Error(`server returned HTTP status ${response.status}`);
      if (!/^application\/json\b/i.test(response.headers.get('content-type') ?? ''))
        throw new Error(`unsupported content type ${JSON.stringify(response.headers.get('content-type') ?? '')}`);
      this.#groups = readTargetGroups(text).map((group) => ({
        ...group,
        labels: { ...group.labels, __meta_url: url },
      }));
    } catch (error) {
      onTrouble(`targets of ${url}: ${(error as Error).message}`);
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`got more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws Error saying what is wrong with the text */
export function readTargetGroups(text: string): TargetGroup[] {
  return groupsOf(JSON.parse(text));
}

function groupsOf(groups: unknown): TargetGroup[] {
  if (!Array.isArray(groups)) throw new Error('got no list, wanted [{ "targets": […], "labels": {…} }]');
  return groups.map((group: { targets?: unknown; labels?: unknown }) => {
    if (typeof group !== 'object' || group === null || !Array.isArray(group.targets))
      throw new Error('got a group without targets');
    const labels = Object.entries(group.labels ?? {}).map(([name, value]) => [name, wordOf(value, `label ${name}`)]);
    return {
      targets: group.targets.map((address: unknown) => wordOf(address, 'a target')),
      labels: Object.fromEntries(labels),
    };
  });
}

function wordOf(value: unknown, what: string): string {
  if (typeof value === 'object') throw new Error(`got an object or list for ${what}, wanted a text`);
  return String(value);
}
