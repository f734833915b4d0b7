import { REPOSITORY } from '../version.ts';

/** Where a reason of the closed enums is explained, for people: its entry in docs/troubleshooting.md. */
export function runbookOf(reason: string): string {
  return `${REPOSITORY}/blob/main/docs/troubleshooting.md#${reason.toLowerCase()}`;
}
