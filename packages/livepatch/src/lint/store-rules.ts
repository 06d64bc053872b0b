import type { LateStore } from '@kelp/core';
import type { LintContext, LivepatchRecord } from './context.ts';
import { writes } from './played-record.ts';
import { moduleLoader, type Hit, type LintRule } from './rule.ts';
import { recordHit } from './symbol-rules.ts';

// Rules about writing into a livepatch that runs already: KLP6.

export const storeRules: readonly LintRule[] = [
  {
    code: 'KLP601',
    name: 'late-store-read-only',
    severity: 'error',
    moment: 'target',
    title: 'A late relocation faults in read-only memory',
    advice: 'Let writable data hold the address, .toc or .data, and the code load it from there.',
    source: moduleLoader('complete_formation'),
    check: (context) =>
      hitsOf(context, (_record, store, target) =>
        !store.readOnly && context.isReadOnly(target)
          ? `${store.function} into ${target.name}, which is read-only by then: the kernel dies`
          : undefined,
      ),
  },
  {
    code: 'KLP602',
    name: 'late-store-unaligned',
    severity: 'error',
    moment: 'run',
    title: 'A late relocation is lost',
    advice: 'Align the place: no packed structures, and alignment of the section itself.',
    source: { file: 'arch/arm64/kernel/patching.c', symbol: 'aarch64_insn_copy' },
    check: (context) =>
      hitsOf(context, ({ offset }, { alignment = 1, function: store }, target) =>
        offset % alignment !== 0 || Number(target.alignment) % alignment !== 0
          ? `${store} writes places that are multiples of ${alignment} only, and nothing says so`
          : undefined,
      ),
  },
  {
    code: 'KLP603',
    name: 'late-linkage-store',
    severity: 'warning',
    moment: 'target',
    title: 'A late relocation faults where it needs a new PLT entry or veneer',
    advice:
      'Call through a pointer in writable data, or keep kernel and modules in one region of 128 MiB (no full module KASLR).',
    source: { file: 'arch/arm64/kernel/module-plts.c', symbol: 'module_emit_plt_entry' },
    *check(context) {
      const hits = storeHits(context, (_record, { linkage, note = '' }) =>
        linkage === 'plain store' ? note.replace(/\.$/u, '') : undefined,
      );
      // A veneer that no formula speaks of is made for an erratum, at few places.
      for (const [hit, { rule }] of hits)
        yield usesLinkage(context, rule) ? hit : { ...hit, severity: 'note' };
    },
  },
];

/** Hits about records that change their place, and how the kernel stores them. */
function* storeHits(
  context: LintContext,
  judge: (
    record: LivepatchRecord,
    store: LateStore,
    target: NonNullable<LivepatchRecord['relocations']['target']>,
  ) => string | undefined,
): Generator<readonly [Hit, LivepatchRecord]> {
  for (const record of context.records(context.lateSections)) {
    const { target } = record.relocations;
    const store = context.store(record.type);
    if (target === undefined || store === undefined || record.rule?.verdict !== 'applied') continue;
    const message = judge(record, store, target);
    if (message !== undefined && writes(context, record)) yield [{ ...recordHit(record), message }, record];
  }
}

function* hitsOf(context: LintContext, judge: Parameters<typeof storeHits>[1]): Generator<Hit> {
  for (const [hit] of storeHits(context, judge)) yield hit;
}

/** The value depends on GOT, PLT, stubs or veneers. */
function usesLinkage({ architecture }: LintContext, rule: LivepatchRecord['rule']): boolean {
  if (rule?.verdict !== 'applied') return false;
  const letters = Object.keys(architecture.linkage?.letters ?? {});
  return rule.formula.letters.some((letter) => letters.includes(letter));
}
