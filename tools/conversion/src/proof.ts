/**
 * Converts real modules as if everything that they need were in vmlinux and not exported, and compares what a load then
 * leaves in memory with what an ordinary load leaves.
 */
import { basename, dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FileReader } from '@kelp/census';
import { SHT_RELA } from '@kelp/core/elf';
import { convertRelocations, SymbolList } from '@kelp/livepatch';
import type { LoadedModule } from '@kelp/loader';
import { findModules, kernelTree } from '../../kernels/src/trees.ts';
import { sample } from '../../oracle/src/sample.ts';
import { memoryOf } from './memory-view.ts';
import { OrdinaryLoad, reservedNames } from './ordinary-load.ts';

const USAGE = `usage: npm run conversion -- TREE... [--modules N] [--seed N]

TREE is an unpacked kernel: KERNELS/6.1-amd64. N modules of each are chosen at random, 200 without --modules.
`;

interface Counts {
  modules: number;
  relocations: number;
  /** Memory is the same. */
  same: number;
  /** Kernels up to 6.3 keep a module in one piece: read-only data that has grown moves what follows it. */
  moved: number;
  different: number;
}

async function check(modules: readonly string[]): Promise<Counts> {
  const counts: Counts = { modules: 0, relocations: 0, same: 0, moved: 0, different: 0 };
  const reader = new FileReader();
  for (const file of modules) {
    const bytes = Uint8Array.from(await reader.read(file));
    const loader = new OrdinaryLoad(bytes, file);
    const { architecture, kernel } = loader;
    const exported = [...reservedNames].flatMap((name) => [name, `__ksymtab_${name}`]);
    const symbols = new SymbolList(new Map([['vmlinux', [...loader.symbols, ...exported]]]));
    const {
      bytes: result,
      sections,
      findings,
    } = convertRelocations({ bytes, file, architecture, kernel, symbols, dialect: 'v7' });
    if (result === undefined)
      throw new Error(`${file}: ${findings.map(({ message }) => message).join('; ')}`);
    counts.modules++;
    counts.relocations += sections.reduce((sum, { count }) => sum + count, 0);
    const [ordinary, converted] = [loader.load(bytes), loader.load(result)];
    const differs = difference(ordinary, converted, loader);
    if (differs === undefined) counts.same++;
    else if (differs === 'moved') counts.moved++;
    else {
      counts.different++;
      process.stdout.write(`${file}: ${differs}\n`);
    }
  }
  return counts;
}

/** What differs; undefined where nothing does. */
function difference(
  ordinary: LoadedModule,
  converted: LoadedModule,
  { object }: OrdinaryLoad,
): string | undefined {
  const [reason, other] = [ordinary, converted].map(({ refused }) => refused?.reason);
  if (reason !== other) return `refused: ${reason ?? 'no'}, converted: ${other ?? 'no'}`;
  if (placesOf(ordinary) !== placesOf(converted)) return 'moved';
  const [before, after] = [ordinary, converted].map((one) => memoryOf(one, object));
  const changed = [...(before ?? [])].filter(
    ([name, memory]) => JSON.stringify(memory) !== JSON.stringify(after?.get(name)),
  );
  return changed.length === 0 ? undefined : changed.map(([name]) => name).join(', ');
}

/** Where the sections are, but for relocations. */
function placesOf({ image }: LoadedModule): string {
  return image.sections
    .filter(({ index }) => image.object.sections[index]?.type !== SHT_RELA)
    .map(({ name, address }) => `${name} ${address}`)
    .join('\n');
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { modules: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
  });
  const trees = positionals.map((path) => kernelTree(dirname(resolve(path)), basename(resolve(path))));
  if (trees.length === 0 || trees.includes(undefined)) {
    process.stderr.write(USAGE);
    return 2;
  }
  let different = 0;
  for (const tree of trees.filter((one) => one !== undefined)) {
    const modules = await findModules(tree.modules);
    const counts = await check(sample(modules, Number(values.modules), Number(values.seed)));
    process.stdout.write(`${tree.name}: ${JSON.stringify(counts)}\n`);
    different += counts.different;
  }
  return different > 0 ? 1 : 0;
}

process.exitCode = await main();
