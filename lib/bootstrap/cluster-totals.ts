import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { reportBug } from '../core/fence.ts';
import type { MetricAggregate } from '../metrics/aggregate.ts';
import { packFamilies, packNumber, unpackFamilies } from '../metrics/aggregate-wire.ts';

/** How old what a leader left may be, milliseconds: after a longer pause nobody waits for a continued count. */
const MAX_AGE_MILLIS = 60_000;
const VERSION = 1;

/**
 * Takes over what the leader before has left: counts of processes that are gone, and the last counts of the others,
 * which replace them when they speak again.
 */
export function readTotals(file: string, aggregate: MetricAggregate): void {
  try {
    if (Date.now() - statSync(file).mtimeMs > MAX_AGE_MILLIS) return;
    const content = JSON.parse(readFileSync(file, 'utf8')) as {
      version?: unknown;
      retired?: unknown;
      living?: unknown;
    };
    if (content.version !== VERSION) return;
    for (const family of unpackFamilies(content.retired)) aggregate.retain(family);
    if (!Array.isArray(content.living)) return;
    for (const [source, families] of content.living as [unknown, unknown][]) {
      if (typeof source === 'string') aggregate.put(source, unpackFamilies(families));
    }
  } catch {
    // There is none, or half of one: counts then start anew, which Prometheus takes for a restart.
  }
}

/** Leaves the totals for the next leader, one writing at a time; concurrent calls share the next one. */
export class TotalsKeeper {
  private readonly file: string;
  private readonly aggregate: MetricAggregate;
  private writing: Promise<void> | undefined;
  private next: Promise<void> | undefined;

  constructor(file: string, aggregate: MetricAggregate) {
    this.file = file;
    this.aggregate = aggregate;
  }

  /** Resolves when the totals of this moment, or newer ones, are in the file. Never rejects. */
  keep(): Promise<void> {
    if (this.writing === undefined) {
      this.writing = this.write().finally(() => {
        this.writing = undefined;
      });
      return this.writing;
    }
    this.next ??= this.writing.then(() => {
      this.next = undefined;
      return this.keep();
    });
    return this.next;
  }

  /** As `keep`, synchronously: for exits. */
  keepNow(): void {
    const temporary = `${this.file}.${process.pid}.last`;
    writeFileSync(temporary, this.content(), { mode: 0o600 });
    renameSync(temporary, this.file);
  }

  private content(): string {
    const living = this.aggregate.counts().map(([source, families]) => [source, packFamilies(families)]);
    return JSON.stringify({ version: VERSION, retired: packFamilies(this.aggregate.retained()), living }, packNumber);
  }

  private async write(): Promise<void> {
    const temporary = `${this.file}.${process.pid}.tmp`;
    try {
      await writeFile(temporary, this.content(), { mode: 0o600 });
      await rename(temporary, this.file);
    } catch (error) {
      reportBug('totals of the cluster', error);
    }
  }
}
