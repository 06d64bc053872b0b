import type { LoadedImage } from '@kelp/loader';
import {
  arm64Entries,
  ppc64leStubs,
  s390xEntries,
  s390xSlots,
  sectionTables,
  textPrefix,
  type LoaderTable,
  type Slots,
} from './slots.ts';

/** One relocation of a module, with values as the loader has them. */
export interface Reference {
  readonly type: number;
  /** Not defined in the module. */
  readonly external: boolean;
  readonly S: bigint;
  readonly A: bigint;
  readonly P: bigint;
}

/** What a relocation refers to in the module that the linker gets. */
export type Redirection =
  /** The same symbol. */
  | { readonly kind: 'same' }
  /** An entry of a table that the loader built, for this target; the linker gets its address as a symbol. */
  | { readonly kind: 'slot'; readonly target: bigint; readonly addend: bigint; readonly type: number };

/** How GNU ld is to be used as a check of one architecture's loader. */
export interface LinkerProfile {
  readonly program: string;
  readonly flags: readonly string[];
  /** Sections and ranges whose contents the loader makes up; the linker has nothing to compare them with. */
  readonly tables: (image: LoadedImage) => readonly LoaderTable[];
  readonly slots: (tables: readonly LoaderTable[], redirection: { readonly type: number }) => Slots;
  readonly redirect: (reference: Reference) => Redirection;
  /** Memory that is freed after init has a table of its own. */
  readonly tableForInit?: true;
  /**
   * Where the relocated instruction goes, to choose among several entries for one target; absent: there is never more
   * than one.
   */
  readonly destination?: (image: LoadedImage, place: bigint) => bigint | undefined;
}

const same: Redirection = { kind: 'same' };
const noSlots: Slots = new Map();

/** Types that go to a slot of the GOT, as a distance in halfwords: R_390_GOTENT and R_390_GOTPLTENT. */
const gotEntry: ReadonlySet<number> = new Set([26, 33]);
const [pc32dbl, plt16dbl, plt32dbl] = [19, 18, 20];

/**
 * By architecture. A branch through a table is linked against the table's entry for the target, so that its field can
 * be compared; the entry is found by its contents, never by the branch.
 */
export const linkerProfiles: ReadonlyMap<string, LinkerProfile> = new Map<string, LinkerProfile>([
  [
    'x86',
    {
      program: 'x86_64-linux-gnu-ld',
      flags: ['-m', 'elf_x86_64', '--no-relax'],
      tables: () => [],
      slots: () => noSlots,
      redirect: () => same,
    },
  ],
  [
    'arm64',
    {
      program: 'aarch64-linux-gnu-ld',
      flags: ['-m', 'aarch64linux'],
      tables: (image) => sectionTables(image, ['.plt', '.init.plt']),
      slots: arm64Entries,
      redirect({ type, S, A, P }) {
        const isBranch = type === 282 || type === 283;
        const distance = BigInt.asIntN(64, S + A - P);
        if (!isBranch || (distance >= -0x800_0000n && distance < 0x800_0000n)) return same;
        return { kind: 'slot', target: BigInt.asUintN(64, S + A), addend: 0n, type };
      },
      tableForInit: true,
      // The kernel finds an entry again only right behind its making: each relocation section may make another.
      destination(image, place) {
        const bytes = image.read(place, 4);
        if (bytes === undefined) return undefined;
        const instruction = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
        return BigInt.asUintN(64, place + (BigInt.asIntN(26, BigInt(instruction)) << 2n));
      },
    },
  ],
  [
    'ppc64le',
    {
      program: 'powerpc64le-linux-gnu-ld',
      flags: ['-m', 'elf64lppc', '--no-relax', '--no-toc-optimize'],
      tables: (image) => sectionTables(image, ['.stubs']),
      slots: ppc64leStubs,
      redirect: ({ type, external, S, A }) =>
        type === 10 && external
          ? { kind: 'slot', target: BigInt.asUintN(64, S + A), addend: 0n, type }
          : same,
    },
  ],
  [
    's390x',
    {
      program: 's390x-linux-gnu-ld',
      flags: ['-m', 'elf64_s390', '--no-relax'],
      tables: textPrefix,
      slots: (tables, { type }) => (type === pc32dbl ? s390xSlots(tables) : s390xEntries(tables)),
      redirect({ type, S, A, P }) {
        // ld would fill a GOT of its own: it is given the distance to the loader's slot instead.
        if (gotEntry.has(type)) return { kind: 'slot', target: S, addend: A, type: pc32dbl };
        const distance = BigInt.asIntN(64, S - P);
        const reach = type === plt16dbl ? 0xffffn : 0xffff_ffffn;
        if ((type !== plt16dbl && type !== plt32dbl) || (distance >= -reach && distance < reach)) return same;
        return { kind: 'slot', target: S, addend: A, type };
      },
    },
  ],
]);
