/** One section header as `readelf --section-details` prints it. */
export interface ReadelfSection {
  readonly index: number;
  readonly name: string;
  /** As readelf names it: `PROGBITS`, `RELA`. */
  readonly type: string;
  /** Offset in the file and size, in bytes. */
  readonly offset: number;
  readonly size: number;
  /** Flags by bit; readelf's letters have none for SHF_RELA_LIVEPATCH. */
  readonly flags: bigint;
  /** For a relocation section the index of the section that it applies to. */
  readonly info: number;
}

/** Relocations of one section, counted by type number. */
export interface ReadelfRelocations {
  readonly name: string;
  readonly offset: number;
  readonly types: ReadonlyMap<number, number>;
}

/** All of one file's output. */
export interface ReadelfOutput {
  /** As readelf names it: `AArch64`. */
  readonly machine: string | undefined;
  readonly sections: readonly ReadelfSection[];
  readonly relocations: readonly ReadelfRelocations[];
}

/** Takes the output of `readelf --file-header --section-details --relocs --wide` line by line. */
export interface ReadelfReader {
  line(text: string): void;
  /**
   * Everything read so far.
   *
   * @throws Error where the numbers of sections or relocations differ from those that readelf announced.
   */
  end(): ReadelfOutput;
}

const MACHINE = /^ {2}Machine: +(.+)$/;
const SECTION_COUNT = /^There (?:are|is) ([0-9]+) section headers?, starting at offset/;
/** In the file header, in place of the line above; with more than 65,279 sections the number stands in parentheses. */
const HEADER_COUNT = /^ {2}Number of section headers: +(?:0 \()?([0-9]+)/;
const SECTION_NAME = /^ {2}\[ *([0-9]+)\] (.*)$/;
/** Type, address, offset, size, entry size, link, info, alignment; only the type may contain spaces. */
const SECTION_PLACE =
  /^ {7}(\S.*?) +[0-9a-f]{16} ([0-9a-f]{6,}) ([0-9a-f]{6,}) [0-9a-f]{2,} +(?:[0-9]+|\[ *[0-9a-f]+\]) +([0-9]+) +[0-9]+$/;
const SECTION_FLAGS = /^ {7}\[([0-9a-f]{16})\]:/;
const RELOCATIONS_OF = /^Relocation section '(.*)' at offset 0x([0-9a-f]+) contains ([0-9]+) entr(?:y|ies):$/;
/** r_offset and r_info; the type's name is cut to a column, so its number is taken from r_info. */
const RELOCATION = /^[0-9a-f]{16} {2}[0-9a-f]{8}([0-9a-f]{8}) /;

interface OpenSection {
  readonly name: string;
  readonly offset: number;
  readonly announced: number;
  readonly types: Map<number, number>;
}

/** Reads the output of one run for one 64-bit file. */
export function createReadelfReader(): ReadelfReader {
  const sections: ReadelfSection[] = [];
  const relocations: OpenSection[] = [];
  let announced: number | undefined;
  let machine: string | undefined;
  let named: { readonly index: number; readonly name: string } | undefined;
  let placed: Omit<ReadelfSection, 'flags'> | undefined;
  let open: OpenSection | undefined;

  const relocation = (match: RegExpExecArray): void => {
    const type = Number.parseInt(match[1] ?? '', 16);
    if (open === undefined) throw new Error('readelf printed a relocation outside any section');
    open.types.set(type, (open.types.get(type) ?? 0) + 1);
  };
  const heading = (match: RegExpExecArray): void => {
    const [, name = '', offset = '', count = ''] = match;
    open = {
      name,
      offset: Number.parseInt(offset, 16),
      announced: Number(count),
      types: new Map(),
    };
    relocations.push(open);
  };
  const place = (match: RegExpExecArray): void => {
    if (named === undefined) return;
    const [, type = '', offset = '', size = '', info = ''] = match;
    placed = {
      ...named,
      type,
      offset: Number.parseInt(offset, 16),
      size: Number.parseInt(size, 16),
      info: Number(info),
    };
  };
  const flags = (match: RegExpExecArray): void => {
    if (placed !== undefined) sections.push({ ...placed, flags: BigInt(`0x${match[1] ?? ''}`) });
    named = undefined;
    placed = undefined;
  };
  const patterns: readonly [RegExp, (match: RegExpExecArray) => void][] = [
    [RELOCATION, relocation],
    [SECTION_NAME, (match) => (named = { index: Number(match[1]), name: match[2] ?? '' })],
    [SECTION_PLACE, place],
    [SECTION_FLAGS, flags],
    [RELOCATIONS_OF, heading],
    [MACHINE, (match) => (machine = match[1])],
    [SECTION_COUNT, (match) => (announced = Number(match[1]))],
    [HEADER_COUNT, (match) => (announced = Number(match[1]))],
  ];

  return {
    line(text): void {
      for (const [pattern, take] of patterns) {
        const match = pattern.exec(text);
        if (match === null) continue;
        take(match);
        return;
      }
    },
    end(): ReadelfOutput {
      if (announced !== sections.length) {
        throw new Error(`readelf announced ${announced ?? 'no'} sections, ${sections.length} were read`);
      }
      for (const { name, announced: count, types } of relocations) {
        const read = [...types.values()].reduce((sum, number) => sum + number, 0);
        if (read !== count) {
          throw new Error(`readelf announced ${count} relocations in ${name}, ${read} were read`);
        }
      }
      return { machine, sections, relocations };
    },
  };
}
