import {
  clearRelocation,
  isInRange,
  relocationRule,
  type LinkedRelocation,
  type RelocationInput,
} from '@kelp/core';
import type { LateFaultOutcome, Mismatch, RelocationPlace } from './late-outcome.ts';
import type { AppliedRecord } from './late-stores.ts';
import { linkedRelocation, reach, type RelocatedSection, type RelocationContext } from './relocate.ts';

/**
 * clear_relocate_add() of x86 for one section: compute each value again with what its symbol was resolved to last, and
 * stop at the first field that holds another one.
 *
 * @param cleared - gets the indices of the records whose fields are clear.
 */
export function clearInOrder(
  context: RelocationContext,
  relocated: RelocatedSection,
  cleared: Set<number>,
): SectionEnd {
  const { image, architecture } = context;
  const { records, order } = relocated;
  for (let position = 0; position < records.count; position++) {
    const index = order?.[position] ?? position;
    const relocation = linkedRelocation(context, relocated, index);
    const type = architecture.relocationType(relocation.type);
    const rule = type === undefined ? undefined : relocationRule(type, image.kernel);
    if (rule === undefined || rule.verdict === 'refused') return {};
    if (rule.verdict === 'ignored') continue;
    const { S, A, P } = relocation;
    const place = relocationPlace(context, relocated, index);
    // It is the livepatch of a module that goes: its own init is long over.
    if (image.isFreedAfterInit(P) && isInRange(rule, { S, A, P })) {
      const reason = 'the memory was freed after init';
      return { fault: { status: 'fault', address: P, reason, place } };
    }
    const outcome = change(context, relocation, { S, A, P }, (input) =>
      isInRange(rule, input.letters) ? clearRelocation(rule, input) : undefined,
    );
    if (outcome === undefined) return {};
    if (outcome.status === 'mismatch') return { mismatch: { ...place, ...outcome } };
    if (outcome.status === 'cleared') cleared.add(index);
  }
  return {};
}

/** Why clearing a section ended before its last record; nothing of both where it did not, or a value is out of range. */
export interface SectionEnd {
  readonly mismatch?: Mismatch;
  readonly fault?: LateFaultOutcome;
}

/** Undo one record that was applied; where the linker has written its place, the linker undoes it. */
export function clearRecord(
  context: RelocationContext,
  relocated: RelocatedSection,
  { index, relocation, rule, letters }: AppliedRecord,
): Mismatch | undefined {
  if (letters === undefined) {
    context.linker?.restore?.(relocation);
    return undefined;
  }
  const outcome = change(context, relocation, letters, (input) => clearRelocation(rule, input));
  return outcome.status === 'mismatch'
    ? { ...relocationPlace(context, relocated, index), ...outcome }
    : undefined;
}

function change<Result>(
  { image, architecture }: RelocationContext,
  { P, symbolName, external }: LinkedRelocation,
  letters: RelocationInput['letters'],
  action: (input: RelocationInput) => Result,
): Result {
  const symbol = { name: symbolName, external };
  const { byteOrder } = architecture.elf;
  return image.change(P, reach, 'livepatch-clear', (bytes, offset) =>
    action({ bytes, offset, letters, symbol, byteOrder }),
  );
}

/** A record by the names and numbers of the file. */
export function relocationPlace(
  { image }: RelocationContext,
  { section, records, symbols }: RelocatedSection,
  index: number,
): RelocationPlace {
  const symbol = records.symbol(index);
  return {
    relocations: section.name,
    section: image.object.sections[section.info]?.name ?? '',
    offset: records.offset(index),
    type: records.type(index),
    symbol: symbol === 0 ? '' : (symbols?.name(symbol) ?? ''),
  };
}
