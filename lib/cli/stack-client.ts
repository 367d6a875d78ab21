import { SightlineError } from '../errors.ts';
import type { StackInfo } from '../stack/api/sightline-api.ts';
import type { CorrelationView } from '../stack/correlate.ts';
import { DEFAULT_HOST, DEFAULT_PORT } from '../stack/stack.ts';

/** How long a stack may take to say that it is one. */
const PROBE_MILLIS = 2000;
const REQUEST_MILLIS = 30_000;

/** `SIGHTLINE_STACK_URL`, else where `sightline up` listens by default. @throws SightlineError SIGHTLINE_E_OPTION */
export function stackUrl(env: NodeJS.ProcessEnv): string {
  const given = env['SIGHTLINE_STACK_URL'] ?? '';
  if (given.trim() === '') return `http://${DEFAULT_HOST}:${DEFAULT_PORT}`;
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    throw new SightlineError(
      'SIGHTLINE_E_OPTION',
      `SIGHTLINE_STACK_URL: got ${JSON.stringify(given)}, wanted a URL such as http://127.0.0.1:4380; correct or unset it`,
    );
  }
  return given.replace(/\/+$/, '');
}

/** What the stack at this address says about itself; undefined when none answers there. */
export async function probeStack(url: string): Promise<StackInfo | undefined> {
  try {
    const response = await fetch(`${url}/api/sightline/info`, { signal: AbortSignal.timeout(PROBE_MILLIS) });
    const info = (await response.json()) as Partial<StackInfo>;
    return response.ok && info.product === 'sightline' ? (info as StackInfo) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Everything under an ID.
 *
 * @returns undefined when nothing is known
 * @throws SightlineError SIGHTLINE_E_STACK_UNREACHABLE
 */
export async function fetchCorrelation(url: string, id: string): Promise<CorrelationView | undefined> {
  let response: Response;
  try {
    response = await fetch(`${url}/api/sightline/correlation/${encodeURIComponent(id)}`, {
      signal: AbortSignal.timeout(REQUEST_MILLIS),
    });
  } catch {
    throw unreachable(url);
  }
  const answer = (await response.json().catch(() => undefined)) as
    | CorrelationView
    | { error?: { code?: string; message?: string } }
    | undefined;
  if (response.ok && answer !== undefined && 'spans' in answer) return answer;
  const error = answer !== undefined && 'error' in answer ? answer.error : undefined;
  if (response.status === 404 && error?.code === 'SIGHTLINE_E_NOT_FOUND') return undefined;
  if (error?.code === 'SIGHTLINE_E_CORRELATION_ID')
    throw new SightlineError('SIGHTLINE_E_CORRELATION_ID', error.message ?? 'the ID is not accepted');
  throw new SightlineError(
    'SIGHTLINE_E_STACK_UNREACHABLE',
    `got HTTP ${response.status} from ${url}, wanted a local stack; start one with sightline up, or set SIGHTLINE_STACK_URL`,
  );
}

function unreachable(url: string): SightlineError {
  return new SightlineError(
    'SIGHTLINE_E_STACK_UNREACHABLE',
    `got no answer from ${url}, wanted a local stack; start one with sightline up, or set SIGHTLINE_STACK_URL`,
  );
}
