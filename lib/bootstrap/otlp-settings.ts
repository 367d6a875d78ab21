import type { OtlpDestination } from '../delivery/delivery-options.ts';
import type { GivenOptions } from './options.ts';

/**
 * Where one signal goes by OTLP (OpenTelemetry, "OpenTelemetry Protocol Exporter"): what is said for the signal alone wins;
 * its endpoint is used as it is, the common one with `/v1/<signal>`.
 *
 * @returns a sentence when it goes nowhere
 */
export function otlpDestination(given: GivenOptions, signal: 'traces' | 'logs'): OtlpDestination | string {
  const traces = signal === 'traces';
  const own = traces ? given.otlpTracesEndpoint : given.otlpLogsEndpoint;
  const url = own ?? (given.otlpEndpoint === undefined ? undefined : `${given.otlpEndpoint}/v1/${signal}`);
  if (url === undefined) return `${signal}: OTLP has no address; set OTEL_EXPORTER_OTLP_ENDPOINT`;
  const protocol = (traces ? given.otlpTracesProtocol : given.otlpLogsProtocol) ?? given.otlpProtocol;
  if (protocol === 'grpc')
    return `${signal}: OTLP over gRPC is not in this version; set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and the port for HTTP, mostly 4318`;
  const compression = (traces ? given.otlpTracesCompression : given.otlpLogsCompression) ?? given.otlpCompression;
  return {
    kind: 'otlp',
    url,
    protocol: protocol ?? 'http/protobuf',
    headers: (traces ? given.otlpTracesHeaders : given.otlpLogsHeaders) ?? given.otlpHeaders,
    gzip: compression === 'gzip',
    timeoutMillis: (traces ? given.otlpTracesTimeout : given.otlpLogsTimeout) ?? given.otlpTimeout,
    headersFile: given.otlpHeadersFile,
    caFile: (traces ? given.otlpTracesCertificate : given.otlpLogsCertificate) ?? given.otlpCertificate,
    certificateFile:
      (traces ? given.otlpTracesClientCertificate : given.otlpLogsClientCertificate) ?? given.otlpClientCertificate,
    keyFile: (traces ? given.otlpTracesClientKey : given.otlpLogsClientKey) ?? given.otlpClientKey,
  };
}
