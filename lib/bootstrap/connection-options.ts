import { row } from './option-row.ts';
import * as as from './option-types.ts';

const AUTHORITY = 'PEM file of the certificate authority; read again when it changes';
const CERTIFICATE = 'PEM file of the certificate that is shown to it; with its key';
const KEY = 'PEM file of that certificate’s key, without a passphrase';
const PASSWORD = 'file of the password of the user in the address; read again when it changes and after a 401 or 403';

/** How the couriers connect: certificates, and secrets that are rotated by file. */
export const CONNECTION_OPTIONS = {
  elasticsearchApiKeyFile: row(
    'SIGHTLINE_ELASTICSEARCH_API_KEY_FILE',
    '–',
    'file of the API key; read again when it changes and after a 401 or 403',
    as.text,
  ),
  elasticsearchPasswordFile: row(
    'SIGHTLINE_ELASTICSEARCH_PASSWORD_FILE',
    '–',
    'file of the password; read again when it changes and after a 401 or 403',
    as.text,
  ),
  elasticsearchClientCertificateFile: row('SIGHTLINE_ELASTICSEARCH_CLIENT_CERTIFICATE_FILE', '–', CERTIFICATE, as.text),
  elasticsearchClientKeyFile: row('SIGHTLINE_ELASTICSEARCH_CLIENT_KEY_FILE', '–', KEY, as.text),
  logstashPasswordFile: row('SIGHTLINE_LOGSTASH_PASSWORD_FILE', '–', `${PASSWORD}; with \`http(s)://\``, as.text),
  logstashClientCertificateFile: row('SIGHTLINE_LOGSTASH_CLIENT_CERTIFICATE_FILE', '–', CERTIFICATE, as.text),
  logstashClientKeyFile: row('SIGHTLINE_LOGSTASH_CLIENT_KEY_FILE', '–', KEY, as.text),
  zipkinCaFile: row('SIGHTLINE_ZIPKIN_CA_FILE', '–', `${AUTHORITY}; not in direct mode`, as.text),
  zipkinPasswordFile: row('SIGHTLINE_ZIPKIN_PASSWORD_FILE', '–', `${PASSWORD}; not in direct mode`, as.text),
  zipkinClientCertificateFile: row(
    'SIGHTLINE_ZIPKIN_CLIENT_CERTIFICATE_FILE',
    '–',
    `${CERTIFICATE}; not in direct mode`,
    as.text,
  ),
  zipkinClientKeyFile: row('SIGHTLINE_ZIPKIN_CLIENT_KEY_FILE', '–', KEY, as.text),
  metricsPushCaFile: row('SIGHTLINE_METRICS_PUSH_CA_FILE', '–', AUTHORITY, as.text),
  metricsPushPasswordFile: row('SIGHTLINE_METRICS_PUSH_PASSWORD_FILE', '–', PASSWORD, as.text),
  metricsPushClientCertificateFile: row('SIGHTLINE_METRICS_PUSH_CLIENT_CERTIFICATE_FILE', '–', CERTIFICATE, as.text),
  metricsPushClientKeyFile: row('SIGHTLINE_METRICS_PUSH_CLIENT_KEY_FILE', '–', KEY, as.text),
  otlpHeadersFile: row(
    'SIGHTLINE_OTLP_HEADERS_FILE',
    '–',
    'file of further headers for OTLP, such as `authorization`: a line `Name: value` each; read again when it changes and after a 401 or 403',
    as.text,
  ),
};
