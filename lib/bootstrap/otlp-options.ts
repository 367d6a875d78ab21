import { row } from './option-row.ts';
import * as as from './option-types.ts';

const endpoint = as.url('http', 'https');
const protocol = as.oneOf('http/protobuf', 'http/json', 'grpc');
const compression = as.oneOf('gzip', 'none');
const timeout = as.integer(1, 3_600_000);

/** The standard variables of OTLP (OpenTelemetry, "OpenTelemetry Protocol Exporter"), with their standard meaning. */
export const OTLP_OPTIONS = {
  otlpEndpoint: row(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    '–',
    'base address for OTLP/HTTP, to which `/v1/traces` or `/v1/logs` is added',
    endpoint,
  ),
  otlpTracesEndpoint: row(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'from `OTEL_EXPORTER_OTLP_ENDPOINT`',
    'where spans go, as it is',
    endpoint,
  ),
  otlpLogsEndpoint: row(
    'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
    'from `OTEL_EXPORTER_OTLP_ENDPOINT`',
    'where logs go with `SIGHTLINE_LOGS=otlp`, as it is',
    endpoint,
  ),
  otlpProtocol: row(
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'http/protobuf',
    '`http/protobuf` or `http/json`; with `grpc` the signal is off, and one line says so',
    protocol,
  ),
  otlpTracesProtocol: row(
    'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
    '`OTEL_EXPORTER_OTLP_PROTOCOL`',
    'the same for spans alone',
    protocol,
  ),
  otlpLogsProtocol: row(
    'OTEL_EXPORTER_OTLP_LOGS_PROTOCOL',
    '`OTEL_EXPORTER_OTLP_PROTOCOL`',
    'the same for logs alone',
    protocol,
  ),
  otlpHeaders: row(
    'OTEL_EXPORTER_OTLP_HEADERS',
    '–',
    'headers of each request, `key=value` pairs, values percent-encoded',
    as.headers,
    true,
  ),
  otlpTracesHeaders: row(
    'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
    '`OTEL_EXPORTER_OTLP_HEADERS`',
    'the same for spans alone',
    as.headers,
    true,
  ),
  otlpLogsHeaders: row(
    'OTEL_EXPORTER_OTLP_LOGS_HEADERS',
    '`OTEL_EXPORTER_OTLP_HEADERS`',
    'the same for logs alone',
    as.headers,
    true,
  ),
  otlpTimeout: row(
    'OTEL_EXPORTER_OTLP_TIMEOUT',
    '10000',
    'milliseconds after which a request is given up and made again',
    timeout,
  ),
  otlpTracesTimeout: row(
    'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
    '`OTEL_EXPORTER_OTLP_TIMEOUT`',
    'the same for spans alone',
    timeout,
  ),
  otlpLogsTimeout: row(
    'OTEL_EXPORTER_OTLP_LOGS_TIMEOUT',
    '`OTEL_EXPORTER_OTLP_TIMEOUT`',
    'the same for logs alone',
    timeout,
  ),
  otlpCompression: row('OTEL_EXPORTER_OTLP_COMPRESSION', 'none', '`gzip` or `none`', compression),
  otlpTracesCompression: row(
    'OTEL_EXPORTER_OTLP_TRACES_COMPRESSION',
    '`OTEL_EXPORTER_OTLP_COMPRESSION`',
    'the same for spans alone',
    compression,
  ),
  otlpLogsCompression: row(
    'OTEL_EXPORTER_OTLP_LOGS_COMPRESSION',
    '`OTEL_EXPORTER_OTLP_COMPRESSION`',
    'the same for logs alone',
    compression,
  ),
  otlpCertificate: row('OTEL_EXPORTER_OTLP_CERTIFICATE', '–', 'PEM file of the certificate authority', as.text),
  otlpTracesCertificate: row(
    'OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE',
    '`OTEL_EXPORTER_OTLP_CERTIFICATE`',
    'the same for spans alone',
    as.text,
  ),
  otlpLogsCertificate: row(
    'OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE',
    '`OTEL_EXPORTER_OTLP_CERTIFICATE`',
    'the same for logs alone',
    as.text,
  ),
  otlpClientCertificate: row(
    'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
    '–',
    'PEM file of the certificate that is shown to the endpoint; with its key',
    as.text,
  ),
  otlpClientKey: row(
    'OTEL_EXPORTER_OTLP_CLIENT_KEY',
    '–',
    'PEM file of that certificate’s key, without a passphrase',
    as.text,
  ),
  otlpTracesClientCertificate: row(
    'OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE',
    '`OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`',
    'the same for spans alone',
    as.text,
  ),
  otlpTracesClientKey: row(
    'OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY',
    '`OTEL_EXPORTER_OTLP_CLIENT_KEY`',
    'the same for spans alone',
    as.text,
  ),
  otlpLogsClientCertificate: row(
    'OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE',
    '`OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`',
    'the same for logs alone',
    as.text,
  ),
  otlpLogsClientKey: row(
    'OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY',
    '`OTEL_EXPORTER_OTLP_CLIENT_KEY`',
    'the same for logs alone',
    as.text,
  ),
};
