/**
 * A small process between the demo and its services, so that none of them outlives it: its channel to the demo closes
 * even when the demo is killed outright, and then it ends the services. They themselves know nothing of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How long a service may take to end after SIGTERM. */
const GRACE_MILLIS = 5000;

export interface StartOrder {
  readonly kind: 'start';
  readonly name: string;
  readonly parameters: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export type GuardianOrder = StartOrder | { readonly kind: 'stop' };

export type GuardianReport =
  | { readonly kind: 'started'; readonly name: string; readonly pid: number | undefined }
  | { readonly kind: 'line'; readonly name: string; readonly text: string }
  | { readonly kind: 'exited'; readonly name: string; readonly reason: string }
  | { readonly kind: 'stopped' };

const services = new Map<string, ChildProcess>();
let stopping = false;

function report(message: GuardianReport): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function start(order: StartOrder): void {
  if (stopping) return;
  const service = spawn(process.execPath, order.parameters, {
    cwd: order.cwd,
    env: { ...order.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  services.set(order.name, service);
  for (const stream of [service.stdout, service.stderr]) {
    createInterface({ input: stream }).on('line', (text) => report({ kind: 'line', name: order.name, text }));
  }
  service.once('error', (error) => report({ kind: 'exited', name: order.name, reason: error.message }));
  service.once('exit', (code, signal) => {
    services.delete(order.name);
    report({ kind: 'exited', name: order.name, reason: signal ?? `exit code ${code}` });
  });
  report({ kind: 'started', name: order.name, pid: service.pid });
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  const ended = [...services.values()].map((service) =>
    service.exitCode === null && service.signalCode === null
      ? new Promise((resolve) => service.once('exit', resolve))
      : Promise.resolve(),
  );
  for (const service of services.values()) service.kill('SIGTERM');
  const timer = setTimeout(() => {
    for (const service of services.values()) service.kill('SIGKILL');
  }, GRACE_MILLIS);
  await Promise.all(ended);
  clearTimeout(timer);
  report({ kind: 'stopped' });
  if (process.connected) process.disconnect();
}

process.on('message', (order: GuardianOrder) => {
  if (order.kind === 'start') start(order);
  else void stop();
});
process.on('disconnect', () => void stop());
// A terminal's Ctrl-C reaches the whole group; the demo says when to stop.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('SIGTERM', () => void stop());
