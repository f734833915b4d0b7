// tokens/: shows tokens that are there, switches and revokes them.

import { EXT_PREFIX } from '../../api/bearer.ts';
import { EXT_TOKENS, TOKENS } from '../../api/names.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { TokenApi } from '../../api/types.ts';
import type { Given } from '../../config/flags.ts';
import { type Selection, tokenListConfig } from '../../config/token.ts';
import {
  type KnownUsers,
  type ListedToken,
  parseListedExtToken,
  parseListedToken,
  problemOf,
  shownToken,
} from '../../issue/change/listed-token.ts';
import { matches } from '../../issue/change/select.ts';
import { readExtTokens } from '../../plane/ext-tokens.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { known, type Reading } from '../../plane/reading.ts';
import { age, until } from '../../print/duration.ts';
import { type Answer, printAnswer } from '../../print/output.ts';
import type { Progress } from '../../print/progress.ts';
import { toldNow } from '../reach/clocks.ts';
import { managementPlane } from '../reach/connect.ts';
import { EXIT_OK } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';
import { requireNamed } from './named-in-filter.ts';
import { outOfUseInClusters } from './uses-in-clusters.ts';

/** `token list`. @returns the exit code @throws {ConfigError | ConnectionError} */
export async function runTokenList(given: Given, runtime: Runtime): Promise<number> {
  const config = tokenListConfig(given, runtime.env, runtime.home);
  const management = await managementPlane(config);
  const now = (): number => toldNow(management, runtime);
  try {
    const progress = progressOf('reading tokens', runtime);
    const selected = await selectTokens(config.selection, management, { now, progress });
    const ext = await selectExtTokens(config.selection, management, now);
    if (!ext.ok) note(`not shown: tokens of ext.cattle.io: ${ext.failure.message}`, runtime);
    const tokens = await outOfUseInClusters([...selected, ...(known(ext) ?? [])], config.selection, {
      config,
      management,
      runtime,
      now,
    });
    if (tokens.length === 0) await requireNamed(config.selection, management);
    const users = await usersOf(tokens, management, runtime);
    await printAnswer(answerOf(tokens, users, now()), printerOf(config, runtime));
    return EXIT_OK;
  } finally {
    await management.close();
  }
}

/**
 * The tokens that are meant, by name. Read in pages, and each forgets its secret at once.
 *
 * @param options.now - what time it is, once a page has come; milliseconds since the epoch
 * @throws {ConnectionError} when they cannot all be read
 */
export async function selectTokens(
  selection: Selection,
  management: ManagementPlane,
  { now, progress }: { now: () => number; progress: Progress },
): Promise<readonly ListedToken[]> {
  const found: ListedToken[] = [];
  let seen = 0;
  const { selector } = selection;
  const read = await management.reading(async () => {
    for await (const page of management.pages(TOKENS, selector === '' ? {} : { labelSelector: selector })) {
      found.push(...page.map(parseListedToken).filter((token) => matches(token, selection, now())));
      seen += page.length;
      progress.update(seen);
    }
  });
  progress.clear();
  needed(read);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Those of Rancher's newer kind that are meant. That they may not be read hides none of the others. */
export async function selectExtTokens(
  selection: Selection,
  management: ManagementPlane,
  now: () => number,
): Promise<Reading<readonly ListedToken[]>> {
  const read = await readExtTokens(management, parseListedExtToken, selection.selector);
  if (!read.ok) return read;
  return { ok: true, value: read.value.filter((token) => matches(token, selection, now())) };
}

/** As `-o name` has it. Whole, because `token` alone may mean a kind of Rancher's newer API to kubectl. */
export function tokenReference({ name, api }: { readonly name: string; readonly api?: TokenApi }): string {
  return `token.${(api === 'ext' ? EXT_TOKENS : TOKENS).group}/${name}`;
}

/** All users, read once. That they may not be read hides no token. */
async function usersOf(
  tokens: readonly ListedToken[],
  management: ManagementPlane,
  runtime: Runtime,
): Promise<KnownUsers> {
  if (tokens.length === 0) return undefined;
  const read = await management.users();
  if (read.ok) return new Map(read.value.map((user) => [user.name, user]));
  note(`not looked at: whether the users are there and enabled: ${read.failure.message}`, runtime);
  return undefined;
}

function answerOf(tokens: readonly ListedToken[], users: KnownUsers, nowMs: number): Answer<ListedToken> {
  return {
    rows: tokens,
    columns: [
      { title: 'NAME', cell: ({ name, api }) => (api === 'ext' ? `${EXT_PREFIX}${name}` : name) },
      { title: 'USER', cell: ({ userName }) => userName },
      { title: 'CLUSTER', cell: ({ clusterName }) => clusterName },
      { title: 'STATE', cell: (token) => stateCell(problemOf(token, users, nowMs)) },
      { title: 'STORED', cell: ({ storedAs }) => storedAs },
      { title: 'CREATED', cell: ({ createdAtMs }) => age(createdAtMs, nowMs) },
      { title: 'EXPIRES IN', cell: (token) => endCell(token, nowMs) },
      { title: 'LAST USED', cell: ({ lastUsedAtMs }) => age(lastUsedAtMs, nowMs, 'never') },
      { title: 'KIND', wide: true, cell: ({ kind }) => kind },
      { title: 'PROVIDER', wide: true, cell: ({ authProvider }) => authProvider },
      { title: 'DESCRIPTION', wide: true, cell: ({ description }) => description },
    ],
    object: (token) => shownToken(token, users, nowMs),
    name: tokenReference,
    empty: 'No tokens found.',
  };
}

/** Of one whose fields cannot be read nothing is known, least of all that it never ends. */
function endCell({ problem, expiresAtMs }: ListedToken, nowMs: number): string {
  return problem === undefined ? until(expiresAtMs, nowMs, (ago) => `${ago} ago`) : 'unknown';
}

function stateCell(reason: TokenReason | undefined): { text: string; tone: 'good' | 'bad' } {
  return reason === undefined ? { text: 'Active', tone: 'good' } : { text: reason, tone: 'bad' };
}
