/**
 * What waits, in turns: groups take turns, in a group its members do, and of one member the first comes first. A group with thousands
 * must not keep the others waiting, nor one of its members the rest.
 */
export class Turns<T> {
  /** By group, then by member; the one whose turn it is comes first. */
  readonly #waiting = new Map<string, Map<string, Set<T>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param path - a group, or a group and one of its members with a slash between */
  add(path: string, one: T): void {
    const [group, member] = split(path);
    const members = this.#waiting.get(group) ?? new Map<string, Set<T>>();
    this.#waiting.set(group, members.set(member, (members.get(member) ?? new Set<T>()).add(one)));
    this.#size += 1;
  }

  /**
   * Takes the one whose turn it is; its group and its member go to the end of their lines.
   *
   * @param mayGo - one that may not keeps its place, and those behind it go
   */
  take(mayGo: (one: T) => boolean = () => true): T | undefined {
    for (const [group, members] of this.#waiting) {
      for (const [member, those] of members) {
        const one = firstOf(those, mayGo);
        if (one === undefined) continue;
        this.delete(`${group}/${member}`, one);
        toTheEnd(members, member);
        toTheEnd(this.#waiting, group);
        return one;
      }
    }
    return undefined;
  }

  /** One that waits no longer; nothing where it does not wait. */
  delete(path: string, one: T): void {
    const [group, member] = split(path);
    const members = this.#waiting.get(group);
    const those = members?.get(member);
    if (!members || !those?.delete(one)) return;
    this.#size -= 1;
    if (those.size === 0) members.delete(member);
    if (members.size === 0) this.#waiting.delete(group);
  }

  /** Takes all, in no order that means anything. */
  takeAll(): readonly T[] {
    const all = [...this.#waiting.values()].flatMap((members) =>
      [...members.values()].flatMap((those) => [...those]),
    );
    this.#waiting.clear();
    this.#size = 0;
    return all;
  }
}

function firstOf<T>(those: Iterable<T>, mayGo: (one: T) => boolean): T | undefined {
  for (const one of those) if (mayGo(one)) return one;
  return undefined;
}

function split(path: string): readonly [group: string, member: string] {
  const at = path.indexOf('/');
  return at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at + 1)];
}

function toTheEnd<V>(line: Map<string, V>, key: string): void {
  const value = line.get(key);
  if (value !== undefined && line.delete(key)) line.set(key, value);
}
