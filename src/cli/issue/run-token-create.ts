import type { AskConfig } from '../../config/ask.ts';
import type { Given } from '../../config/flags.ts';
import { type TokenCreateConfig, tokenCreateConfig } from '../../config/token.ts';
import { effectiveExpiryMs, formatTime } from '../../derive/expiry.ts';
import { type Issued, issueToken, scopeOf } from '../../issue/make/issue.ts';
import { takeBack } from '../../issue/make/take-back.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { until } from '../../print/duration.ts';
import { printAnswer } from '../../print/output.ts';
import { toldNow } from '../reach/clocks.ts';
import { managementPlane } from '../reach/connect.ts';
import { EXIT_OK } from '../terminal/exit.ts';
import { requireUninterrupted } from '../terminal/interruption.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { DRY_RUN_SUFFIX, note } from '../terminal/say.ts';
import { tokenReference } from '../tokens/run-token-list.ts';
import { secretPlace } from './secret-file.ts';

/** `token create`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runTokenCreate(given: Given, runtime: Runtime): Promise<number> {
  const config = tokenCreateConfig(given, runtime.env, runtime.home);
  const management = await managementPlane(config);
  try {
    await create(config, management, runtime);
    return EXIT_OK;
  } finally {
    await management.close();
  }
}

async function create(
  config: TokenCreateConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<void> {
  if (config.cluster !== '') {
    const { aceEnabled } = await scopeOf(config.cluster, management);
    if (!aceEnabled)
      note(`cluster ${config.cluster} has no ACE: the token will not be carried there`, runtime);
  }
  const request = { ...config, purpose: 'token' } as const;
  runtime.interruption();
  // A dry run has no secret to write.
  const destination = config.dryRun === 'none' ? config.destination : undefined;
  const place = destination && (await secretPlace(destination, runtime));
  try {
    const issued = await issueToken(request, management);
    if (place) {
      const { client } = management;
      await takeBack(issued, { client, noteTakenBack: (message) => note(message, runtime) }, () => {
        requireUninterrupted(runtime.interruption(), 'nothing was written');
        return place.write(`${issued.bearer}\n`);
      });
    }
    await tell(issued, config, { runtime, nowMs: toldNow(management, runtime) });
    if (place?.path !== undefined) note(`bearer written to ${place.path}`, runtime);
  } finally {
    await place?.release();
  }
}

async function tell(
  { token }: Issued,
  config: TokenCreateConfig & AskConfig,
  { runtime, nowMs }: { readonly runtime: Runtime; readonly nowMs: number },
): Promise<void> {
  const expiresAtMs = effectiveExpiryMs({ ...token, createdAtMs: token.createdAtMs || nowMs });
  const line = `token/${token.name} created${DRY_RUN_SUFFIX[config.dryRun]}`;
  if (config.output === 'table' || config.output === 'wide') {
    const out = config.destination?.kind === 'stdout' ? runtime.stderr : runtime.stdout;
    out.write(`${line}\n`);
  } else {
    const shown = {
      kind: 'TokenCreated',
      name: token.name,
      userId: token.userName,
      clusterName: token.clusterName,
      storedHashed: token.secret.kind === 'hashed',
      expiresAt: expiresAtMs === undefined ? null : formatTime(expiresAtMs),
      dryRun: config.dryRun,
    };
    await printAnswer(
      {
        columns: [],
        rows: [shown],
        object: (row) => row,
        name: tokenReference,
        single: true,
        empty: '',
      },
      printerOf(config, runtime),
    );
  }
  const left = until(expiresAtMs, nowMs, () => '0s');
  note(
    expiresAtMs === undefined ? 'never expires' : `expires ${formatTime(expiresAtMs)}, in ${left}`,
    runtime,
  );
}
