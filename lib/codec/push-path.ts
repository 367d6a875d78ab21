/** One label in the path of a Pushgateway (github.com/prometheus/pushgateway, "URL"): what a path cannot hold goes as base64. */
function pair(label: string, value: string): string {
  if (value === '') return `${label}@base64/=`;
  if (value.includes('/')) return `${label}@base64/${Buffer.from(value).toString('base64url')}`;
  return `${label}/${encodeURIComponent(value)}`;
}

/** `/metrics/job/shop/instance/server1`. @param job never empty: the gateway refuses it */
export function pushPath(job: string, instance: string): string {
  return `/metrics/${pair('job', job)}/${pair('instance', instance)}`;
}
