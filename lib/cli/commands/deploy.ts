import { groupPath } from '../../codec/push-path.ts';
import { SightlineError } from '../../errors.ts';
import { DEPLOYMENT, DEPLOYMENT_JOB } from '../../model/deployment.ts';
import type { Command, OptionValue } from '../command.ts';
import { fetchFailure } from '../fetch-failure.ts';
import { GrafanaClient, grafanaToken } from '../grafana-client.ts';
import { stackUrl } from '../stack-client.ts';
import { usageError } from '../usage.ts';

/** How long the gateway may take: a deployment waits for it. */
const PUSH_MILLIS = 10_000;
/** Characters of a service, version or environment: they are labels. */
const MAX_TEXT = 200;
/** Characters of an answer that a sentence repeats. */
const MAX_REASON = 200;

interface Deployment {
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** `sightline deploy`: tells the dashboards when a version of a service was deployed. */
export const deployCommand: Command = {
  name: 'deploy',
  summary: 'mark a deployment: a line in every dashboard',
  usage: '',
  options: {
    service: { type: 'string', placeholder: 'NAME', meaning: 'what was deployed (default OTEL_SERVICE_NAME)' },
    version: { type: 'string', placeholder: 'VERSION', meaning: 'which version of it' },
    environment: {
      type: 'string',
      placeholder: 'NAME',
      meaning: 'where (default SIGHTLINE_ENVIRONMENT, NODE_ENV, development)',
    },
    at: { type: 'string', placeholder: 'TIME', meaning: 'when, such as 2026-01-31T12:00:00Z (default now)' },
    grafana: { type: 'string', placeholder: 'URL', meaning: 'make an annotation in this Grafana, too' },
  },
  positionals: [0, 0],
  notes: [
    'Pushes to SIGHTLINE_METRICS_PUSH_URL, else to the stack at SIGHTLINE_STACK_URL (default http://127.0.0.1:4380). The token',
    'for Grafana is that of a service account, in SIGHTLINE_GRAFANA_TOKEN.',
  ],
  async run({ values, env, json, out }) {
    const deployment = deploymentOf(values, env);
    const gateway = gatewayUrl(env);
    await push(gateway, deployment);
    const grafana = values['grafana'];
    if (typeof grafana === 'string') await annotate(new GrafanaClient(grafana, grafanaToken(env)), deployment);
    const { service, version, environment, at } = deployment;
    const time = new Date(at).toISOString();
    out.line(
      json
        ? JSON.stringify({
            service,
            version,
            environment,
            time,
            gateway,
            ...(typeof grafana === 'string' && { grafana }),
          })
        : `${service} ${version} in ${environment}, ${time}`,
    );
    return 0;
  },
};

function deploymentOf(values: Readonly<Record<string, OptionValue | undefined>>, env: NodeJS.ProcessEnv): Deployment {
  const given = (name: string, ...others: readonly (string | undefined)[]): string => {
    const found = [values[name], ...others].find((value) => typeof value === 'string' && value.trim() !== '');
    if (typeof found !== 'string')
      throw usageError(deployCommand, `got no --${name}, wanted --${name} ${name.toUpperCase()}`);
    if (found.length > MAX_TEXT)
      throw usageError(deployCommand, `got --${name} of ${found.length} characters, wanted at most ${MAX_TEXT}`);
    return found;
  };
  const at = typeof values['at'] === 'string' ? Date.parse(values['at']) : Date.now();
  if (Number.isNaN(at))
    throw usageError(
      deployCommand,
      `got --at ${JSON.stringify(values['at'])}, wanted a time such as 2026-01-31T12:00:00Z`,
    );
  const grafana = values['grafana'];
  if (typeof grafana === 'string' && !URL.canParse(grafana))
    throw usageError(deployCommand, `got --grafana ${JSON.stringify(grafana)}, wanted a URL`);
  return {
    service: given('service', env['OTEL_SERVICE_NAME']),
    version: given('version'),
    environment: given('environment', env['SIGHTLINE_ENVIRONMENT'], env['NODE_ENV'], 'development'),
    at,
  };
}

/** @throws SightlineError SIGHTLINE_E_OPTION */
function gatewayUrl(env: NodeJS.ProcessEnv): string {
  const given = env['SIGHTLINE_METRICS_PUSH_URL']?.trim() ?? '';
  if (given === '') return `${stackUrl(env)}/pushgateway`;
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol))
    throw new SightlineError(
      'SIGHTLINE_E_OPTION',
      `SIGHTLINE_METRICS_PUSH_URL: got ${JSON.stringify(given)}, wanted a URL such as http://127.0.0.1:9091; correct or unset it`,
    );
  return given.replace(/\/+$/, '');
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** In place of the group's last deployment. @throws SightlineError SIGHTLINE_E_DEPLOY */
async function push(gateway: string, { service, version, environment, at }: Deployment): Promise<void> {
  const { prometheus, help, type } = DEPLOYMENT;
  const failed = (got: string): SightlineError =>
    new SightlineError(
      'SIGHTLINE_E_DEPLOY',
      `got ${got} from ${gateway}, wanted a Pushgateway or the local stack; start one, or set SIGHTLINE_METRICS_PUSH_URL`,
    );
  let response: Response;
  let said: string;
  try {
    response = await fetch(gateway + groupPath({ job: DEPLOYMENT_JOB, service, environment }), {
      method: 'PUT',
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      body: `# HELP ${prometheus} ${help}\n# TYPE ${prometheus} ${type}\n${prometheus}{version="${escaped(version)}"} ${at / 1000}\n`,
      signal: AbortSignal.timeout(PUSH_MILLIS),
    });
    said = (await response.text()).trim().slice(0, MAX_REASON);
  } catch (error) {
    throw failed(fetchFailure(error));
  }
  if (!response.ok) throw failed(`HTTP ${response.status}${said === '' ? '' : ` (${said})`}`);
}

/** @throws SightlineError SIGHTLINE_E_GRAFANA */
async function annotate(client: GrafanaClient, { service, version, environment, at }: Deployment): Promise<void> {
  await client.request('POST', '/api/annotations', {
    body: { time: at, tags: ['deployment', service, environment], text: `${service} ${version}` },
  });
}
