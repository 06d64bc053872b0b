import {
  cpuinfoWords,
  type AccountedModule,
  type Kernel,
  type MachineAccount,
  type MachineFact,
} from '@kelp/core';
import { trampolineRule, trampolineSize, trampolinesId } from './ftrace.ts';

// module_alloc_ftrace_hotpatch_trampolines(), arch/s390/kernel/module.c, called from module_finalize(): whole pages
// for one trampoline an entry of __mcount_loc, as an area of their own. /proc/vmallocinfo lists the areas with the
// function that asked for them.

const pageSize = 4096;
/** vmalloc keeps one page free behind an area and counts it. */
const guardSize = 4096n;

interface Area {
  readonly address: bigint;
  readonly pages: number;
}

/** An area of /proc/vmallocinfo: `0xSTART-0xEND SIZE CALLER+0x.../0x... pages=N vmalloc`. */
const line = /^0x([\da-f]+)-0x([\da-f]+)\s+\d+ module_finalize\+/u;

function trampolineAreas(text: string): readonly Area[] {
  return text.split('\n').flatMap((row) => {
    const [, start, end] = line.exec(row) ?? [];
    if (start === undefined || end === undefined) return [];
    const address = BigInt(`0x${start}`);
    const size = BigInt(`0x${end}`) - address - guardSize;
    return size > 0n ? [{ address, pages: Number(size) / pageSize }] : [];
  });
}

/**
 * Where the trampolines of each module are. Of the modules that need the same number of pages the areas are told apart
 * by the order of addresses only: the allocator takes the lowest free place, and later modules lie higher. Memory that
 * the init code of earlier modules has left breaks that order, so such an answer is the most likely one; a number of
 * pages that only one module needs, and only one area has, decides.
 */
export function trampolineFacts(account: MachineAccount, kernel: Kernel): readonly MachineFact[] {
  const text = account.text('vmallocinfo.txt');
  if (text === undefined || !hasTrampolines(account, kernel)) return [];
  const areas = trampolineAreas(text);
  const modules = account.modules.map((module) => ({ module, pages: pagesNeeded(module) }));
  const sizes = new Set(modules.map(({ pages }) => pages).filter((pages) => pages > 0));
  return [...sizes].flatMap((size) =>
    assign(
      modules.filter(({ pages }) => pages === size).map(({ module }) => module),
      areas.filter(({ pages }) => pages === size),
    ),
  );
}

function hasTrampolines(account: MachineAccount, kernel: Kernel): boolean {
  const rule = trampolineRule(kernel);
  if (rule === undefined) return false;
  const facilities = cpuinfoWords(account, 'facilities');
  return rule.unlessFacility === undefined || facilities?.has(String(rule.unlessFacility)) !== true;
}

function pagesNeeded(module: AccountedModule): number {
  const entries = (module.sectionSize('__mcount_loc') ?? 0) / 8;
  return Math.ceil((entries * trampolineSize) / pageSize);
}

/** Nothing is said where modules and areas do not match in number: whose areas are missing is not known. */
function assign(modules: readonly AccountedModule[], areas: readonly Area[]): readonly MachineFact[] {
  if (modules.length !== areas.length) return [];
  const sorted = areas.map(({ address }) => address).toSorted((a, b) => (a < b ? -1 : 1));
  return modules.map(({ base }, index) => ({
    kind: 'kernel-chosen',
    id: trampolinesId(base),
    answer: `0x${(sorted[index] ?? 0n).toString(16)}`,
    source: 'vmallocinfo.txt',
    ...(modules.length === 1 ? {} : { likely: true }),
  }));
}
