import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../support/temporary.ts';

/** Why there can be no certificates here; false when there can. */
export const noOpenssl =
  spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0 ? false : 'openssl is not installed';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Paths of PEM files. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** An authority that a test makes, and what it signs. */
export class Authority {
  private readonly directory = temporaryDirectory('authority');
  readonly certificate = join(this.directory, 'ca.pem');
  private readonly key = join(this.directory, 'ca.key');

  constructor(name: string) {
    this.openssl(
      'req',
      '-x509',
      ...KEY,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      this.key,
      '-out',
      this.certificate,
    );
  }

  private openssl(...parameters: string[]): void {
    execFileSync('openssl', parameters, { cwd: this.directory, stdio: 'ignore' });
  }

  /** @param names of the subject, such as `IP:127.0.0.1` */
  sign(file: string, { names, expired = false }: { readonly names: string; readonly expired?: boolean }): Identity {
    const [request, certificate, key] = ['csr', 'pem', 'key'].map((type) => join(this.directory, `${file}.${type}`));
    this.openssl('req', '-new', ...KEY, '-subj', `/CN=${file}`, '-keyout', key!, '-out', request!);
    const extensions = join(this.directory, `${file}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    if (!expired) {
      const signing = ['-CA', this.certificate, '-CAkey', this.key, '-CAcreateserial', '-days', '2'];
      this.openssl('x509', '-req', '-in', request!, ...signing, '-extfile', extensions, '-out', certificate!);
      return { certificate: certificate!, key: key! };
    }
    // Only the small authority of openssl takes dates that are over, in all its versions.
    const [index, serial, configuration] = ['index', 'serial', 'cnf'].map((type) => join(this.directory, type));
    writeFileSync(index!, '');
    writeFileSync(serial!, '1000\n');
    writeFileSync(
      configuration!,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${index}\nserial=${serial}\nnew_certs_dir=${this.directory}\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n`,
    );
    const dates = ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z'];
    const from = ['-config', configuration!, '-cert', this.certificate, '-keyfile', this.key, '-extfile', extensions];
    this.openssl('ca', '-batch', '-notext', ...from, ...dates, '-in', request!, '-out', certificate!);
    appendFileSync(certificate!, '\n');
    return { certificate: certificate!, key: key! };
  }
}
