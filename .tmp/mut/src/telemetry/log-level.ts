/** How much is logged, and in which form. Apart from log.ts, so that `--help` need not load the logger. */

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];
export type LogFormat = 'json' | 'text';

/** Which reviews the authenticator's audit log has. */
export const AUDIT_MODES = ['none', 'refused', 'all'] as const;
export type AuditMode = (typeof AUDIT_MODES)[number];
