import type { Hazard, SpecialSection } from '@kelp/core';
import type { Section } from '@kelp/core/elf';
import type { LintContext, LivepatchRecord } from './context.ts';
import { keyField, layoutOf, rewrittenRanges, type RewrittenRange } from './rewritten-code.ts';
import { moduleLoader, type Hit, type LintRule } from './rule.ts';
import { recordHit } from './symbol-rules.ts';

// Rules about relocations of modules in special sections and in code that the kernel rewrites: KLP5. All of them are
// written after module_finalize() and after the notifiers of the livepatch module, even where the target is there first.

const later =
  'Resolve it before the livepatch is loaded: use a symbol of vmlinux, an ordinary relocation to an export, or code without it.';

export const specialRules: readonly LintRule[] = [
  {
    code: 'KLP501',
    name: 'key-in-module',
    severity: 'error',
    moment: 'enable',
    title: 'A static branch or static call has its key in a module',
    advice:
      'Ask for the value of the key: static_key_enabled() for a branch, an indirect call for a static call. Tracepoints and pr_debug() of the module have to go.',
    source: { file: 'kernel/jump_label.c', symbol: 'jump_label_add_module' },
    check: (context) => specialHits(context, 'key'),
  },
  {
    code: 'KLP502',
    name: 'sorted-table',
    severity: 'error',
    moment: 'enable',
    title: 'A late relocation changes a table that the kernel has sorted',
    advice: later,
    source: moduleLoader('post_relocation'),
    check: (context) => specialHits(context, 'sorted'),
  },
  {
    code: 'KLP503',
    name: 'special-section',
    severity: 'error',
    moment: 'enable',
    title: 'A late relocation changes a special section',
    advice: later,
    source: moduleLoader('prepare_coming_module'),
    check: (context) => specialHits(context, 'other'),
  },
  {
    code: 'KLP504',
    name: 'rewritten-instruction',
    severity: 'error',
    moment: 'target',
    title: 'A late relocation changes an instruction that the kernel rewrites first',
    advice:
      'Keep what the kernel patches free of references to the module: call through a pointer, or leave the alternative out.',
    source: moduleLoader('post_relocation'),
    check: (context) => rewrittenHits(context, 'code'),
  },
  {
    code: 'KLP505',
    name: 'copied-instruction',
    severity: 'error',
    moment: 'run',
    title: 'A late relocation changes a replacement that was copied already',
    advice:
      'Keep replacement code free of references to the module: the code that runs is an unrelocated copy.',
    source: moduleLoader('post_relocation'),
    check: (context) => rewrittenHits(context, 'copy'),
  },
  {
    code: 'KLP506',
    name: 'placeholder-constant',
    severity: 'error',
    moment: 'run',
    title: 'The livepatch has a constant of the kernel image that nothing patches in a module',
    advice: 'Rewrite the function without the constant: read the variable that it stands for.',
    source: { file: 'include/asm-generic/vmlinux.lds.h', symbol: 'RUNTIME_CONST' },
    *check({ object, architecture, kernel }) {
      for (const { index, name, size } of object.sections) {
        const row = index === 0 || size === 0 ? undefined : architecture.specialSection(name, kernel);
        if (row?.phase === 'boot' && row.patchesCode === true && row.hazard.level === 'high')
          yield { message: sentence(row.hazard.reason), place: { section: name, offset: 0 } };
      }
    },
  },
];

const severities = { high: 'error', data: 'note', low: 'note', none: undefined } as const satisfies Record<
  Hazard['level'],
  Hit['severity']
>;

/** Late records in sections that rows know, by the most special thing that can be said. */
function* specialHits(context: LintContext, wanted: 'key' | 'other' | 'sorted'): Generator<Hit> {
  for (const one of context.lateSections) {
    const { target } = one;
    const row =
      target === undefined ? undefined : context.architecture.specialSection(target.name, context.kernel);
    if (target === undefined || row === undefined) continue;
    const isKey = keyPlaces(context, target);
    for (const record of context.records([one])) {
      if (changesNothing(record) || kindOf(row, isKey(record.offset)) !== wanted) continue;
      const severity = wanted === 'other' ? severities[row.hazard.level] : 'error';
      if (severity === undefined) continue;
      const entry = entryAt(context, target, record.offset);
      yield { ...recordHit(record), severity, message: `${entry}${sentence(row.hazard.reason)}` };
    }
  }
}

function kindOf({ sorted }: SpecialSection, isKey: boolean): 'key' | 'other' | 'sorted' {
  if (isKey) return 'key';
  return sorted === true ? 'sorted' : 'other';
}

function keyPlaces(context: LintContext, section: Section): (offset: number) => boolean {
  const name = keyField(context, section);
  const layout = name === undefined ? undefined : layoutOf(context, section);
  const field = new Map(Object.entries(layout?.fields ?? {})).get(name ?? '');
  return (offset) => layout !== undefined && field !== undefined && offset % layout.size === field.offset;
}

/** `entry 3, field key: `; empty where the section has no entries of a known size. */
function entryAt(context: LintContext, section: Section, offset: number): string {
  const layout = layoutOf(context, section);
  if (layout === undefined) return '';
  const field = Object.entries(layout.fields).find(([, one]) => one.offset === offset % layout.size)?.[0];
  const entry = Math.floor(offset / layout.size);
  return field === undefined ? `entry ${entry}: ` : `entry ${entry}, field ${field}: `;
}

const consequences = {
  code: 'what the relocation changes was rewritten when the livepatch was loaded',
  copy: 'what the relocation changes was copied over other code when the livepatch was loaded',
} as const;

function* rewrittenHits(context: LintContext, kind: RewrittenRange['kind']): Generator<Hit> {
  let ranges: ReturnType<typeof rewrittenRanges> | undefined;
  for (const record of context.records(context.lateSections)) {
    const { target } = record.relocations;
    if (target === undefined || changesNothing(record)) continue;
    // A section of replacements has a rule of its own.
    if ((context.architecture.specialSection(target.name, context.kernel)?.hazard.level ?? 'none') === 'high')
      continue;
    ranges ??= rewrittenRanges(context);
    const size = record.rule?.verdict === 'applied' ? record.rule.field.size : 1;
    const range = ranges
      .get(target.index)
      ?.find((one) => one.kind === kind && record.offset < one.end && record.offset + size > one.start);
    if (range !== undefined) yield { ...recordHit(record), message: `${range.by}: ${consequences[kind]}` };
  }
}

/** The loader does nothing for the record, or refuses it, which another rule says. */
function changesNothing({ rule }: LivepatchRecord): boolean {
  return rule?.verdict !== 'applied';
}

/** Without its period. */
function sentence(text: string): string {
  return text.replace(/\.$/u, '');
}
