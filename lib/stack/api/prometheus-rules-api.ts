import type { DroppedTarget } from '../ingest/scrape-job.ts';
import type { TargetState } from '../ingest/scrape-loop.ts';
import type { Scraper } from '../ingest/scraper.ts';
import { compileMatchers } from '../query/label-matcher.ts';
import { durationText } from '../query/promql/syntax/literals.ts';
import type { Alert } from '../rules/alerting-rule.ts';
import type { RuleGroup, RuleState } from '../rules/rule-group.ts';
import type { RuleManager } from '../rules/rule-manager.ts';
import type { Labels } from '../store/store.ts';
import { BadData, readLimit, readSelectors } from './prometheus-parameters.ts';

/** Go's zero time: never. */
const NEVER = '0001-01-01T00:00:00Z';

function timeText(millis: number): string {
  return millis === 0 ? NEVER : new Date(millis).toISOString();
}

function alertOf(alert: Alert): unknown {
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    state: alert.state,
    activeAt: timeText(alert.activeAt),
    ...(alert.keepFiringSince !== undefined && { keepFiringSince: timeText(alert.keepFiringSince) }),
    value: scientificText(alert.value),
  };
}

/** As Go's `FormatFloat(value, 'e', -1, 64)`. */
function scientificText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** `/api/v1/alerts`. */
export function alertsAnswer(rules: RuleManager | undefined): unknown {
  const states = (rules?.groups() ?? []).flatMap((group) => group.rules);
  return { alerts: states.flatMap(({ alerting }) => alerting?.active() ?? []).map(alertOf) };
}

/** Labels of a rule as it is written, templates as their text. */
function labelsOf({ config }: RuleState): Labels {
  if (config.kind === 'recording') return config.labels;
  return config.labelTexts;
}

function ruleOf(rule: RuleState, withAlerts: boolean): unknown {
  const { config, alerting, health, lastError } = rule;
  const common = {
    query: config.query,
    health,
    ...(lastError !== '' && { lastError }),
    evaluationTime: rule.durationSeconds,
    lastEvaluation: timeText(rule.lastEvaluation),
  };
  if (config.kind === 'recording') {
    return { name: config.record, labels: config.labels, ...common, type: 'recording' };
  }
  return {
    state: rule.health === 'unknown' ? 'unknown' : alerting!.state,
    name: config.alert,
    duration: config.forMillis / 1000,
    keepFiringFor: config.keepFiringMillis / 1000,
    labels: config.labelTexts,
    annotations: config.annotationTexts,
    alerts: withAlerts ? alerting!.active().map(alertOf) : [],
    ...common,
    type: 'alerting',
  };
}

/** `/api/v1/rules`. Source: Prometheus documentation, "Rules". @throws BadData */
export function rulesAnswer(rules: RuleManager | undefined, parameters: URLSearchParams): unknown {
  const keeps = ruleFilter(parameters);
  const withAlerts = !flag(parameters, 'exclude_alerts');
  const names = parameters.getAll('rule_group[]');
  const files = parameters.getAll('file[]');
  const groups = (rules?.groups() ?? [])
    .filter(({ config }) => names.length === 0 || names.includes(config.name))
    .filter(({ config }) => files.length === 0 || files.includes(config.file))
    .map((group) => ({ group, kept: group.rules.filter(keeps) }));
  const filtered = ['type', 'rule_name[]', 'match[]'].some((name) => (parameters.get(name) ?? '') !== '');
  const told = groups.filter(({ kept }) => !filtered || kept.length > 0);
  return page(
    told.map(({ group, kept }) => [group, groupAnswer(group, kept, withAlerts)] as const),
    parameters,
  );
}

function groupAnswer(group: RuleGroup, kept: readonly RuleState[], withAlerts: boolean): unknown {
  const { config } = group;
  return {
    name: config.name,
    file: config.file,
    rules: kept.map((rule) => ruleOf(rule, withAlerts)),
    interval: config.intervalMillis / 1000,
    limit: config.limit,
    evaluationTime: group.durationSeconds,
    lastEvaluation: timeText(group.lastEvaluation),
  };
}

/** Where the next page begins is told as the file and name of its first group. */
function page(groups: readonly (readonly [RuleGroup, unknown])[], parameters: URLSearchParams): unknown {
  const limit = readLimit(parameters, 'group_limit');
  const token = parameters.get('group_next_token') ?? '';
  if (limit === 0) {
    if (token !== '')
      throw new BadData('invalid parameter "group_limit": group_limit needs to be set when group_next_token is set');
    return { groups: groups.map(([, answer]) => answer) };
  }
  const tokenOf = ({ config }: RuleGroup) => Buffer.from(`${config.file};${config.name}`).toString('base64url');
  const from = token === '' ? 0 : groups.findIndex(([group]) => tokenOf(group) === token);
  if (from < 0) throw new BadData('invalid parameter "group_next_token": invalid group_next_token');
  const next = groups[from + limit];
  return {
    groups: groups.slice(from, from + limit).map(([, answer]) => answer),
    ...(next !== undefined && { groupNextToken: tokenOf(next[0]) }),
  };
}

function ruleFilter(parameters: URLSearchParams): (rule: RuleState) => boolean {
  const type = (parameters.get('type') ?? '').toLowerCase();
  if (!['', 'alert', 'record'].includes(type))
    throw new BadData(`invalid parameter "type": not supported value ${JSON.stringify(type.slice(0, 50))}`);
  const names = parameters.getAll('rule_name[]');
  const selectors = readSelectors(parameters).map(compileMatchers);
  return (rule) => {
    const { config } = rule;
    const name = config.kind === 'recording' ? config.record : config.alert;
    return (
      (type === '' || (type === 'alert') === (config.kind === 'alerting')) &&
      (names.length === 0 || names.includes(name)) &&
      (selectors.length === 0 || selectors.some((matches) => matches(labelsOf(rule))))
    );
  };
}

function flag(parameters: URLSearchParams, name: string): boolean {
  const text = (parameters.get(name) ?? '').toLowerCase();
  if (!['', '1', 't', 'true', '0', 'f', 'false'].includes(text))
    throw new BadData(
      `invalid parameter "${name}": strconv.ParseBool: parsing ${JSON.stringify(text.slice(0, 50))}: invalid syntax`,
    );
  return ['1', 't', 'true'].includes(text);
}

/** `/api/v1/targets`. Source: Prometheus documentation, "Targets". */
export function targetsAnswer(scraper: Scraper, parameters: URLSearchParams): unknown {
  const state = (parameters.get('state') ?? '').toLowerCase();
  const pool = parameters.get('scrapePool') ?? '';
  const inPool = (name: string): boolean => pool === '' || pool === name;
  const dropped = scraper.dropped().filter((target) => inPool(target.pool));
  const counts: Record<string, number> = Object.fromEntries(scraper.states().map(({ target }) => [target.pool, 0]));
  for (const target of scraper.dropped()) counts[target.pool] = (counts[target.pool] ?? 0) + 1;
  return {
    activeTargets:
      state === 'dropped'
        ? []
        : scraper
            .states()
            .filter(({ target }) => inPool(target.pool))
            .map(targetAnswer),
    droppedTargets: state === 'active' ? [] : dropped.map(droppedAnswer),
    droppedTargetCounts: counts,
  };
}

function droppedAnswer({ pool, discovered }: DroppedTarget): unknown {
  return { discoveredLabels: discovered, scrapePool: pool };
}

function targetAnswer({ target, health, lastError, lastScrape, lastDurationSeconds }: TargetState): unknown {
  return {
    discoveredLabels: target.discovered,
    labels: target.labels,
    scrapePool: target.pool,
    scrapeUrl: target.url,
    globalUrl: target.url,
    lastError,
    lastScrape: timeText(lastScrape),
    lastScrapeDuration: lastDurationSeconds,
    health,
    scrapeInterval: durationText(target.intervalMillis),
    scrapeTimeout: durationText(target.timeoutMillis),
  };
}
