import { SightlineError } from '../errors.ts';
import { fetchFailure } from './fetch-failure.ts';

/** How long one request may take. */
const REQUEST_MILLIS = 30_000;
/** Characters of an answer that a sentence repeats. */
const MAX_REASON = 300;

export interface GrafanaAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Grafana's HTTP API (grafana.com/docs, "HTTP API"), as far as dashboards, folders and annotations need it. */
export class GrafanaClient {
  readonly url: string;
  private readonly token: string | undefined;

  /** @param token of a service account; undefined = none, for a Grafana that lets everybody in */
  constructor(url: string, token: string | undefined) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
  }

  /**
   * One request.
   *
   * @param accepted statuses that are answers, besides 2xx
   * @throws SightlineError SIGHTLINE_E_GRAFANA
   */
  async request(
    method: 'GET' | 'POST',
    path: string,
    { body, accepted = [] }: { readonly body?: unknown; readonly accepted?: readonly number[] } = {},
  ): Promise<GrafanaAnswer> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.url + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // A redirect is mostly the page for logging in.
        redirect: 'manual',
        signal: AbortSignal.timeout(REQUEST_MILLIS),
      });
      text = await response.text();
    } catch (error) {
      const reason = fetchFailure(error);
      throw new SightlineError(
        'SIGHTLINE_E_GRAFANA',
        `got ${reason} from ${this.url}, wanted Grafana's HTTP API; correct the address`,
      );
    }
    const parsed = jsonOf(text);
    if (response.ok && parsed !== undefined) return { status: response.status, body: parsed };
    if (accepted.includes(response.status)) return { status: response.status, body: parsed ?? {} };
    throw new SightlineError('SIGHTLINE_E_GRAFANA', this.refusal({ method, path, status: response.status, parsed }));
  }

  private refusal(answer: {
    method: string;
    path: string;
    status: number;
    parsed: GrafanaAnswer['body'] | undefined;
  }): string {
    const { method, path, status, parsed } = answer;
    const said = typeof parsed?.['message'] === 'string' ? `: ${parsed['message'].slice(0, MAX_REASON)}` : '';
    const advice =
      status === 401
        ? 'set SIGHTLINE_GRAFANA_TOKEN to a token of a service account'
        : status === 403
          ? 'give the service account the role Editor, or the rights to write dashboards and folders'
          : status === 404 || parsed === undefined
            ? 'give the address that Grafana has in a browser, with its sub-path'
            : 'do what it says';
    return `got HTTP ${status} from ${method} ${this.url}${path}${said}, wanted success; ${advice}`;
  }
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** `SIGHTLINE_GRAFANA_TOKEN`; undefined when it is not set or empty. */
export function grafanaToken(env: NodeJS.ProcessEnv): string | undefined {
  const token = env['SIGHTLINE_GRAFANA_TOKEN']?.trim() ?? '';
  return token === '' ? undefined : token;
}
