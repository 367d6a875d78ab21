import { backends } from './backends.ts';
import type { DashboardConfig } from './config.ts';
import { delivery } from './delivery.ts';
import type { Dashboard } from './grafana.ts';
import { health } from './health.ts';
import { httpClients } from './http-clients.ts';
import { logLines } from './logs.ts';
import { nodeRuntime } from './node-runtime.ts';
import { request } from './request.ts';
import { service } from './service.ts';
import { services } from './services.ts';
import { slo } from './slo.ts';
import { statsdPipeline } from './statsd-pipeline.ts';
import { traceView } from './traces.ts';

export { type DashboardConfig, DEFAULT_CONFIG, type Objectives } from './config.ts';
export type { Dashboard } from './grafana.ts';
export type { AlertRule, RecordingRule, RuleGroup } from './rules/group.ts';
export { ruleGroups } from './rules/groups.ts';
export { rulesFile } from './rules/yaml.ts';
export { shared } from './share.ts';

/** All dashboards, in the order of a tour. */
export function dashboards(config: DashboardConfig): Dashboard[] {
  return [
    services(config),
    service(config),
    nodeRuntime(config),
    httpClients(config),
    logLines(config),
    traceView(config),
    request(config),
    health(config),
    delivery(config),
    slo(config),
    statsdPipeline(config),
    backends(config),
  ];
}
