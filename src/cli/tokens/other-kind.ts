import { EXT_PREFIX } from '../../api/bearer.ts';
import type { ListedToken } from '../../issue/change/listed-token.ts';
import type { ReadFailure } from '../../plane/reading.ts';
import type { TokenResult } from './change-tokens.ts';

/** What came of a token of the other kind: it is changed through its own API, whose server looks after it. */
export function ofOtherKind(name: string): TokenResult {
  return {
    name: `${EXT_PREFIX}${name}`,
    result: 'failed',
    message: `it is a token of ext.cattle.io, and goes on opening the management plane, and each cluster that it was carried to: kubectl delete tokens.ext.cattle.io ${name}, or patch its spec.enabled there`,
  };
}

/** Whether it opens anything by itself. Not asked of its end: what is over for a clock here may not be over for its server. */
export function mayOpen({ enabled, deleting }: Pick<ListedToken, 'enabled' | 'deleting'>): boolean {
  return enabled && !deleting;
}

/** What is said where that kind may not be read. */
export function otherKindUnseen({ message }: ReadFailure): string {
  return `tokens of ext.cattle.io that are meant may be left, for they cannot be seen: ${message}`;
}
