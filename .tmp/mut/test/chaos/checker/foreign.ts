import type { Json } from './plain-api.ts';

/** Objects that bear the mark of somebody else are as they were when they were first seen. */
export class Foreign {
  readonly #first = new Map<string, string>();

  /** @returns what is not as it was in that plane, of all that is there */
  compare(
    plane: string,
    objects: readonly Json[],
    judged: () => void,
  ): readonly { readonly key: string; readonly what: string }[] {
    const seen = new Map(
      objects
        .filter(({ metadata }) => metadata.labels?.['chaos/foreign'] !== undefined)
        .map((object) => [`${plane}/${idOf(object)}`, textOf(object)]),
    );
    const changed = [...seen].filter(([key, is]) => {
      judged();
      const was = this.#first.get(key);
      if (was === undefined) this.#first.set(key, is);
      return was !== undefined && was !== is;
    });
    const gone = [...this.#first.keys()].filter((key) => key.startsWith(`${plane}/`) && !seen.has(key));
    return [
      ...changed.map(([key]) => ({ key, what: 'was changed' })),
      ...gone.map((key) => ({ key, what: 'is gone' })),
    ];
  }
}

const idOf = ({ metadata }: Json): string => `${metadata.labels['chaos/foreign']}/${metadata.name}`;

/** All of it: a write that changes nothing is one, too, but leaves no trace. */
const textOf = (object: Json): string => JSON.stringify({ ...object, kind: undefined });
