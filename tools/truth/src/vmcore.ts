/**
 * Compares what is found in a memory dump alone with what the same kernel said about itself while it ran: symbols,
 * modules, the addresses of their sections, and the bytes of their sections and memory areas.
 */
import { parseArgs } from 'node:util';
import { openCaptureFolder, openVmcore } from '@kelp/memory';
import type { CaptureFolder, KernelSymbols, LoadedModule, MemorySource, Vmcore } from '@kelp/memory';

const USAGE = `usage: npx tsx -C @kelp/source tools/truth/src/vmcore.ts VMCORE CAPTURE

VMCORE is a memory dump, CAPTURE the folder recorded in the same boot.
`;

/** Sections in which a running kernel writes: their bytes may have changed between capture and dump. */
const writable =
  /^\.(?:data|bss|gnu\.linkonce\.this_module|tm_clone_table|init)|^__(?:tracepoints|dyndbg|bug_table|jump_table)$/u;

/** Symbols that the kernel makes up while it runs, for generated code. */
const generated = /^(?:__builtin__|bpf$)/u;

function main(argv: readonly string[]): number {
  const { positionals } = parseArgs({ args: [...argv], allowPositionals: true });
  const [file, folder] = positionals;
  if (file === undefined || folder === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const start = performance.now();
  const vmcore = openVmcore(file);
  const opened = performance.now() - start;
  const capture = openCaptureFolder(folder);
  print('kernel', `${vmcore.release}, ${vmcore.pageTables?.format.name ?? 'virtual addresses in the dump'}`);
  print('opened in', `${opened.toFixed(0)} ms`);
  print('struct module', vmcore.moduleLayout?.source ?? 'no modules');
  const wrong =
    compareSymbols(vmcore.symbols, capture.symbols) +
    compareExports(vmcore, capture) +
    compareModules(vmcore.modules, capture.modules) +
    compareMemory(vmcore.memory, capture);
  print('result', wrong === 0 ? 'equal' : `${wrong} differences`);
  vmcore.close();
  return wrong === 0 ? 0 : 1;
}

function print(what: string, text: string): void {
  process.stdout.write(`${`${what}:`.padEnd(18)} ${text}\n`);
}

function difference(text: string): void {
  process.stdout.write(`${' '.repeat(19)}${text}\n`);
}

/** Symbols with module, type and address; /proc/kallsyms shows the letters of a module's symbols in another case. */
function compareSymbols(found: KernelSymbols, expected: KernelSymbols): number {
  const counts = new Map<string, number>();
  const count = (symbols: KernelSymbols, step: number): number => {
    let total = 0;
    for (const { name, address, type, module } of symbols) {
      if (type === '?' || (module !== undefined && generated.test(module))) continue;
      const letter = module === undefined ? type : type.toLowerCase();
      const key = `${address.toString(16)} ${letter} ${name} ${module ?? ''}`;
      counts.set(key, (counts.get(key) ?? 0) + step);
      total++;
    }
    return total;
  };
  const foundTotal = count(found, 1);
  const expectedTotal = count(expected, -1);
  const different = [...counts].filter(([, left]) => left !== 0);
  const generatedTotal = [...expected].filter(
    ({ module }) => module !== undefined && generated.test(module),
  ).length;
  print('symbols', `${foundTotal} found, ${expectedTotal} in kallsyms, ${different.length} differ`);
  print('', `${generatedTotal} of generated code in kallsyms not counted`);
  for (const [key, left] of different.slice(0, 10))
    difference(`${left > 0 ? 'only found' : 'only in kallsyms'}: ${key}`);
  return different.length;
}

/** Exports are judged by kallsyms, and by exports.json where the capture has it. */
function compareExports(vmcore: Vmcore, capture: CaptureFolder): number {
  const found = vmcore.exports ?? new Map<string, bigint>();
  let unlisted = 0;
  const wrong: string[] = [];
  for (const [name, address] of found) {
    const listed = capture.symbols.namedIn(name, undefined);
    if (listed.length === 0) unlisted++;
    else if (!listed.some((symbol) => symbol.address === address)) wrong.push(name);
  }
  const recorded = capture.exports ?? new Map<string, bigint>();
  const missing = [...recorded].filter(([name, address]) => found.get(name) !== address);
  print('exports', `${found.size} found, ${wrong.length} unlike kallsyms, ${unlisted} not in kallsyms`);
  if (capture.exports !== undefined)
    print('', `${recorded.size} in exports.json, ${missing.length} of them not found`);
  for (const name of [...wrong, ...missing.map(([one]) => one)].slice(0, 10)) difference(name);
  return wrong.length + missing.length;
}

function names(modules: readonly LoadedModule[]): string {
  return modules.map(({ name }) => name).join(' ');
}

function compareModules(found: readonly LoadedModule[], expected: readonly LoadedModule[]): number {
  const wrong: string[] = [];
  if (names(found) !== names(expected)) wrong.push(`found ${names(found)}, loaded were ${names(expected)}`);
  const byName = new Map(found.map((module) => [module.name, module]));
  let sections = 0;
  for (const module of expected) {
    const other = byName.get(module.name);
    if (other === undefined) continue;
    if (other.base !== module.base || other.size !== module.size) {
      wrong.push(
        `${module.name}: 0x${other.base.toString(16)}+${other.size}, not 0x${module.base.toString(16)}+${module.size}`,
      );
    }
    sections += module.sections.size;
    const all = new Set([...module.sections.keys(), ...other.sections.keys()]);
    for (const name of all) {
      const [a, b] = [other.sections.get(name)?.address, module.sections.get(name)?.address];
      if (a !== b) wrong.push(`${module.name} ${name}: 0x${a?.toString(16)}, not 0x${b?.toString(16)}`);
    }
    if (module.perCpu !== undefined && other.perCpu?.address !== module.perCpu.address)
      wrong.push(`${module.name}: per-CPU block`);
  }
  print('modules', `${found.length} found, ${expected.length} loaded`);
  print('sections', `${sections} loaded, ${wrong.length} differences`);
  for (const text of wrong.slice(0, 10)) difference(text);
  return wrong.length;
}

function compareMemory(found: MemorySource, capture: CaptureFolder): number {
  const total = { readOnly: new Comparison(), writable: new Comparison(), areas: new Comparison() };
  for (const module of capture.modules) {
    for (const { name, address, size } of module.sections.values()) {
      // Freed init sections are in no area, or in one that was given to others.
      if (size === undefined || size === 0 || name.startsWith('.init')) continue;
      const kind = writable.test(name) ? total.writable : total.readOnly;
      kind.add(found, capture.memory, address, size, `${module.name} ${name}`);
    }
    for (const { address, size } of module.areas)
      total.areas.add(found, capture.memory, address, size, `${module.name} area`);
  }
  total.readOnly.print('read-only bytes');
  total.writable.print('writable bytes');
  total.areas.print('area bytes');
  return total.readOnly.different;
}

/** Counts bytes that two sources agree on. */
class Comparison {
  different = 0;
  #equal = 0;
  #absent = 0;
  readonly #places: string[] = [];

  add(found: MemorySource, expected: MemorySource, address: bigint, size: number, where: string): void {
    for (const piece of expected.pieces(address, size)) {
      if ('absent' in piece) continue;
      const before = this.different + this.#absent;
      for (const other of found.pieces(piece.address, piece.length)) {
        if ('absent' in other) this.#absent += other.length;
        else this.#compare(other.bytes, piece.bytes.subarray(Number(other.address - piece.address)));
      }
      if (this.different + this.#absent > before) this.#places.push(where);
    }
  }

  print(what: string): void {
    print(what, `${this.#equal} equal, ${this.different} different, ${this.#absent} not in the dump`);
    if (this.#places.length > 0) difference(`in ${[...new Set(this.#places)].slice(0, 8).join(', ')}`);
  }

  #compare(found: Uint8Array, expected: Uint8Array): void {
    for (const [index, byte] of found.entries()) {
      if (byte === expected[index]) this.#equal++;
      else this.different++;
    }
  }
}

process.exitCode = main(process.argv.slice(2));
