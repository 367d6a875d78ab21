import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsFiles, TlsVariables } from '../tls-files.ts';
import { FreshFile, fileTrouble } from './fresh-file.ts';

const CERTIFICATE = '-----BEGIN CERTIFICATE-----';

/** What TLS needs to know of one backend, made from files and made again when they change. */
export class SecureFiles {
  private readonly files: readonly { readonly as: 'ca' | 'cert' | 'key'; readonly name: string; file: FreshFile }[];
  private readonly variables: TlsVariables;
  private context: SecureContext | undefined;
  /** What `context` was made of, or was to be. */
  private texts: readonly string[] = [];

  constructor({ caFile, certificateFile, keyFile }: TlsFiles, variables: TlsVariables) {
    this.variables = variables;
    const given = [
      { as: 'ca', name: variables.ca, path: caFile },
      { as: 'cert', name: variables.certificate, path: certificateFile },
      { as: 'key', name: variables.key, path: keyFile },
    ] as const;
    this.files = given.flatMap(({ as, name, path }) =>
      path === undefined ? [] : [{ as, name, file: new FreshFile(path) }],
    );
  }

  /**
   * The same object until a file has changed; undefined when no file is named. While a certificate and a key do not fit,
   * because only one of them has been replaced, the last pair that did stays in use.
   * @throws a sentence: what is wrong with which file, when nothing has ever been right
   */
  current(): SecureContext | undefined {
    if (this.files.length === 0) return undefined;
    const { certificate, key } = this.variables;
    const has = (what: string): boolean => this.files.some(({ as }) => as === what);
    if (has('cert') !== has('key'))
      throw new Error(`a client certificate and its key go together; set both ${certificate} and ${key}`);
    const texts = this.files.map(({ file, name }) => {
      try {
        return file.read();
      } catch (error) {
        throw fileTrouble(file, name, error);
      }
    });
    if (texts.every((text, at) => text === this.texts[at]) && this.context !== undefined) return this.context;
    try {
      this.context = this.make(texts);
      this.texts = texts;
    } catch (error) {
      if (this.context === undefined) throw error;
    }
    return this.context;
  }

  private make(texts: readonly string[]): SecureContext {
    const options: { ca?: string; cert?: string; key?: string } = {};
    for (const [at, { as, file, name }] of this.files.entries()) {
      // TLS itself passes over an authority that is none, and then trusts nobody.
      if (as !== 'key' && !texts[at]!.includes(CERTIFICATE))
        throw fileTrouble(file, name, new Error('holds no certificate in PEM'));
      options[as] = texts[at]!;
    }
    try {
      return createSecureContext(options);
    } catch (error) {
      const { certificate, key } = this.variables;
      const { code, message } = error as NodeJS.ErrnoException;
      const why = /KEY_VALUES_MISMATCH/.test(code ?? '')
        ? 'the key is not that of the certificate'
        : /PASSPHRASE|BAD_PASSWORD_READ|INTERRUPTED_OR_CANCELLED|MISSING_PASS/.test(code ?? '')
          ? 'the key has a passphrase'
          : message;
      throw new Error(`the files of TLS cannot be used (${why}); correct ${certificate} and ${key}`);
    }
  }
}
