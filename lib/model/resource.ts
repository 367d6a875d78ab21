/** Who speaks: made once at start, frozen, the same for every signal. */
export interface Resource {
  /** `service.name`. */
  readonly serviceName: string;
  /** `service.version`; empty when unknown. */
  readonly serviceVersion: string;
  /** `service.instance.id`, ECS `service.node.name`: stable for the life of the process. */
  readonly instanceId: string;
  /** `deployment.environment.name`. */
  readonly environment: string;
  /** `host.name`, second segment of StatsD names. */
  readonly hostName: string;
  readonly pid: number;
  /** All other attributes of `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly attributes: Readonly<Record<string, string>>;
}
