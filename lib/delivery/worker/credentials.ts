import { FreshFile, fileTrouble } from './fresh-file.ts';

/** Shorter values are no secrets, and hiding them would hide words. */
const MIN_CONCEALED = 4;
const CONCEALED = '(secret)';

export interface CredentialOptions {
  /** Its user name and password are taken out. */
  readonly url: URL;
  /** Sent as they are. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** File of further headers, a line `Name: value` each, as `curl -H @file` reads them. */
  readonly headersFile?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly apiKeyFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
  /** The options that name the files. */
  readonly variables?: Partial<Record<'apiKey' | 'password' | 'headers', string>>;
}

/**
 * What a backend is shown with each request. Files are looked at each time, so that a secret that was rotated is used
 * without a restart; a file wins over a value, an API key over a password.
 */
export class Credentials {
  private readonly options: CredentialOptions;
  private readonly username: string;
  private readonly password: string;
  private readonly files: Readonly<Partial<Record<'apiKey' | 'password' | 'headers', FreshFile>>>;
  /** What was sent last, to be found in answers. */
  private sent: readonly string[] = [];

  constructor(options: CredentialOptions) {
    const { url, apiKeyFile, passwordFile, headersFile } = options;
    this.options = options;
    this.username = options.username ?? decodeURIComponent(url.username);
    this.password = options.password ?? decodeURIComponent(url.password);
    url.username = '';
    url.password = '';
    this.files = {
      ...(apiKeyFile !== undefined && { apiKey: new FreshFile(apiKeyFile) }),
      ...(passwordFile !== undefined && { password: new FreshFile(passwordFile) }),
      ...(headersFile !== undefined && { headers: new FreshFile(headersFile) }),
    };
  }

  /** @throws a sentence about a file that could never be read */
  headers(): Record<string, string> {
    const headers = { ...this.options.headers, ...parseHeaders(this.read('headers')) };
    const apiKey = this.read('apiKey') ?? this.options.apiKey;
    const password = apiKey === undefined ? (this.read('password') ?? this.password) : '';
    this.sent = [apiKey ?? '', password, ...Object.values(headers)];
    if (apiKey !== undefined) return { ...headers, authorization: `ApiKey ${apiKey}` };
    if (this.username === '' && password === '') return headers;
    const basic = Buffer.from(`${this.username}:${password}`).toString('base64');
    this.sent = [...this.sent, basic];
    return { ...headers, authorization: `Basic ${basic}` };
  }

  private read(name: 'apiKey' | 'password' | 'headers'): string | undefined {
    const file = this.files[name];
    if (file === undefined) return undefined;
    try {
      return file.read().trim();
    } catch (error) {
      throw fileTrouble(file, this.options.variables?.[name] ?? 'its option', error);
    }
  }

  /** After a refusal: the files are read again. */
  refused(): void {
    for (const file of Object.values(this.files)) file.forget();
  }

  /** Words of the other side without the secrets that it was sent: some repeat them. */
  conceal(text: string): string {
    return this.sent
      .flatMap((secret) => [secret, secret.replace(/^\S+ /, '')])
      .filter((secret) => secret.length >= MIN_CONCEALED)
      .reduce((concealed, secret) => concealed.replaceAll(secret, CONCEALED), text);
  }
}

/** Lines without a name are none; names in lower case, so that a file replaces what was given as a value. */
function parseHeaders(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(/\r?\n/).map((line) => /^([^\s:]+):(.*)$/.exec(line.trim()));
  return Object.fromEntries(
    pairs.filter((pair) => pair !== null).map(([, name, value]) => [name!.toLowerCase(), value!.trim()]),
  );
}
