import { appliesTo, type Kernel } from '@kelp/core';
import { featureWords, renamedFeatures } from './feature-words.ts';

/** A bit of the CPU's capabilities that a kernel has a name for. */
export interface CpuFeature {
  /** As in cpufeatures.h without X86_FEATURE_; bugs begin with BUG_. */
  readonly name: string;
  /** Name in /proc/cpuinfo, in the line of flags or of bugs; undefined where it is not shown. */
  readonly flag: string | undefined;
  /** Shown in the line of bugs. */
  readonly isBug: boolean;
}

/** NCAPINTS, the same in 6.1, 6.12 and 7.3: words from here on hold bugs. */
const firstBugWord = 22;

function parseFeature(word: number, text: string): CpuFeature {
  const [name = '', flag = name.toLowerCase()] = text.split('/');
  const isBug = word >= firstBugWord;
  return { name: isBug ? `BUG_${name}` : name, flag: flag === '' ? undefined : flag, isBug };
}

const byNumber: ReadonlyMap<number, CpuFeature> = new Map(
  featureWords.flatMap(([word, names]) =>
    names
      .trim()
      .split(/\s+/u)
      .map((text, bit) => [word * 32 + bit, text] as const)
      .filter(([, text]) => text !== '.')
      .map(([number, text]) => [number, parseFeature(word, text)] as const),
  ),
);

/**
 * What a bit stands for in a kernel.
 *
 * @param number - word times 32 plus bit, as entries of .altinstructions have it.
 * @returns undefined for a bit without a name there.
 */
export function cpuFeature(number: number, kernel: Kernel): CpuFeature | undefined {
  const named = byNumber.get(number);
  if (named !== undefined) return named;
  const renamed = renamedFeatures.find(
    (one) => one.word * 32 + one.bit === number && appliesTo(one.applies, kernel),
  );
  return renamed === undefined ? undefined : parseFeature(renamed.word, renamed.name);
}

/** All bits that have a name in a kernel. */
export function cpuFeatures(kernel: Kernel): readonly CpuFeature[] {
  const renamed = renamedFeatures
    .filter(({ applies }) => appliesTo(applies, kernel))
    .map(({ word, name }) => parseFeature(word, name));
  return [...byNumber.values(), ...renamed];
}

/** How questions and machine descriptions call a bit: its name, or `bit 117` where it has none. */
export function featureId(number: number, kernel: Kernel): string {
  return cpuFeature(number, kernel)?.name ?? `bit ${number}`;
}
