import {
  appliesTo,
  livepatchSectionName,
  livepatchSymbolName,
  type Architecture,
  type Kernel,
  type LivepatchSample,
} from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_RELA_LIVEPATCH,
  SHF_WRITE,
  SHN_LIVEPATCH,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_RELA,
  STB_GLOBAL,
  STB_LOCAL,
  STT_FUNC,
  writeObjectFile,
  type ObjectFile,
  type RelocationSpecification,
  type SectionSpecification,
  type SymbolSpecification,
} from '@kelp/core/elf';

/** The module that samples patch. */
const sampleTarget = 'target';

/** A relocation of a sample, with its symbol by name. */
interface Reference {
  readonly section: string;
  readonly offset: number;
  readonly type: number;
  readonly symbol: string;
  readonly addend: bigint;
  /** A symbol of the target, which livepatch resolves. */
  readonly late: boolean;
}

const encoder = new TextEncoder();

// struct klp_patch, klp_object and klp_func: as large as they need be for what readers look at.
const [objectSize, functionSize, pointerSize] = [112, 152, 8] as const;

/** A livepatch under construction. */
export class SampleFile {
  readonly #architecture: Architecture;
  readonly #kernel: Kernel;
  readonly #content = new Map<string, number[]>();
  readonly #flags = new Map<string, bigint>();
  readonly #alignments = new Map<string, number>();
  readonly #references: Reference[] = [];

  constructor(architecture: Architecture, kernel: Kernel, sample: LivepatchSample) {
    this.#architecture = architecture;
    this.#kernel = kernel;
    this.section('.text', SHF_ALLOC | SHF_EXECINSTR, 16);
    this.section('.rodata', SHF_ALLOC, 8);
    this.section('.data', SHF_ALLOC | SHF_WRITE, 32);
    for (const { name, writable, size, alignment } of sample.sections) {
      this.section(name, SHF_ALLOC | (writable === true ? SHF_WRITE : SHF_EXECINSTR), alignment);
      this.add(name, new Uint8Array(size), 1);
    }
    this.section('.modinfo', SHF_ALLOC, 1);
    this.add('.modinfo', encoder.encode('license=GPL\0livepatch=Y\0name=sample\0'), 1);
    this.section('.gnu.linkonce.this_module', SHF_ALLOC | SHF_WRITE, 64);
    this.add('.gnu.linkonce.this_module', new Uint8Array(1280), 1);
    // The function that replaces the old one.
    this.add('.text', new Uint8Array(16), 16);
    this.#addStructures();
  }

  section(name: string, flags: bigint, alignment: number): void {
    if (this.#content.has(name)) return;
    this.#content.set(name, []);
    this.#flags.set(name, flags);
    this.#alignments.set(name, alignment);
  }

  /** Add bytes to a section; the offset where they begin. */
  add(section: string, bytes: ArrayLike<number>, alignment: number): number {
    const content = this.#content.get(section) ?? [];
    this.#content.set(section, content);
    while (content.length % alignment !== 0) content.push(0);
    const offset = content.length;
    content.push(...Array.from(bytes));
    return offset;
  }

  /** A reference to the start of a section of the livepatch, plus an addend. */
  refer(section: string, offset: number, type: number, to: string, addend: number): void {
    this.#references.push({ section, offset, type, symbol: to, addend: BigInt(addend), late: false });
  }

  /** A reference to a symbol of the target. */
  referLate(section: string, offset: number, type: number, name: string, addend: number): void {
    const symbol = livepatchSymbolName({ object: sampleTarget, name, position: 0n });
    this.#references.push({ section, offset, type, symbol, addend: BigInt(addend), late: true });
  }

  /**
   * The type with a formula of the ABI that fills a number of bytes; undefined where the kernel accepts none.
   *
   * @param formula - `S + A` or `S + A - P`.
   */
  typeOf(formula: string, size: number): number | undefined {
    return this.#architecture.relocationTypes.find(({ rules }) =>
      rules.some(
        (rule) =>
          rule.verdict === 'applied' &&
          appliesTo(rule.applies, this.#kernel) &&
          rule.formula.text === formula &&
          rule.field.size === size &&
          rule.field.shift === 0,
      ),
    )?.number;
  }

  /** klp_patch with one klp_object, the target, and in it one klp_func. */
  #addStructures(): void {
    const address = this.typeOf('S + A', pointerSize) ?? 0;
    const strings = this.add('.rodata', encoder.encode(`${sampleTarget}\0old_function\0`), 8);
    const patch = this.add('.data', new Uint8Array(64), 32);
    const objects = this.add('.data', new Uint8Array(2 * objectSize), 32);
    const functions = this.add('.data', new Uint8Array(2 * functionSize), 32);
    this.refer('.data', patch, address, '.gnu.linkonce.this_module', 0);
    this.refer('.data', patch + pointerSize, address, '.data', objects);
    this.refer('.data', objects, address, '.rodata', strings);
    this.refer('.data', objects + pointerSize, address, '.data', functions);
    this.refer('.data', functions, address, '.rodata', strings + sampleTarget.length + 1);
    this.refer('.data', functions + pointerSize, address, '.text', 0);
  }

  finish(): ObjectFile {
    const names = [...this.#content.keys()];
    const late = [...new Set(this.#references.filter((one) => one.late).map(({ symbol }) => symbol))];
    const symbols: readonly SymbolSpecification[] = [
      ...names.map((name, index) => ({ name, section: index + 1, binding: STB_LOCAL })),
      { name: 'new_function', section: 1, binding: STB_GLOBAL, type: STT_FUNC },
      ...late.map((name) => ({ name, section: SHN_LIVEPATCH, reserved: true, binding: STB_GLOBAL })),
    ];
    const numbers = new Map(symbols.map(({ name }, index) => [name, index + 1]));
    const records = (section: string, isLate: boolean): readonly RelocationSpecification[] =>
      this.#references
        .filter((one) => one.section === section && one.late === isLate)
        .map(({ offset, type, symbol, addend }) => ({
          offset,
          type,
          addend,
          symbol: numbers.get(symbol) ?? 0,
        }));
    const { elf } = this.#architecture;
    const bytes = writeObjectFile({
      ...elf,
      symbols,
      sections: [
        ...names.map((name) => this.#section(name)),
        ...names.flatMap((name, index) =>
          relocationSection(`.rela${name}`, 0n, index + 1, records(name, false)),
        ),
        ...names.flatMap((name, index) =>
          relocationSection(
            livepatchSectionName(sampleTarget, name),
            SHF_ALLOC | SHF_RELA_LIVEPATCH,
            index + 1,
            records(name, true),
          ),
        ),
      ],
    });
    return parseObjectFile(bytes, `sample livepatch of ${this.#architecture.id}`);
  }

  #section(name: string): SectionSpecification {
    const bytes = Uint8Array.from(this.#content.get(name) ?? []);
    const common = {
      name,
      flags: this.#flags.get(name) ?? SHF_ALLOC,
      alignment: this.#alignments.get(name) ?? 1,
    };
    return bytes.length === 0
      ? { ...common, type: SHT_NOBITS, size: 0 }
      : { ...common, type: SHT_PROGBITS, bytes };
  }
}

function relocationSection(
  name: string,
  flags: bigint,
  info: number,
  relocations: readonly RelocationSpecification[],
): readonly SectionSpecification[] {
  return relocations.length === 0 ? [] : [{ name, type: SHT_RELA, flags, info, alignment: 8, relocations }];
}
