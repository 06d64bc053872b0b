import { KelpError, vmlinuxObject, type Finding } from '@kelp/core';
import {
  ET_REL,
  modinfoValue,
  parseModinfo,
  parseObjectFile,
  SHN_UNDEF,
  STT_FILE,
  STT_SECTION,
  type ObjectFile,
  type SymbolTable,
} from '@kelp/core/elf';
import { isWritable, parseSymbolList, symbolListHeader } from './symbol-list.ts';

/** A file to take symbols from. */
export interface SymbolInput {
  /** Its path: errors name it, and a module without a name in modinfo has the name of its file. */
  readonly file: string;
  /** A kernel image, a module, the text of System.map or kallsyms, or another symbol list. */
  readonly bytes: Uint8Array;
}

const decoder = new TextDecoder();

/**
 * Collects the symbols of kernel images, modules and symbol files, in the order in which the kernel counts equal names:
 * those of vmlinux by address, those of a module as in its symbol table (klp_find_object_symbol).
 */
export class SymbolCollector {
  readonly #objects = new Map<string, readonly string[]>();
  readonly #origins = new Map<string, string>();
  readonly #findings: Finding[] = [];

  /** Names by object, in the order in which they were added. Untrusted. */
  get objects(): ReadonlyMap<string, readonly string[]> {
    return this.#objects;
  }

  /** What is worth saying about the symbols. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /**
   * Add the symbols of one file; its bytes are not needed afterwards.
   *
   * @throws KelpError `symbols/...`, `elf/...`, `symbol-list/...`.
   */
  add({ file, bytes }: SymbolInput): void {
    for (const [object, names] of symbolsOf(bytes, file, this.#findings)) {
      const other = this.#origins.get(object);
      if (other !== undefined) {
        const message = `has symbols of ${object}, which ${other} has given already; give one file for each object`;
        throw new KelpError('symbols/duplicate-object', message, { file });
      }
      this.#origins.set(object, file);
      this.#objects.set(object, writable(names, object, this.#findings));
    }
  }
}

function symbolsOf(
  bytes: Uint8Array,
  file: string,
  findings: Finding[],
): ReadonlyMap<string, readonly string[]> {
  if (bytes[0] !== 0x7f) {
    const text = decoder.decode(bytes);
    return text.startsWith(symbolListHeader)
      ? parseSymbolList(text, file).objects
      : readSymbolMap(text, file);
  }
  const object = parseObjectFile(bytes, file);
  return object.type === ET_REL ? symbolsOfModule(object, file, findings) : symbolsOfImage(object);
}

/** One symbol of a table. */
interface TableSymbol {
  readonly index: number;
  readonly name: string;
  readonly section: number;
}

/** Mapping symbols tell code from data (aaelf64, 5.5.5); nm hides them, and a livepatch cannot name them. */
const mappingSymbol = /^\$[adtx](?:\.|$)/u;

/** Symbols that kallsyms can have: named, defined in a section that is in memory. */
function* definedSymbols(object: ObjectFile): Generator<TableSymbol & { readonly table: SymbolTable }> {
  const table = object.symbols();
  if (table === undefined) {
    throw new KelpError(
      'symbols/no-symbol-table',
      'the file has no symbol table; give one that is not stripped',
      {
        file: object.file,
      },
    );
  }
  for (let index = 1; index < table.count; index++) {
    const section = table.sectionIndex(index);
    const type = table.type(index);
    if (section === undefined || section === SHN_UNDEF || type === STT_SECTION || type === STT_FILE) continue;
    if (object.sections[section]?.isAllocated !== true) continue;
    const name = table.name(index);
    if (name !== '' && !mappingSymbol.test(name)) yield { table, index, name, section };
  }
}

function symbolsOfImage(object: ObjectFile): ReadonlyMap<string, readonly string[]> {
  const found = [...definedSymbols(object)].map(({ table, index, name }) => ({
    name,
    address: table.value(index),
  }));
  found.sort((a, b) => (a.address < b.address ? -1 : Number(a.address > b.address)));
  return new Map([[vmlinuxObject, found.map(({ name }) => name)]]);
}

function symbolsOfModule(
  object: ObjectFile,
  file: string,
  findings: Finding[],
): ReadonlyMap<string, readonly string[]> {
  if (object.section('.modinfo') === undefined) {
    const message =
      'is neither a linked kernel image nor a module (no .modinfo): positions are not decided yet';
    throw new KelpError('symbols/not-linked', message, { file });
  }
  const symbols = [...definedSymbols(object)];
  const isInit = ({ section }: TableSymbol): boolean =>
    object.sections[section]?.name.startsWith('.init') === true;
  const kept = new Set(symbols.filter((symbol) => !isInit(symbol)).map(({ name }) => name));
  const name = moduleName(object, file);
  for (const shared of new Set(symbols.filter(isInit).map((symbol) => symbol.name))) {
    if (!kept.has(shared)) continue;
    findings.push({
      code: 'symbols/init-duplicate',
      severity: 'warning',
      message:
        `${name} has ${shared} in init memory too: its positions shift once ${name} is loaded, ` +
        'and no sympos fits both a patch that comes before and one that comes after it',
    });
  }
  return new Map([[name, symbols.map((symbol) => symbol.name)]]);
}

/** The name under which the kernel knows a module: modinfo `name`, else the file's with underscores. */
function moduleName(object: ObjectFile, file: string): string {
  const section = object.section('.modinfo');
  const name = section === undefined ? undefined : modinfoValue(parseModinfo(section.bytes), 'name');
  if (name !== undefined && name !== '') return name;
  const base = file.slice(file.lastIndexOf('/') + 1);
  return base.replace(/\.ko(\.(xz|gz|zst))?$/u, '').replaceAll('-', '_');
}

/** `ADDRESS TYPE NAME`, in kallsyms with a tab and `[MODULE]` where it is not of vmlinux. */
const symbolLine = /^([0-9a-f]{1,16}) (\S) (\S+)(?:[\t ]+\[(.*)\])?$/iu;

/** Letters of nm that stand for no defined symbol in memory: undefined, weak undefined, debugging. */
const absent = new Set(['U', 'w', 'v', 'N', 'n', '-']);

/** Objects of kallsyms that are no modules. */
const generated = /^(?:bpf|__builtin__.*)$/u;

/** System.map and kallsyms; without privileges the latter shows zero for addresses, but in the right order. */
function readSymbolMap(text: string, file: string): ReadonlyMap<string, readonly string[]> {
  const objects = new Map<string, { readonly name: string; readonly address: bigint }[]>();
  let read = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    read++;
    const [, address = '', type = '', name = '', module = vmlinuxObject] = symbolLine.exec(line) ?? [];
    if (name === '') {
      const message = `line ${read} is not ADDRESS TYPE NAME; expected ELF, System.map, kallsyms or a symbol list`;
      throw new KelpError('symbols/unknown-format', message, { file });
    }
    if (absent.has(type) || generated.test(module)) continue;
    const symbols = objects.get(module) ?? [];
    objects.set(module, symbols);
    symbols.push({ name, address: BigInt(`0x${address}`) });
  }
  if (read === 0) throw new KelpError('symbols/empty', 'the file is empty', { file });
  objects.get(vmlinuxObject)?.sort((a, b) => (a.address < b.address ? -1 : Number(a.address > b.address)));
  return new Map([...objects].map(([object, symbols]) => [object, symbols.map(({ name }) => name)]));
}

function writable(names: readonly string[], object: string, findings: Finding[]): readonly string[] {
  if (names.every(isWritable)) return names;
  for (const name of names.filter((one) => !isWritable(one))) {
    findings.push({
      code: 'symbols/unwritable-name',
      severity: 'warning',
      message: `${object}: the list cannot hold the symbol ${JSON.stringify(name)}; it is left out`,
    });
  }
  return names.filter(isWritable);
}
