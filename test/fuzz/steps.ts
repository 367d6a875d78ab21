import { type Profiler, Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';

const LIBRARY = new URL('../../lib/', import.meta.url).href;

/**
 * Counts steps instead of time: how often the blocks of our own sources ran, by V8's precise coverage. The same on a busy
 * machine as on an idle one. Work inside of built-in functions and regular expressions is not seen; for that the harness
 * has a limit of CPU time, far above what any case takes.
 */
export class StepCounter {
  private readonly session = new Session();

  constructor() {
    this.session.connect();
    this.post('Profiler.enable');
  }

  private post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    // Answered before `post` returns: the session is this thread's own.
    this.session.post(method, parameters, (error, result) => {
      if (error !== null) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  }

  /** Blocks that ran while `body` did, and with them the file that had most of them. */
  async count(body: () => unknown): Promise<{ steps: number; busiest: string }> {
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    try {
      this.post('Profiler.takePreciseCoverage');
      await body();
      const { result } = this.post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType;
      let steps = 0;
      let most = { url: LIBRARY, count: 0 };
      for (const { url, functions } of result) {
        if (!url.startsWith(LIBRARY)) continue;
        let count = 0;
        for (const { ranges } of functions) for (const range of ranges) count += range.count;
        steps += count;
        if (count > most.count) most = { url, count };
      }
      return { steps, busiest: fileURLToPath(most.url) };
    } finally {
      this.post('Profiler.stopPreciseCoverage');
    }
  }

  close(): void {
    this.session.disconnect();
  }
}
