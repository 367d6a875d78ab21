import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../support/child.ts';
import { type Fault, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { randomOf } from './random.ts';
import { sinkOptions } from './sink-fixture.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/delivery/kill.mjs', import.meta.url));
const SOURCE = new URL('../../lib/delivery/journal-sink.ts', import.meta.url).href;
/** Numbers of a round start here. */
const ROUND = 1_000_000;
/** Longest life of a process after its first record, milliseconds. */
const LIFE_MILLIS = 500;
/** Room for what is left behind while backends fail. */
const MAX_BYTES = 1024 ** 3;
/** Ends of the worker in one process. */
const WORKER_DEATHS = 10;

/** `app`: a process is killed, and the next one finds its journal. `adopters`: two at once. `worker`: the worker thread is ended. */
export type KillKind = 'app' | 'adopters' | 'worker';

export interface KillReport {
  readonly kind: KillKind;
  readonly rounds: number;
  /** Processes or threads that were ended. */
  readonly kills: number;
  readonly accepted: { readonly logs: number; readonly spans: number };
  /** Copies: Elasticsearch answers them with 409, Zipkin gets them. */
  readonly repeated: { readonly logs: number; readonly spans: number };
}

/**
 * Kills processes or threads at random moments, with a backend that fails now and then, and then asserts that each record
 * that was accepted has arrived: log lines once, spans at least once, and that nothing is left on disk.
 *
 * @throws AssertionError that names the seed
 */
export async function runKillRounds(kind: KillKind, rounds: number, seed: number): Promise<KillReport> {
  const random = randomOf(seed);
  const receiver = await startReceiver();
  const directory = join(temporaryDirectory(`kill-${kind}`), 'journal');
  const { onNotice: _, ...options } = sinkOptions(receiver, { directory, maxBytes: MAX_BYTES });
  let kills = 0;
  const accepted = { logs: new Set<number>(), spans: new Set<number>() };
  const faults: readonly (Fault | undefined)[] = [
    undefined,
    undefined,
    'reset',
    'lose-answer',
    { status: 503 },
    { status: 429 },
  ];

  const start = (round: number, env: NodeJS.ProcessEnv): Child =>
    startChild({
      args: [PROGRAM],
      env: { SINK: SOURCE, OPTIONS: JSON.stringify(options), FIRST: String(round * ROUND), ...env },
      timeoutMillis: 120_000,
    });
  const note = (output: string): void => {
    // The last line may be half there: it was said after the record was accepted, so it counts only when it is whole.
    for (const [, signal, number] of output.matchAll(/^([ls]) (\d+)\n/gm))
      accepted[signal === 'l' ? 'logs' : 'spans'].add(Number(number));
    assert.equal(/^unbalanced.*/m.exec(output)?.[0], undefined, `seed ${seed}`);
  };
  const killed = async (round: number): Promise<void> => {
    const child = start(round, { COUNT: String(ROUND) });
    await child.line(/^l /m);
    await sleep(random() * LIFE_MILLIS);
    note((await child.stop('SIGKILL')).stdout);
    kills += 1;
  };

  try {
    let round = 0;
    const many = kind === 'worker' ? Math.ceil(rounds / WORKER_DEATHS) : rounds;
    for (let at = 0; at < many; at += 1) {
      receiver.heal();
      const script = Array.from({ length: 12 }, () => faults[Math.floor(random() * faults.length)]);
      receiver.fail(/_bulk|spans/, ...script);
      if (kind === 'worker') {
        round += 1;
        const ended = await start(round, { COUNT: '2000', WORKERS: String(WORKER_DEATHS) }).ended;
        note(ended.stdout);
        assert.equal(ended.code, 0, `seed ${seed}: ${ended.stderr}${ended.stdout.slice(-2000)}`);
        kills += Number(/^end (\d+)/m.exec(ended.stdout)?.[1]);
      } else {
        const both = Array.from({ length: kind === 'adopters' ? 2 : 1 }, () => {
          round += 1;
          return killed(round);
        });
        await Promise.all(both);
      }
    }
    receiver.heal();
    const last = await start(round + 1, { COUNT: '1' }).ended;
    note(last.stdout);
    assert.equal(last.code, 0, `seed ${seed}: ${last.stderr}${last.stdout.slice(-2000)}`);

    const lines = new Set(receiver.documents.map((line) => line['number'] as number));
    assert.equal(lines.size, receiver.documents.length, `seed ${seed}: a line is there twice`);
    const missing = [...accepted.logs].filter((number) => !lines.has(number));
    const left = readdirSync(directory).flatMap((service) => readdirSync(join(directory, service)));
    const ending = last.stdout.slice(-900);
    assert.deepEqual(summary(missing), [], `seed ${seed}: lines lost; left: ${left.join(' ')}; ${ending}`);
    const spans = new Set(receiver.spans.map(({ id }) => Number.parseInt(id, 16) - 1));
    const missingSpans = [...accepted.spans].filter((number) => !spans.has(number));
    assert.deepEqual(summary(missingSpans), [], `seed ${seed}: spans lost`);
    assert.deepEqual(left, [], `seed ${seed}: something is left behind`);
    return {
      kind,
      rounds,
      kills,
      accepted: { logs: accepted.logs.size, spans: accepted.spans.size },
      repeated: { logs: receiver.conflicts(), spans: receiver.spans.length - spans.size },
    };
  } finally {
    await receiver.close();
  }
}

/** The first of what is missing, and how many there are: a whole list would hide everything else. */
function summary(missing: readonly number[]): string[] {
  return missing.length === 0 ? [] : [`${missing.length} from ${missing[0]} to ${missing.at(-1)}`];
}
