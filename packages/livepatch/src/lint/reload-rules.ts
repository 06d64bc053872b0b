import { clearSupport } from '@kelp/core';
import type { LivepatchRelocations } from '../relocation-sections.ts';
import type { LintContext, LivepatchRecord } from './context.ts';
import { isRefusedAgain } from './played-record.ts';
import { firstExhaustion } from './reload-capacity.ts';
import { livepatchCore, moduleLoader, type Hit, type LintRule } from './rule.ts';
import { recordHit } from './symbol-rules.ts';

// Rules about a target module that goes and comes back: KLP7.

const keep = 'Keep the module loaded, or unload the livepatch before it comes back.';

export const reloadRules: readonly LintRule[] = [
  {
    code: 'KLP701',
    name: 'reload-refused',
    severity: 'warning',
    moment: 'reload',
    errno: 'ENOEXEC',
    title: 'The target module cannot be loaded again',
    advice: keep,
    source: livepatchCore('klp_cleanup_module_patches_limited'),
    *check(context) {
      if (isCleared(context)) return;
      for (const one of context.lateSections) {
        yield* summarized(
          context,
          one,
          (record) => isRefusedAgain(context, record),
          (count) =>
            `${count} of ${one.records.count} relocations are not accepted where they were applied before, and nothing clears them`,
        );
      }
    },
  },
  {
    code: 'KLP702',
    name: 'stale-slot',
    severity: 'warning',
    moment: 'reload',
    title: 'GOT and PLT slots keep addresses of a module that is gone',
    advice: `${keep} After a reload the livepatch reads, writes and calls memory that was freed, and nothing says so.`,
    source: moduleLoader('apply_relocations'),
    *check(context) {
      for (const one of context.lateSections) {
        const isKept = ({ type }: LivepatchRecord): boolean => context.store(type)?.slotOnReload === 'kept';
        const needed = [...context.records([one])].some(
          (record) => isKept(record) && !mayDoWithoutSlot(context, record),
        );
        const severity = needed ? 'warning' : 'note';
        const condition = needed ? '' : ', all of them only where the target is out of reach';
        const hits = summarized(
          context,
          one,
          isKept,
          (count) =>
            `${count} of ${one.records.count} relocations use a slot that is filled once${condition}`,
        );
        for (const hit of hits) yield { ...hit, severity };
      }
    },
  },
  {
    code: 'KLP703',
    name: 'stubs-leaked',
    severity: 'warning',
    moment: 'reload',
    errno: 'ENOENT',
    title: 'Each reload of the target module takes stubs that are never freed',
    advice: `${keep} Stubs are counted once, when the livepatch is loaded.`,
    source: { file: 'arch/powerpc/kernel/module_64.c', symbol: 'stub_for_addr' },
    *check(context) {
      for (const one of context.lateSections) {
        yield* summarized(
          context,
          one,
          ({ type }) => context.store(type)?.slotOnReload === 'taken',
          (count) =>
            `${count} of ${one.records.count} relocations take another slot at each reload${exhaustion(context, one)}`,
        );
      }
    },
  },
];

function exhaustion(context: LintContext, { object = '' }: LivepatchRelocations): string {
  const reload = firstExhaustion(context, object);
  return reload === undefined ? '' : `; there is none left at reload ${reload}`;
}

/** One hit for a section: the first of its records that a fault concerns, and how many there are. */
function* summarized(
  context: LintContext,
  section: LivepatchRelocations,
  concerns: (record: LivepatchRecord) => boolean,
  message: (count: number) => string,
): Generator<Hit> {
  const records = [...context.records([section])].filter(
    (record) => record.rule?.verdict === 'applied' && concerns(record),
  );
  const [first] = records;
  if (first !== undefined) yield { ...recordHit(first), message: message(records.length) };
}

/** A branch that goes to its target directly where that is in reach. */
function mayDoWithoutSlot({ architecture }: LintContext, { rule }: LivepatchRecord): boolean {
  if (rule?.verdict !== 'applied') return false;
  const letters = new Map(Object.entries(architecture.linkage?.letters ?? {}));
  return rule.formula.letters.some((letter) => letters.get(letter)?.direct !== undefined);
}

function isCleared({ architecture, kernel }: LintContext): boolean {
  return architecture.livepatch !== undefined && clearSupport(architecture.livepatch, kernel) !== undefined;
}
