import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { compileMatchers, type LabelMatcher } from '../query/label-matcher.ts';
import { LabelSet } from '../query/promql/evaluate/label-set.ts';
import type { SampleSource, StoredSeries } from '../query/promql/evaluate/series.ts';
import type { Labels, MetricBatch, MetricFamily, StoredExemplar, TimeRange } from './store.ts';

/** Exemplars that one query gives out. */
const MAX_EXEMPLARS = 10_000;
/** How a staleness marker is kept: a text, which no sample is. */
const STALE = 'stale';
/** Series whose row IDs are remembered, so that a scrape looks none of them up. */
const MAX_REMEMBERED_SERIES = 50_000;

interface SeriesRow {
  readonly id: number;
  readonly labels: Labels;
}

export class MetricTables implements SampleSource {
  readonly #insertFamily: StatementSync;
  readonly #insertSeries: StatementSync;
  readonly #findSeries: StatementSync;
  readonly #insertSample: StatementSync;
  readonly #insertExemplar: StatementSync;
  readonly #seriesOfName: StatementSync;
  readonly #allSeries: StatementSync;
  readonly #samplesOf: StatementSync;
  readonly #anySample: StatementSync;
  readonly #exemplarsOf: StatementSync;
  readonly #exemplarsOfTrace: StatementSync;
  readonly #families: StatementSync;
  readonly #seriesIds = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.#insertFamily = database.prepare(
      'INSERT INTO families (name, type, help, unit) VALUES (?,?,?,?) ON CONFLICT (name) DO UPDATE SET type = excluded.type, help = excluded.help, unit = excluded.unit WHERE type <> excluded.type OR help <> excluded.help OR unit <> excluded.unit',
    );
    this.#insertSeries = database.prepare('INSERT INTO series (name, labels) VALUES (?,?)');
    this.#findSeries = database.prepare('SELECT id FROM series WHERE labels = ?');
    this.#insertSample = database.prepare('INSERT OR REPLACE INTO samples (series, ts, value) VALUES (?,?,?)');
    this.#insertExemplar = database.prepare(
      'INSERT OR IGNORE INTO exemplars (received, series, ts, value, trace_id, labels) VALUES (?,?,?,?,?,?)',
    );
    this.#seriesOfName = database.prepare('SELECT id, labels FROM series WHERE name = ? ORDER BY id');
    this.#allSeries = database.prepare('SELECT id, labels FROM series ORDER BY id');
    this.#samplesOf = database.prepare(
      'SELECT ts, value FROM samples WHERE series = ? AND ts >= ? AND ts <= ? ORDER BY ts',
    );
    this.#samplesOf.setReturnArrays(true);
    this.#anySample = database.prepare('SELECT 1 FROM samples WHERE series = ? AND ts >= ? AND ts <= ? LIMIT 1');
    this.#exemplarsOf = database.prepare(
      'SELECT labels, value, ts FROM exemplars WHERE series = ? AND ts >= ? AND ts <= ? ORDER BY ts',
    );
    this.#exemplarsOfTrace = database.prepare(
      'SELECT e.labels, e.value, e.ts, s.labels AS seriesLabels FROM exemplars e JOIN series s ON s.id = e.series WHERE e.trace_id = ? ORDER BY e.ts LIMIT ?',
    );
    this.#families = database.prepare('SELECT name, type, help, unit FROM families ORDER BY name');
  }

  append(batch: MetricBatch, receivedMillis: number): void {
    for (const family of batch.families) this.#insertFamily.run(family.name, family.type, family.help, family.unit);
    for (const sample of batch.samples) {
      const series = this.#idOf(sample.labels);
      // SQLite has no NaN: it is kept as NULL.
      const value = sample.stale === true ? STALE : Number.isNaN(sample.value) ? null : sample.value;
      this.#insertSample.run(series, sample.timestamp, value);
      const { exemplar } = sample;
      if (exemplar === undefined) continue;
      const traceId = exemplar.labels['trace_id'] ?? exemplar.labels['traceID'] ?? null;
      this.#insertExemplar.run(
        receivedMillis,
        series,
        exemplar.timestamp,
        exemplar.value,
        traceId,
        JSON.stringify(exemplar.labels),
      );
    }
  }

  /** After series were deleted, and after a rollback, what is remembered may be wrong. */
  forget(): void {
    this.#seriesIds.clear();
  }

  #idOf(labels: Labels): number {
    const key = canonical(labels);
    let id = this.#seriesIds.get(key);
    if (id !== undefined) return id;
    id = this.#findSeries.get(key)?.['id'] as number | undefined;
    id ??= Number(this.#insertSeries.run(labels['__name__'] ?? '', key).lastInsertRowid);
    if (this.#seriesIds.size >= MAX_REMEMBERED_SERIES) this.#seriesIds.clear();
    this.#seriesIds.set(key, id);
    return id;
  }

  #select(matchers: readonly LabelMatcher[]): SeriesRow[] {
    const name = matchers.find((matcher) => matcher.name === '__name__' && matcher.operator === '=')?.value;
    const matches = compileMatchers(matchers);
    const rows = name === undefined ? this.#allSeries.all() : this.#seriesOfName.all(name);
    return rows
      .map((row) => ({ id: row['id'] as number, labels: JSON.parse(row['labels'] as string) as Labels }))
      .filter((row) => matches(row.labels));
  }

  /** Series by series, so that a query that asks for too much ends before it is read. */
  *select(matchers: readonly LabelMatcher[], range: TimeRange): Generator<StoredSeries> {
    for (const { id, labels } of this.#select(matchers)) {
      const rows = this.#samplesOf.all(id, range.start, range.end) as unknown as [number, number | string | null][];
      const { length } = rows;
      if (length === 0) continue;
      const times = new Float64Array(length);
      const values = new Float64Array(length);
      let stale: Uint8Array | undefined;
      for (let index = 0; index < length; index += 1) {
        const [time, value] = rows[index]!;
        times[index] = time;
        if (typeof value === 'number') values[index] = value;
        else {
          values[index] = Number.NaN;
          if (value === STALE) (stale ??= new Uint8Array(length))[index] = 1;
        }
      }
      yield { labels: LabelSet.of(labels), times, values, stale };
    }
  }

  series(matcherSets: readonly (readonly LabelMatcher[])[], range: TimeRange): Labels[] {
    const found = new Map<number, Labels>();
    for (const matchers of matcherSets.length === 0 ? [[]] : matcherSets) {
      for (const { id, labels } of this.#select(matchers)) {
        if (!found.has(id) && this.#anySample.get(id, range.start, range.end) !== undefined) found.set(id, labels);
      }
    }
    return [...found.values()];
  }

  exemplars(matchers: readonly LabelMatcher[], range: TimeRange): StoredExemplar[] {
    const found: StoredExemplar[] = [];
    for (const { id, labels } of this.#select(matchers)) {
      for (const row of this.#exemplarsOf.all(id, range.start, range.end)) {
        if (found.length >= MAX_EXEMPLARS) return found;
        found.push({
          seriesLabels: labels,
          labels: JSON.parse(row['labels'] as string) as Labels,
          value: numberOf(row['value']),
          timestamp: row['ts'] as number,
        });
      }
    }
    return found;
  }

  exemplarsOfTraces(traceIds: readonly string[], limit: number): StoredExemplar[] {
    return traceIds
      .flatMap((traceId) => this.#exemplarsOfTrace.all(traceId, limit))
      .slice(0, limit)
      .map((row) => ({
        seriesLabels: JSON.parse(row['seriesLabels'] as string) as Labels,
        labels: JSON.parse(row['labels'] as string) as Labels,
        value: numberOf(row['value']),
        timestamp: row['ts'] as number,
      }))
      .sort((one, other) => one.timestamp - other.timestamp);
  }

  families(): MetricFamily[] {
    return this.#families.all().map((row) => ({ ...row })) as unknown as MetricFamily[];
  }
}

function numberOf(value: unknown): number {
  return value === null ? Number.NaN : Number(value);
}

/** One text for one set of labels, whatever their order; an empty value is the same as none. */
function canonical(labels: Labels): string {
  const sorted: Record<string, string> = {};
  for (const name of Object.keys(labels).sort()) if (labels[name] !== '') sorted[name] = labels[name]!;
  return JSON.stringify(sorted);
}
