import { applyRelocation, type AppliedRule, type Letters, type RelocationOutcome } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import type { LintContext, LivepatchRecord } from './context.ts';

/** Bytes on both sides of a place that its steps look at. */
const reach = 32;

/** Whether a record is accepted once, and refused when its target is loaded again and nothing was cleared. */
export function isRefusedAgain({ object }: LintContext, record: LivepatchRecord): boolean {
  const { outcomes } = play(object, record, 2);
  return outcomes[0]?.status === 'applied' && outcomes[1]?.status === 'refused';
}

/** Whether applying a record writes: a special step may look at the bytes and leave them alone. */
export function writes({ object }: LintContext, record: LivepatchRecord): boolean {
  if (record.rule?.verdict !== 'applied') return false;
  return record.rule.steps.some(({ kind }) => kind === 'write') || play(object, record, 1).changed;
}

/** Apply a record some times on a copy of its place, whatever its value. */
function play(
  object: ObjectFile,
  { relocations: { target }, rule, offset, symbolName }: LivepatchRecord,
  times: number,
): { readonly outcomes: readonly RelocationOutcome[]; readonly changed: boolean } {
  if (rule?.verdict !== 'applied' || target === undefined || offset + rule.field.size > target.size)
    return { outcomes: [], changed: false };
  const start = Math.max(0, offset - reach);
  const before = target.occupiesFile ? target.bytes.slice(start, offset + reach) : new Uint8Array(2 * reach);
  const bytes = before.slice();
  const steps = rule.steps.filter(({ kind }) => kind !== 'range' && kind !== 'aligned');
  const outcomes = Array.from({ length: times }, (_, load) =>
    applyRelocation(
      { ...rule, steps },
      {
        bytes,
        offset: offset - start,
        letters: lettersOf(rule, BigInt(load + 1)),
        symbol: { name: symbolName, external: true },
        byteOrder: object.byteOrder,
      },
    ),
  );
  return { outcomes, changed: bytes.some((byte, index) => byte !== before[index]) };
}

/** Any values, other ones at each load, which no formula makes zero. */
function lettersOf({ formula }: AppliedRule, load: bigint): Letters {
  const values = formula.letters.map(
    (letter, index) => [letter, (load << 44n) | (0x1357n << BigInt(index * 4 + 4))] as const,
  );
  return { S: load, A: 0n, P: 0n, ...Object.fromEntries(values) };
}
