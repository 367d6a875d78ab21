import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dataDirectory, targetsDirectory } from '../core/data-dir.ts';
import { SightlineError } from '../errors.ts';
import { packagedRules } from '../stack/rules/packaged-rules.ts';
import { DEFAULT_PORT, NATIVE_PORTS, type NativePort, type StackOptions, startStack } from '../stack/stack.ts';
import { probeStack } from './stack-client.ts';

/** A stack that a command uses: its own, or one that was running already. */
export interface LocalStack {
  readonly url: string;
  /** `SIGHTLINE_DATA_DIR` for services, so that their metrics are found. */
  readonly dataDirectory: string;
  /** The StatsD port, when the stack has one. */
  readonly statsdPort: number | undefined;
  /** Whether it was started here and ends with `close`. */
  readonly own: boolean;
  close(): Promise<void>;
}

export interface OwnStackOptions {
  /** Keep everything in a directory that is deleted at the end. */
  readonly temporary: boolean;
  /** Tried first; taken = any free one. */
  readonly port: number;
  readonly host?: string;
  readonly scrapeMillis?: number;
  readonly nativePorts?: 'none';
  readonly env: NodeJS.ProcessEnv;
  readonly onWarning: (text: string) => void;
}

/** Uses the stack that answers at this address. @returns undefined when none does */
export async function joinStack(url: string): Promise<LocalStack | undefined> {
  const info = await probeStack(url);
  if (info === undefined) return undefined;
  return {
    url,
    dataDirectory: dirname(info.targetsDirectory),
    statsdPort: undefined,
    own: false,
    close: async () => {},
  };
}

/** Starts a stack inside this process. */
export async function startOwnStack(options: OwnStackOptions): Promise<LocalStack> {
  const temporary = options.temporary ? mkdtempSync(join(tmpdir(), 'sightline-demo-')) : undefined;
  const shared = temporary ?? dataDirectory(options.env);
  const stackOptions: Omit<StackOptions, 'port' | 'nativePorts'> = {
    dataDirectory: join(shared, 'stack'),
    targetsDirectory: temporary === undefined ? targetsDirectory(options.env) : join(temporary, 'targets'),
    ...(options.host !== undefined && { host: options.host }),
    ...(options.scrapeMillis !== undefined && { scrapeMillis: options.scrapeMillis }),
    rules: packagedRules(),
    onWarning: (code, text) => options.onWarning(`${code}: ${text}`),
  };
  const start = (port: number) =>
    startStack({
      ...stackOptions,
      port,
      nativePorts: options.nativePorts ?? (port === 0 || port !== DEFAULT_PORT ? freePorts() : NATIVE_PORTS),
    });
  const removeTemporary = () => {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  };
  try {
    const stack = await start(options.port).catch((error: unknown) => {
      if (!(error instanceof SightlineError) || error.code !== 'SIGHTLINE_E_PORT_TAKEN') throw error;
      return start(0);
    });
    return {
      url: stack.url,
      dataDirectory: shared,
      statsdPort: stack.nativePorts.statsd,
      own: true,
      close: async () => {
        await stack.close();
        removeTemporary();
      },
    };
  } catch (error) {
    removeTemporary();
    throw error;
  }
}

/** Another stack has the numbers everyone knows: any free ones. */
function freePorts(): Record<NativePort, number> {
  return { zipkin: 0, elasticsearch: 0, prometheus: 0, otlp: 0, statsd: 0 };
}
