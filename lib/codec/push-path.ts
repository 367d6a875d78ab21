/** One label in the path of a Pushgateway (github.com/prometheus/pushgateway, "URL"): what a path cannot hold goes as base64. */
function pair(label: string, value: string): string {
  if (value === '') return `${label}@base64/=`;
  if (value.includes('/')) return `${label}@base64/${Buffer.from(value).toString('base64url')}`;
  return `${label}/${encodeURIComponent(value)}`;
}

/** `/metrics/job/shop/instance/server1`. @param job never empty: the gateway refuses it */
export function pushPath(job: string, instance: string): string {
  return groupPath({ job, instance });
}

/** The path of a group of labels, `job` first; a push of the group takes the place of the last. */
export function groupPath(labels: Readonly<{ job: string } & Record<string, string>>): string {
  const { job, ...others } = labels;
  return `/metrics/${[['job', job] as const, ...Object.entries(others)].map(([label, value]) => pair(label, value)).join('/')}`;
}
