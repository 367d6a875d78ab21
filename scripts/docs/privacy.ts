import { OPTIONS } from '../../lib/bootstrap/options.ts';
import { findingsOf, PRIVACY_FIELDS, type PrivacyField } from './privacy-fields.ts';

function codes(names: readonly string[]): string {
  return names.length === 0 ? '–' : names.map((name) => `\`${name}\``).join(', ');
}

function row(field: PrivacyField): string {
  const { spans, logs, metrics, statsd, next } = findingsOf(field);
  const elsewhere = [
    ...metrics.map((label) => `\`/metrics\`: label \`${label}\``),
    ...(statsd.length > 0 ? ['StatsD: part of the name'] : []),
    ...next.map((header) => `next service: \`${header}\``),
  ];
  const off = field.off === undefined ? [] : [`\`${field.off}\``];
  const remedy = [...off, ...(field.note === undefined ? [] : [field.note])].join('; ');
  return `| ${field.what} | ${codes(spans)} | ${codes(logs)} | ${elsewhere.join(', ') || '–'} | ${remedy || '–'} |`;
}

/** docs/privacy.md. */
export function privacyPage(): string {
  return `<!-- Generated from scripts/docs/privacy-fields.ts by \`npm run generate\`. Do not edit. -->

# What is recorded of people

Everything below is recorded, or not, by default; a test sends each piece of data through an app and compares, and switches
off what can be switched off. Redaction runs before anything is written: what it hides is in no file and at no backend.

## What, and where

| data | in spans as | in log documents as | elsewhere | left out by |
|---|---|---|---|---|
${Object.values<PrivacyField>(PRIVACY_FIELDS).map(row).join('\n')}

- \`SIGHTLINE_REDACT\` takes a list of names, added to the built-in ones: \`SIGHTLINE_REDACT=customer,url.query\`. A name hides the value
  under it in log fields at any depth, in span attributes, in queries and in \`name=value\` pairs of texts; a field of ours is
  hidden when it is named as a whole.
- An object that the app logs is recorded as the app logs it, less its secrets: who logs whole requests (pino-http does) logs
  their headers and addresses.
- \`SIGHTLINE_CLIENT_DETAILS=spans,logs\` records address and user agent in access and error lines too
  (\`client.address\`, \`client.ip\`, \`user_agent.original\`).
- Trace IDs and span IDs are random. They lead to what is in the table, from exemplars on \`/metrics\` too.
- The app's own output is the app's: nothing is taken out of its stdout.
- With \`SIGHTLINE_DELIVERY=direct\` the same is recorded, in the memory of the process instead of the journal.

## Where it rests, and how long

| place | holds | how long by default | set by |
|---|---|---|---|
| journal, \`$SIGHTLINE_DATA_DIR/journal\` | spans and log documents, until their backend has acknowledged them | ${OPTIONS.journalMaxAge.default} and ${OPTIONS.journalMax.default}; 1 h and 32 MB while only the default address of the local stack is known | \`${OPTIONS.journalMaxAge.env}\`, \`${OPTIONS.journalMax.env}\` |
| dead letters, \`dead-letters*.ndjson\` of each service there | records that a backend refused for good | 7 days and 32 MB | \`sightline dlq drop\` |
| target files, \`targets/\` | host name, address of \`/metrics\`, name of the service | as long as the process | – |
| local stack, its data directory | everything | 24 h and 1 GiB; with \`--memory\` until it ends | \`sightline up --retention\`, \`--max-disk\` |
| Elasticsearch or Logstash | log documents | for ever, unless the data stream has a lifecycle | \`PUT _data_stream/logs-*/_lifecycle\` |
| Zipkin | spans | its storage decides | its storage |
| Prometheus, StatsD's server | metrics | Prometheus: 15 days | \`--storage.tsdb.retention.time\` |

Journal and dead letters are readable by the user of the service alone (0700, 0600). Records of the journal that became too old
or too many are dropped and counted, never kept aside.

## How to erase

One person's requests are found by their correlation IDs, and those by whatever of the table names the person.

\`\`\`sh
# Elasticsearch: the log documents of one correlation ID
curl -X POST "$ELASTICSEARCH/logs-*/_delete_by_query" -H 'content-type: application/json' \\
  -d '{"query":{"match_phrase":{"correlation.id":"THE-ID"}}}'

# Prometheus, started with --web.enable-admin-api: the series with a label value
curl -X POST -g "$PROMETHEUS/api/v1/admin/tsdb/delete_series?match[]={kind=\\"THE-VALUE\\"}"

# dead letters that contain a text, also while the service runs
sightline dlq drop --text 'THE-TEXT'

# what a stopped service has not delivered yet, and its dead letters
rm -r "$SIGHTLINE_DATA_DIR"/journal/THE-SERVICE-*/

# local stack, stopped: everything that it holds
rm -r "\${XDG_STATE_HOME:-$HOME/.local/state}/sightline/stack"
\`\`\`

Zipkin has no way to delete a trace: its storage has (Elasticsearch as above, on \`zipkin-span-*\` by \`traceId\`), or its retention
does it. In the local stack retention does it too: the oldest hour goes as a whole.
`;
}
