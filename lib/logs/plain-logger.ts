import { hostname } from 'node:os';
import type { Logger } from 'pino';

/** pino's levels and numbers. */
const LEVELS: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };
const SILENT = Number.POSITIVE_INFINITY;

function numberOf(level: string): number {
  return LEVELS[level] ?? SILENT;
}

function asError(error: Error): object {
  return { type: error.name, message: error.message, stack: error.stack };
}

function fieldsOf(value: unknown): object {
  if (value instanceof Error) return { err: asError(value), msg: value.message };
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, member instanceof Error ? asError(member) : member]),
  );
}

/** What `log` is where pino cannot be loaded: the most used part of a pino logger, with the same lines on stdout. */
class PlainLogger {
  level: string;
  private readonly fields: object;

  constructor(level: string, fields: object) {
    this.level = level;
    this.fields = fields;
  }

  isLevelEnabled(level: string): boolean {
    return numberOf(level) >= numberOf(this.level);
  }

  bindings(): object {
    return { ...this.fields };
  }

  child(fields: object, options: { level?: string } = {}): PlainLogger {
    return new PlainLogger(options.level ?? this.level, { ...this.fields, ...fieldsOf(fields) });
  }

  silent(): void {}

  flush(callback?: () => void): void {
    callback?.();
  }

  /** Never throws: what cannot be written is left out. */
  write(level: string, first: unknown, second: unknown): void {
    if (!this.isLevelEnabled(level)) return;
    const message = typeof first === 'string' ? first : second;
    const head = { level: LEVELS[level], time: Date.now(), pid: process.pid, hostname: hostname(), ...this.fields };
    const msg = typeof message === 'string' ? { msg: message } : {};
    let line: string;
    try {
      line = JSON.stringify({ ...head, ...fieldsOf(first), ...msg });
    } catch {
      line = JSON.stringify({ ...head, unserialisable: true, ...msg });
    }
    process.stdout.write(`${line}\n`);
  }
}

for (const level of Object.keys(LEVELS)) {
  Object.defineProperty(PlainLogger.prototype, level, {
    value(this: PlainLogger, first: unknown, second: unknown) {
      this.write(level, first, second);
    },
    writable: true,
    configurable: true,
  });
}

/** A logger for a bundle without pino, and for a Node that pino does not run on. */
export function plainLogger(level: string): Logger {
  return new PlainLogger(level, {}) as unknown as Logger;
}
