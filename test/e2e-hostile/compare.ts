import { type Child, type Ended, startChild } from '../support/child.ts';
import type { NodeRuntime } from '../support/nodes.ts';
import { createProject, type ProjectOptions } from '../support/project.ts';
import type { Receiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';

export interface Scenario {
  readonly node: NodeRuntime;
  readonly files: ProjectOptions['files'];
  readonly packages?: ProjectOptions['packages'];
  readonly linked?: ProjectOptions['linked'];
  /** After the options of Node. Default: `app.cjs`. */
  readonly args?: readonly string[];
  readonly input?: string;
  /** Only of the observed run. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Speaks with the app on the port that it prints, and gives what must be the same; without it the app ends by itself. */
  readonly client?: (port: number, child: Child) => Promise<unknown>;
}

export interface Outcome {
  readonly result: unknown;
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function comparable({ code, signal, stdout, stderr }: Ended, result: unknown): Outcome {
  const clean = (text: string): string =>
    text
      .replace(/listening \d+/g, 'listening')
      .replace(/\(node:\d+\)/g, '(node)')
      .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1')
      .replace(/\b\d+(?:\.\d+)? ?ms\b/g, '<duration>')
      .replace(/(duration_ms:?) [\d.]+/g, '$1')
      .replace(/\/tmp\/sightline-project-\w+/g, '<directory>')
      .replace(/^ +at .*\n/gm, '');
  return { result, code, signal, stdout: clean(stdout), stderr: clean(stderr) };
}

/** Runs an app alone and observed by the one line, with the same client. */
export async function bareAndObserved(
  scenario: Scenario,
  receiver: Receiver,
): Promise<{ readonly bare: Outcome; readonly observed: Outcome; readonly dataDirectory: string }> {
  const { node, files, packages = [], linked = {}, args = ['app.cjs'], input, client } = scenario;
  const cwd = createProject({ name: 'hostile-service', files, packages, linked });
  const dataDirectory = temporaryDirectory('data');
  const run = async (observed: boolean): Promise<Outcome> => {
    const child = startChild({
      node,
      cwd,
      args: [...(observed ? ['--import', 'sightline/register'] : []), ...args],
      ...(input !== undefined && { input }),
      env: observed ? { ...receiver.environment, SIGHTLINE_DATA_DIR: dataDirectory, ...scenario.env } : {},
      timeoutMillis: 60_000,
    });
    try {
      let result: unknown;
      if (client !== undefined) {
        const [, port] = await child.line(/listening (\d+)/);
        result = await client(Number(port), child);
      }
      return comparable(await child.ended, result);
    } finally {
      child.kill('SIGKILL');
    }
  };
  return { bare: await run(false), observed: await run(true), dataDirectory };
}
