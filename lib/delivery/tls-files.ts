import { readFileSync } from 'node:fs';

/** Files of TLS, PEM. They are read again when they change, without a restart. */
export interface TlsFiles {
  /** Of the authority that signs the backend's certificate; without it, those that Node knows. */
  readonly caFile?: string | undefined;
  /** The certificate that is shown to the backend, with those between it and its authority. */
  readonly certificateFile?: string | undefined;
  /** The key of that certificate, without a passphrase. */
  readonly keyFile?: string | undefined;
}

/** The options that the files of one backend come from, for sentences that say what to correct. */
export interface TlsVariables {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

function variables(prefix: string): TlsVariables {
  return {
    ca: `${prefix}_CA_FILE`,
    certificate: `${prefix}_CLIENT_CERTIFICATE_FILE`,
    key: `${prefix}_CLIENT_KEY_FILE`,
  };
}

export const TLS_VARIABLES = {
  elasticsearch: variables('SIGHTLINE_ELASTICSEARCH'),
  logstash: variables('SIGHTLINE_LOGSTASH'),
  zipkin: variables('SIGHTLINE_ZIPKIN'),
  pushgateway: variables('SIGHTLINE_METRICS_PUSH'),
  otlp: {
    ca: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
    certificate: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
    key: 'OTEL_EXPORTER_OTLP_CLIENT_KEY',
  },
} as const satisfies Record<string, TlsVariables>;

/** The files as TLS takes them, read once. @throws the error of the file system */
export function readTlsFiles({ caFile, certificateFile, keyFile }: TlsFiles): {
  ca?: string;
  cert?: string;
  key?: string;
} {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
    ...(certificateFile !== undefined && { cert: readFileSync(certificateFile, 'utf8') }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile, 'utf8') }),
  };
}
