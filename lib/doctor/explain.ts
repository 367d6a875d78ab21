import type { TlsVariables } from '../delivery/tls-files.ts';
import { tlsTrouble } from '../delivery/tls-trouble.ts';

/** A failure to get an answer, for somebody who has to mend it. */
export interface Explained {
  readonly text: string;
  readonly fix: string;
}

export interface Attempt {
  /** As configured; credentials are not repeated. */
  readonly url: URL;
  /** The option that it came from. */
  readonly variable: string;
  /** The options that name files of certificates, where there are some. */
  readonly tlsVariables?: Partial<TlsVariables> | undefined;
}

/** Characters of an answer or error that are repeated. */
const MAX_WORDS = 200;

/** What an error of a connection means, by its code (Node, "Errors"; OpenSSL, verify(1)). */
export function explainError(error: unknown, attempt: Attempt): Explained {
  const { code, message, path } = error as NodeJS.ErrnoException;
  // Several addresses were tried: each has its error, and the one that holds them has no words.
  const inner = (error as AggregateError).errors?.[0] as NodeJS.ErrnoException | undefined;
  return explainCode(code ?? inner?.code ?? '', message || (inner?.message ?? String(error)), path, attempt);
}

function explainCode(code: string, message: string, path: string | undefined, attempt: Attempt): Explained {
  const { url, variable, tlsVariables } = attempt;
  // OpenSSL says where in its sources, over two lines.
  const words = message
    .replace(/:\.\.\/[^\s]*/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_WORDS);
  const told = code === '' || words.includes(code) ? words : `${code}: ${words}`;
  const port = url.port || (url.protocol === 'https:' ? '443' : url.protocol === 'http:' ? '80' : '');
  const place = `${url.hostname}:${port}`;
  const trouble = tlsTrouble(code, { place, variable, variables: tlsVariables, told });
  if (trouble !== undefined) return trouble;
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
      return {
        text: `the name ${url.hostname} is not known to DNS (${told})`,
        fix: `correct the host in ${variable}, or the resolver of this machine`,
      };
    case 'ECONNREFUSED':
      return {
        text: `nothing listens on ${place} (${told})`,
        fix:
          variable === 'SIGHTLINE_STACK_URL'
            ? 'start the local stack with: npx sightline up; or name another one in SIGHTLINE_STACK_URL'
            : `start the backend, or correct host and port in ${variable}`,
      };
    case 'ENOENT':
      if (path !== undefined && url.protocol !== 'unix:')
        return {
          text: `the file ${path} is not there (${told})`,
          fix: `correct ${fileVariables(tlsVariables) ?? variable}`,
        };
      return { text: `there is no such socket (${told})`, fix: `start what listens on it, or correct ${variable}` };
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return {
        text: `${place} cannot be reached (${told})`,
        fix: 'look for a firewall, a security group or a wrong address between this machine and it',
      };
    case 'ECONNRESET':
    case 'EPIPE':
      return {
        text: `${place} closed the connection without an answer (${told})`,
        fix: `see whether it speaks ${url.protocol.slice(0, -1)}: a port for TLS needs https in ${variable}`,
      };
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return { text: `${place} does not speak TLS (${told})`, fix: `write http instead of https in ${variable}` };
  }
  if (code.startsWith('HPE_'))
    return {
      text: `${place} does not answer with HTTP (${told})`,
      fix: `see what listens there; a port for TLS needs https in ${variable}`,
    };
  return { text: `${place}: ${told}`, fix: `see whether ${variable} is right and the backend runs` };
}

function fileVariables(variables: Partial<TlsVariables> | undefined): string | undefined {
  return variables?.ca === undefined ? undefined : `${variables.ca} (or those of the client certificate)`;
}

/** What a status that is no success means. @returns undefined for 2xx */
export function explainStatus(
  answer: { readonly status: number; readonly location?: string | undefined; readonly body: string },
  attempt: Attempt & { readonly credentials?: string | undefined },
): Explained | undefined {
  const { status, location, body } = answer;
  const { variable, credentials } = attempt;
  const words = body.replace(/\s+/g, ' ').trim().slice(0, MAX_WORDS);
  const told = `HTTP ${status}${words === '' ? '' : ` ${words}`}`;
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400)
    return {
      text: `it redirects to ${location ?? 'another address'} (HTTP ${status}); redirects are not followed, so that credentials go nowhere else`,
      fix: `set ${variable} to the address where it really is`,
    };
  if (status === 401)
    return {
      text: `it wants other credentials (${told})`,
      fix: credentials === undefined ? `see what ${variable} stands behind` : `set or correct ${credentials}`,
    };
  if (status === 403)
    return {
      text: `it knows the credentials and does not allow this (${told})`,
      fix: `give them the right to write there${credentials === undefined ? '' : ` (${credentials})`}`,
    };
  if (status === 404 || status === 405)
    return { text: `there is no such API at this path (${told})`, fix: `correct the path in ${variable}` };
  if (status === 429 || status >= 500)
    return { text: `it is busy or ill (${told})`, fix: 'look at the backend; what is sent waits in the journal' };
  return { text: told, fix: `correct ${variable}` };
}
