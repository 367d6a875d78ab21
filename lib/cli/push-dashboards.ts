import type { Dashboard } from '../dashboards/index.ts';
import { SightlineError } from '../errors.ts';
import type { GrafanaClient } from './grafana-client.ts';
import { jsonDifference } from './json-difference.ts';

/** Which dashboards of the same uid are replaced: none, those with our tag, or whatever is there. */
export const OVERWRITE_RULES = ['none', 'ours', 'all'] as const;
export type OverwriteRule = (typeof OVERWRITE_RULES)[number];

/** Lines of a difference that are shown of one dashboard. */
const MAX_DIFFERENCES = 20;

export interface PushOutcome {
  readonly uid: string;
  readonly title: string;
  /** What was done, or with `dryRun` what would be. */
  readonly action: 'create' | 'replace' | 'unchanged' | 'kept';
  readonly differences: readonly string[];
  /** Why it was kept. */
  readonly reason?: string;
}

export interface PushOptions {
  readonly client: GrafanaClient;
  readonly dashboards: readonly Dashboard[];
  /** Title of the folder, made when it is not there; undefined = no folder. */
  readonly folder: string | undefined;
  readonly overwrite: OverwriteRule;
  readonly dryRun: boolean;
  /** Kept in Grafana's history of versions. */
  readonly message: string;
}

/** A folder's uid by its title: the same title is the same folder. */
function folderUid(title: string): string {
  return (
    title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40) || 'sightline'
  );
}

/**
 * Brings dashboards into a Grafana, one after the other.
 * @throws SightlineError SIGHTLINE_E_GRAFANA
 */
export async function pushDashboards(options: PushOptions): Promise<PushOutcome[]> {
  const { client, dashboards, folder, dryRun } = options;
  const planned: Plan[] = [];
  for (const dashboard of dashboards) planned.push(await plan(dashboard, options));
  const writes = planned.filter(({ outcome }) => outcome.action === 'create' || outcome.action === 'replace');
  if (dryRun || writes.length === 0) return planned.map(({ outcome }) => outcome);
  const creates = writes.some(({ outcome }) => outcome.action === 'create');
  const uid = folder === undefined || !creates ? undefined : await ensureFolder(client, folder);
  for (const { dashboard, version, folderUid: place = uid } of writes) {
    const { body, status } = await client.request('POST', '/api/dashboards/db', {
      body: {
        // With the version that was looked at, Grafana refuses when somebody has changed it since.
        dashboard: { ...dashboard, ...(version !== undefined && { version }) },
        ...(place !== undefined && { folderUid: place }),
        overwrite: false,
        message: options.message,
      },
      accepted: [412],
    });
    if (status === 412)
      throw new SightlineError(
        'SIGHTLINE_E_GRAFANA',
        `got ${String(body['message'] ?? 'a conflict')} for ${dashboard.uid}, wanted to write it; somebody has changed it meanwhile, or the folder has another of this title: run again, or choose another --folder`,
      );
  }
  return planned.map(({ outcome }) => outcome);
}

/** What is to be done with a dashboard; of one that is there, its version and the folder that it stays in. */
interface Plan {
  readonly dashboard: Dashboard;
  readonly outcome: PushOutcome;
  readonly version?: unknown;
  readonly folderUid?: string;
}

async function plan(dashboard: Dashboard, { client, overwrite }: PushOptions): Promise<Plan> {
  const { uid, title } = dashboard;
  const { status, body } = await client.request('GET', `/api/dashboards/uid/${encodeURIComponent(uid)}`, {
    accepted: [404],
  });
  if (status === 404) return { dashboard, outcome: { uid, title, action: 'create', differences: [] } };
  // Grafana gives each an id and a version of its own.
  const { version, ...stored } = (body['dashboard'] ?? {}) as Record<string, unknown>;
  const there: Record<string, unknown> = { ...stored, id: null };
  const ours: unknown = JSON.parse(JSON.stringify(dashboard));
  const differences = jsonDifference(there, ours, MAX_DIFFERENCES);
  if (differences.length === 0) return { dashboard, outcome: { uid, title, action: 'unchanged', differences } };
  const tags = Array.isArray(there['tags']) ? there['tags'] : [];
  const isOurs = dashboard.tags.every((tag) => tags.includes(tag));
  const kept = (reason: string): Plan => ({
    dashboard,
    outcome: { uid, title, action: 'kept', differences, reason },
  });
  if (overwrite === 'none') return kept('--overwrite none');
  if (overwrite === 'ours' && !isOurs)
    return kept(`it has not the tags ${dashboard.tags.join(', ')}: somebody else's; --overwrite all replaces it`);
  const place = (body['meta'] as Record<string, unknown> | undefined)?.['folderUid'];
  return {
    dashboard,
    outcome: { uid, title, action: 'replace', differences },
    version,
    ...(typeof place === 'string' && place !== '' && { folderUid: place }),
  };
}

async function ensureFolder(client: GrafanaClient, title: string): Promise<string> {
  const uid = folderUid(title);
  const { status } = await client.request('GET', `/api/folders/${uid}`, { accepted: [404] });
  // 409, 412: somebody has made it meanwhile.
  if (status === 404) await client.request('POST', '/api/folders', { body: { uid, title }, accepted: [409, 412] });
  return uid;
}
