/** As much of ELF as tells which libraries a program for another machine loads. @see https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html */

/** e_machine. */
const MACHINES = { amd64: 62, arm64: 183 } as const;
/** Of a section: the table of what the dynamic linker is to do. */
const SHT_DYNAMIC = 6;
/** Of an entry in it: the name of a library. */
const DT_NEEDED = 1n;

/**
 * The names of the shared libraries that a program or library asks for itself, in its order.
 *
 * @param file - what to call it in an error
 * @throws {Error} when it is not ELF of 64 bits, little-endian, for that architecture
 */
export function neededBy(elf: Buffer, file: string, architecture: keyof typeof MACHINES): readonly string[] {
  if (elf.length < 64 || elf.toString('latin1', 0, 6) !== '\x7fELF\x02\x01')
    throw new Error(`${file} is no program or library of 64 bits`);
  if (elf.readUInt16LE(18) !== MACHINES[architecture]) throw new Error(`${file} is not for ${architecture}`);
  const sections = sectionsOf(elf);
  const dynamic = sections.find(({ type }) => type === SHT_DYNAMIC);
  if (dynamic === undefined) return [];
  const names = sections[dynamic.link]?.offset ?? 0;
  const needed: string[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    if (elf.readBigInt64LE(at) !== DT_NEEDED) continue;
    const start = names + number(elf, at + 8);
    needed.push(elf.toString('latin1', start, elf.indexOf(0, start)));
  }
  return needed;
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** Of the dynamic section: the index of the section with its strings. */
  readonly link: number;
}

function sectionsOf(elf: Buffer): readonly Section[] {
  const table = number(elf, 40);
  const entrySize = elf.readUInt16LE(58);
  return Array.from({ length: elf.readUInt16LE(60) }, (_, index) => {
    const at = table + index * entrySize;
    return {
      type: elf.readUInt32LE(at + 4),
      offset: number(elf, at + 24),
      size: number(elf, at + 32),
      link: elf.readUInt32LE(at + 40),
    };
  });
}

const number = (elf: Buffer, at: number): number => Number(elf.readBigUInt64LE(at));
