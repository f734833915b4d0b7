import type { DryRun } from '../../config/act.ts';
import type { AskConfig, OutputFormat } from '../../config/ask.ts';
import { printAnswer } from '../../print/output.ts';
import type { Progress } from '../../print/progress.ts';
import type { Removed } from '../../removal/remove.ts';
import { EXIT_NO, EXIT_OK } from '../terminal/exit.ts';
import { InterruptedError } from '../terminal/interruption.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, DRY_RUN_SUFFIX, note, say } from '../terminal/say.ts';

interface ReportOptions {
  readonly output: OutputFormat;
  readonly dryRun: DryRun;
}

interface Told extends Removed {
  /** Management id of the cluster; empty where there is but one. */
  readonly cluster: string;
}

/** Tells what came of each object that was to go: as it happens for people, at the end for programs. */
export class RemovalReport {
  readonly #removed: Told[] = [];
  #total = 0;
  readonly #progress: Progress;
  readonly #runtime: Runtime;
  readonly #options: ReportOptions;

  constructor(options: ReportOptions, progress: Progress, runtime: Runtime) {
    this.#options = options;
    this.#progress = progress;
    this.#runtime = runtime;
  }

  /** So many more objects are to go. */
  expect(count: number): void {
    this.#total += count;
  }

  tell(removed: Removed, cluster = ''): void {
    const { output } = this.#options;
    const told = { ...removed, cluster };
    this.#removed.push(told);
    this.#progress.clear();
    if (!['json', 'yaml'].includes(output)) this.#print(told);
    this.#progress.update(this.#removed.length, this.#total);
  }

  /** @returns the exit code @throws {InterruptedError} when a signal came before all was done */
  async end(config: AskConfig): Promise<number> {
    this.#progress.clear();
    const { output, dryRun } = this.#options;
    if (['json', 'yaml'].includes(output)) {
      await printAnswer(
        {
          columns: [],
          rows: this.#removed,
          object: ({ cluster, object, result, message }) => ({
            kind: 'Removed',
            ...(cluster === '' ? {} : { cluster }),
            object: { kind: object.kind, name: object.metadata.name, uid: object.metadata.uid },
            result,
            message,
            dryRun,
          }),
          name: ({ object }) => object.metadata.name,
          empty: '',
        },
        printerOf(config, this.#runtime),
      );
    }
    const deleted = this.#removed.filter(({ result }) => result === 'deleted').length;
    note(`${deleted} of ${this.#removed.length} objects deleted${DRY_RUN_SUFFIX[dryRun]}`, this.#runtime);
    const left = this.#total - this.#removed.length;
    const interruption = this.#runtime.interruption();
    if (interruption.aborted)
      throw new InterruptedError(interruption, `${left} objects were left as they are`);
    return this.#removed.every(({ result }) => result === 'deleted' || result === 'kept') ? EXIT_OK : EXIT_NO;
  }

  #print({ cluster, object, result, message }: Told): void {
    const { output, dryRun } = this.#options;
    const prefix = cluster === '' ? '' : `${cluster}: `;
    const name = `${object.kind.toLowerCase()}/${object.metadata.name}`;
    if (result === 'deleted') {
      const line = output === 'name' ? name : `${prefix}${name} deleted${DRY_RUN_SUFFIX[dryRun]}`;
      say(line, this.#runtime);
      return;
    }
    const why = message ?? 'a finalizer of somebody holds it';
    if (result === 'kept') note(`${prefix}${name} kept: ${why}`, this.#runtime);
    else complain(this.#runtime, `${prefix}${name}: ${why}`);
  }
}
