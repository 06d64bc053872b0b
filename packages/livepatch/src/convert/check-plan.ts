import {
  lateStore,
  livepatchSymbolName,
  parseLivepatchSectionName,
  parseLivepatchSymbolName,
  symbolNameLimitOf,
  vmlinuxObject,
  type Architecture,
  type Finding,
  type Kernel,
  type LivepatchSymbolName,
} from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import { readLivepatch } from '../livepatch.ts';
import type { ConversionPlan, ConvertedRecord, Dialect } from './conversion-plan.ts';
import { LateHazards } from './late-hazards.ts';

interface Context {
  readonly file: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly dialect: Dialect;
}

/** Longest name that Kelp reads back. */
const sectionNameLimit = 4096;

/**
 * What would go wrong with a converted file: names that the kernel reads otherwise, relocations that it refuses or
 * never applies, and those that it applies too late.
 *
 * @throws KelpError `elf/...`.
 */
export function checkPlan(plan: ConversionPlan, context: Context): readonly Finding[] {
  const findings: Finding[] = [];
  const error = (code: `convert/${string}`, message: string, place?: Finding['place']): void => {
    findings.push({ code, severity: 'error', message, ...(place === undefined ? {} : { place }) });
  };
  const { architecture, kernel } = context;
  const { livepatch } = architecture;
  if (plan.records.length > 0 && (livepatch === undefined || lateStore(livepatch, kernel, 0) === undefined))
    error('convert/no-livepatch', `Linux ${kernel.release} has no livepatch on ${architecture.title}`);
  for (const symbol of plan.symbols.values()) {
    const wrong = wrongName(symbol, kernel);
    if (wrong !== undefined) error('convert/symbol-name', wrong);
  }
  for (const message of wrongObjects(plan, context)) error('convert/object', message);
  const hazards = new LateHazards(context.file, architecture, kernel);
  for (const one of plan.records) {
    const found = wrongRecord(one, plan, hazards);
    if (found === undefined) continue;
    const name = plan.symbols.get(one.record.symbol)?.name ?? '';
    error(found.code, `relocation for ${name} of ${one.object}: ${found.reason}`, {
      section: one.target.name,
      offset: one.record.offset,
    });
  }
  return findings;
}

/** A name that the kernel does not read as it is meant, or that is no text to be written again. */
function wrongName(symbol: LivepatchSymbolName, kernel: Kernel): string | undefined {
  const { object, name } = symbol;
  const text = livepatchSymbolName(symbol);
  if (text.includes('\ufffd')) return `${text} has bytes that are not UTF-8`;
  const read = parseLivepatchSymbolName(text, symbolNameLimitOf(kernel));
  if (read?.object === object && read.name === name) return undefined;
  return `Linux ${kernel.release} cannot read ${text}: an object has at most 55 bytes and no dot, a symbol at most ${symbolNameLimitOf(kernel)} and no comma`;
}

/** Objects whose relocations the kernel never applies. */
function* wrongObjects(
  { records }: ConversionPlan,
  { file, dialect }: Context,
): Generator<string, void, undefined> {
  const patched = readLivepatch(file)?.objects ?? [];
  const names = new Set(patched.map(({ name }) => name));
  const seen = new Set<string>();
  for (const { object, target } of records) {
    const section = dialect.sectionName(object, target.name);
    if (seen.has(section)) continue;
    seen.add(section);
    const read = parseLivepatchSectionName(section);
    if (section.includes('\ufffd') || section.length > sectionNameLimit)
      yield `${section.slice(0, 80)} is no name of a section that can be read again`;
    else if (read?.object !== object || read.truncated)
      yield `the kernel does not read ${object} as the object of ${section}`;
    else if (object !== vmlinuxObject && patched.length > 0 && !names.has(object))
      yield `${section} would never be applied: the livepatch patches ${[...names].join(', ')}, not ${object}`;
  }
}

function wrongRecord(
  { object, target, record }: ConvertedRecord,
  plan: ConversionPlan,
  hazards: LateHazards,
): { readonly code: `convert/${string}`; readonly reason: string } | undefined {
  // Those of vmlinux are applied with the ordinary ones, before anything reads them.
  if (object === vmlinuxObject) return undefined;
  if (plan.symbols.get(record.symbol)?.object === vmlinuxObject) {
    const reason = 'a section of a module may not use symbols of vmlinux (EINVAL, klp_resolve_symbols)';
    return { code: 'convert/vmlinux-symbol', reason };
  }
  return hazards.of(target, record);
}
