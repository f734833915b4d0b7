import { readFile } from 'node:fs/promises';

/** One finished request, as the API server saw it. A watch appears only when it has ended. */
export interface AuditLine {
  readonly verb: string;
  readonly user: string;
  readonly userAgent: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number;
  readonly stage: string;
}

export const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted', 'Panic'],
  rules: [{ level: 'Metadata' }],
};

interface AuditEvent {
  readonly verb: string;
  readonly stage: string;
  readonly userAgent?: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  readonly responseStatus?: { readonly code?: number };
}

/** The server writes a line just after it has answered: a reader who counts must poll until the count is right. */
export async function readAuditLog(path: string): Promise<readonly AuditLine[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''; // created with the first line
    throw error;
  });
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => toAuditLine(JSON.parse(line) as AuditEvent));
}

function toAuditLine(event: AuditEvent): AuditLine {
  return {
    verb: event.verb,
    user: event.user?.username ?? '',
    userAgent: event.userAgent ?? '',
    resource: event.objectRef?.resource ?? '',
    subresource: event.objectRef?.subresource ?? '',
    namespace: event.objectRef?.namespace ?? '',
    name: event.objectRef?.name ?? '',
    code: event.responseStatus?.code ?? 0,
    stage: event.stage,
  };
}
