/** Encodings of one opcode map, with all that may change their length but the bytes behind ModRM. */
export interface EncodingGroup {
  readonly name: string;
  readonly encodings: () => Iterable<readonly number[]>;
}

type Introduction = (prefix: number) => readonly (readonly number[])[];

const bytes = Array.from({ length: 256 }, (_, byte) => byte);
const mandatory: readonly (readonly number[])[] = [[], [0x66], [0xf3], [0xf2]];

/** Every mod and reg; rm of a plain register, of SIB and of a displacement without base. */
const modrms = bytes.filter((modrm) => [0, 4, 5].includes(modrm & 7));

const legacyPrefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
const rexPrefixes = bytes.slice(0x40, 0x50);

/** Prefixes, and the first bytes of encodings that are groups of their own. */
const introductory = new Set([...legacyPrefixes, ...rexPrefixes, 0x0f, 0x62, 0xc4, 0xc5, 0xd5]);

/** All opcodes of all maps that the decoder knows. */
export const encodingGroups: readonly EncodingGroup[] = [
  legacyGroup(
    'one-byte',
    [],
    bytes.filter((opcode) => !introductory.has(opcode)),
  ),
  legacyGroup(
    '0f',
    [0x0f],
    bytes.filter((opcode) => opcode !== 0x38 && opcode !== 0x3a),
  ),
  legacyGroup('0f 38', [0x0f, 0x38], bytes),
  legacyGroup('0f 3a', [0x0f, 0x3a], bytes),
  vectorGroup('VEX, 2 bytes', (prefix) => [
    [0xc5, 0xf8 | prefix],
    [0xc5, 0x50 | prefix],
    [0xc5, 0x74 | prefix],
  ]),
  ...[1, 2, 3, 7].map((map) =>
    vectorGroup(`VEX map ${map}`, (prefix) =>
      [0x78, 0xf8, 0x7c, 0x50].map((byte) => [0xc4, 0xe0 | map, byte | prefix]),
    ),
  ),
  ...[1, 2, 3, 4, 5, 6, 7].map((map) =>
    vectorGroup(`EVEX map ${map}`, (prefix) => [
      [0x62, 0xf0 | map, 0x7c | prefix, 0x08],
      [0x62, 0xf0 | map, 0xfc | prefix, 0x49],
      [0x62, 0xf0 | map, 0x54 | prefix, 0x48],
      [0x62, 0xf0 | map, 0xd4 | prefix, 0x29],
    ]),
  ),
  ...[8, 9, 10].map((map) =>
    vectorGroup(`XOP map ${map}`, (prefix) =>
      [0x78, 0xf8, 0x7c, 0x50].map((byte) => [0x8f, 0xe0 | map, byte | prefix]),
    ),
  ),
  vectorGroup('REX2', (prefix) =>
    [0x00, 0x08, 0x80].map((payload) => [...(mandatory[prefix] ?? []), 0xd5, payload]),
  ),
];

function legacyGroup(name: string, escape: readonly number[], opcodes: readonly number[]): EncodingGroup {
  const prefixes = [...mandatory, [0x48], [0x66, 0x48], [0x67]];
  const introduce = prefixes.map((prefix) => [...prefix, ...escape]);
  return { name, encodings: () => combine(introduce, opcodes) };
}

function vectorGroup(name: string, introduction: Introduction): EncodingGroup {
  return { name, encodings: () => combine([0, 1, 2, 3].flatMap(introduction), bytes) };
}

function* combine(
  introductions: readonly (readonly number[])[],
  opcodes: readonly number[],
): Generator<readonly number[]> {
  for (const introduction of introductions) {
    for (const opcode of opcodes) {
      for (const modrm of modrms) yield [...introduction, opcode, modrm];
    }
  }
}
