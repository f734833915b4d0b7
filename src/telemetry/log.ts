import { LRUCache } from 'lru-cache';
import winston from 'winston';
import { describeError } from '../errors.ts';
import { upTo } from '../growing-cache.ts';
import type { LogFormat, LogLevel } from './log-level.ts';

/** Values of a line, by the names that may be logged at all. Anything else does not compile. */
export interface LogFields {
  readonly cluster?: string;
  readonly token?: string;
  readonly user?: string;
  readonly key?: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly reason?: string;
  readonly source?: string;
  readonly detail?: string;
  readonly count?: number;
  readonly durationMs?: number;
  readonly delayMs?: number;
  readonly version?: string;
  readonly address?: string;
  readonly signal?: string;
  readonly error?: unknown;
}

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** Waits until everything is written out. */
  close(): Promise<void>;
}

const ALLOWED: ReadonlySet<string> = new Set<keyof LogFields>([
  'cluster',
  'token',
  'user',
  'key',
  'resource',
  'namespace',
  'reason',
  'source',
  'detail',
  'count',
  'durationMs',
  'delayMs',
  'version',
  'address',
  'signal',
  'error',
]);

const COLLAPSE_MAX = 2_000;
/** What goes on for days must not fall silent for days: doublings get rare. */
const RETELL_MS = 60 * 60_000;

/**
 * Structured log on stdout: constant messages, values as fields, fields by allow-list.
 *
 * Identical warnings and errors are collapsed: the first is written, then the 2nd, 4th, 8th, … and one an hour, with
 * the number of times; an idle but broken cluster must not fill a disk.
 */
export function createLog(options: {
  level: LogLevel;
  format: LogFormat;
  stream: NodeJS.WritableStream;
}): Log {
  const transport = new winston.transports.Stream({ stream: options.stream });
  const logger = winston.createLogger({
    level: options.level,
    format: options.format === 'json' ? jsonFormat() : textFormat(),
    transports: [transport],
  });
  const seen = new LRUCache<string, { times: number; toldAtMs: number }>(upTo(COLLAPSE_MAX));

  const write = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    // A disabled level costs microseconds in winston: its format runs before the level is looked at.
    if (logger.isLevelEnabled(level)) logger.log({ level, message, ...permitted(fields) });
  };
  const collapsed = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    const { delayMs: _delay, durationMs: _duration, count: _count, ...identity } = permitted(fields);
    const key = JSON.stringify([level, message, identity]);
    const before = seen.get(key);
    const times = (before?.times ?? 0) + 1;
    const nowMs = performance.now();
    const isDue = Number.isInteger(Math.log2(times)) || nowMs - (before?.toldAtMs ?? 0) >= RETELL_MS;
    seen.set(key, { times, toldAtMs: isDue ? nowMs : (before?.toldAtMs ?? nowMs) });
    if (!isDue) return;
    write(level, message, times === 1 ? fields : { ...fields, count: times });
  };
  return {
    error: (message, fields) => collapsed('error', message, fields),
    warn: (message, fields) => collapsed('warn', message, fields),
    info: (message, fields) => write('info', message, fields),
    debug: (message, fields) => write('debug', message, fields),
    close: () =>
      new Promise((resolve) => {
        logger.once('finish', resolve);
        logger.end();
      }),
  };
}

function permitted(fields: LogFields): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || !ALLOWED.has(name)) continue;
    result[name] = name === 'error' ? describeError(value) : value;
  }
  return result;
}

function jsonFormat(): winston.Logform.Format {
  return winston.format.combine(winston.format.timestamp(), winston.format.json());
}

function textFormat(): winston.Logform.Format {
  return winston.format.combine(
    winston.format.timestamp(),
    winston.format.printf(({ timestamp, level, message, ...fields }) => {
      const values = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      return [timestamp, level.toUpperCase().padEnd(5), message, ...values].join(' ');
    }),
  );
}
