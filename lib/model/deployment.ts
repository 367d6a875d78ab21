import type { MetricDefinition } from './catalogue.ts';

/**
 * When a version of a service was deployed: pushed by `sightline deploy`, so no service has it on its own page.
 * `service` and `environment` are the grouping key of the push: the next deployment takes the place of the last.
 */
export const DEPLOYMENT: MetricDefinition = {
  name: 'sightline.deployment.timestamp',
  type: 'gauge',
  unit: 's',
  prometheus: 'sightline_deployment_timestamp_seconds',
  help: 'When a version of a service was deployed, in seconds since the Unix epoch; pushed by sightline deploy.',
  labels: ['service', 'version', 'environment'],
};

/** `job` of the pushed series. */
export const DEPLOYMENT_JOB = 'sightline_deploy';
