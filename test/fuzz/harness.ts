import assert from 'node:assert/strict';
import { internalErrors } from '../../lib/core/fence.ts';
import { Random } from './random.ts';
import { StepCounter } from './steps.ts';

/** One thing that takes what strangers send. */
export interface FuzzTarget {
  readonly name: string;
  /** Cases of the short form, which runs with every test run; a target of child programs has few. */
  readonly shortCases: number;
  /**
   * Makes an input and looks at what becomes of it. Everything it uses is decided by `random`.
   * @returns size of the input, characters or bytes: steps are bounded by it. Undefined: steps are not counted
   * @throws when a property does not hold
   */
  run(random: Random): number | undefined | Promise<number | undefined>;
  /** Ends what `run` has started. */
  close?(): Promise<void>;
}

export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly case: number;
  readonly error: Error;
}

/** Every so many cases steps are counted: it costs more than the case. */
const COUNTED_EVERY = 64;
/** Steps that any case may take, and what each character of its input may add. */
const BASE_STEPS = 400_000;
const STEPS_PER_CHARACTER = 400;
/** CPU time of one case, milliseconds: what takes as long does not end in any time that matters. */
const MAX_CPU_MILLIS = 10_000;

/** Runs one case; the same arguments give the same input. */
export async function runCase(
  target: FuzzTarget,
  seed: number,
  number: number,
  steps?: StepCounter,
): Promise<Finding | undefined> {
  const random = (): Random => new Random(`${target.name} ${seed} ${number}`);
  const before = internalErrors();
  const cpu = process.cpuUsage();
  try {
    if (steps === undefined) await target.run(random());
    else {
      let size: number | undefined;
      const { steps: taken, busiest } = await steps.count(async () => {
        size = await target.run(random());
      });
      if (size !== undefined)
        assert.ok(
          taken <= BASE_STEPS + STEPS_PER_CHARACTER * size,
          `${taken} steps for ${size} characters, most in ${busiest}`,
        );
    }
    assert.equal(internalErrors(), before, 'a fence caught an error of our own (see the output above)');
    const { user, system } = process.cpuUsage(cpu);
    assert.ok((user + system) / 1000 < MAX_CPU_MILLIS, `${(user + system) / 1000} ms of CPU time`);
    return undefined;
  } catch (error) {
    return {
      target: target.name,
      seed,
      case: number,
      error: error instanceof Error ? error : new Error(String(error)),
    };
  }
}

export interface FuzzOptions {
  readonly targets: readonly FuzzTarget[];
  readonly seed: number;
  /** Asked before each round of cases. */
  readonly more: (round: number) => boolean;
  /** Cases of one target in a round. */
  readonly casesOf: (target: FuzzTarget) => number;
  /** Findings after which a target is left alone. */
  readonly findingsOfTarget: number;
  readonly onFinding: (finding: Finding) => void;
}

/** Runs the targets in turn. @returns cases by target */
export async function fuzz(options: FuzzOptions): Promise<ReadonlyMap<string, number>> {
  const { targets, seed, more, casesOf, findingsOfTarget, onFinding } = options;
  const done = new Map(targets.map(({ name }) => [name, 0]));
  const found = new Map<string, number>();
  const steps = new StepCounter();
  try {
    for (let round = 0; more(round); round += 1) {
      for (const target of targets) {
        const { name } = target;
        for (let left = casesOf(target); left > 0 && (found.get(name) ?? 0) < findingsOfTarget; left -= 1) {
          const number = done.get(name) ?? 0;
          done.set(name, number + 1);
          // For the servers and children of other targets, which live as long as the run.
          await new Promise((resolve) => setImmediate(resolve));
          const finding = await runCase(target, seed, number, number % COUNTED_EVERY === 0 ? steps : undefined);
          if (finding === undefined) continue;
          found.set(name, (found.get(name) ?? 0) + 1);
          onFinding(finding);
        }
      }
    }
  } finally {
    steps.close();
    for (const target of targets) await target.close?.();
  }
  return done;
}

/** What repeats a finding. */
export function repetition({ target, seed, case: number }: Finding): string {
  return `npm run fuzz -- --target ${target} --seed ${seed} --case ${number}`;
}
