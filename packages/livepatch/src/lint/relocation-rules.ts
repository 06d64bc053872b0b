import { appliesTo, refusedLoads, relocationRule, type RefusedLoad } from '@kelp/core';
import type { LintContext } from './context.ts';
import { livepatchCore, moduleLoader, type Hit, type LintRule, type Moment } from './rule.ts';
import { momentOf, recordHit } from './symbol-rules.ts';

// Rules about types and fields that the loader of the architecture refuses: KLP4.

export const relocationRules: readonly LintRule[] = [
  {
    code: 'KLP401',
    name: 'type-refused',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The kernel does not accept a relocation type',
    advice:
      'Compile with the options of the kernel: no GOT where its loader makes none, the same code model.',
    source: moduleLoader('apply_relocations'),
    check: (context) => refusals(context, 'type'),
  },
  {
    code: 'KLP402',
    name: 'type-none',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'A relocation that was replaced by type NONE is refused',
    advice:
      'Remove the records: objtool klp post-link leaves them behind, and this architecture accepts no type NONE.',
    source: { file: 'tools/objtool/klp-post-link.c', symbol: 'cmd_klp_post_link' },
    check: (context) => refusals(context, 'none'),
  },
  {
    code: 'KLP403',
    name: 'field-not-zero',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'A field that the loader wants to be zero holds something',
    advice:
      'Clear the field in the file: the addend stands in the record only, and no field is relocated twice.',
    source: moduleLoader('apply_relocations'),
    check: (context) => refusals(context, 'field'),
  },
  {
    code: 'KLP404',
    name: 'instruction',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The instruction at a relocation, or the one behind it, is not what the loader wants',
    advice: 'Compile calls to other modules as calls through a stub: -mcmodel=medium, and a nop behind each.',
    source: { file: 'arch/powerpc/kernel/module_64.c', symbol: 'restore_r2' },
    check: (context) => refusals(context, 'instruction'),
  },
  {
    code: 'KLP405',
    name: 'out-of-range',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The value of a relocation does not fit, or its place lies outside the section',
    advice: 'Keep code and data that refer to each other in reach, and offsets inside their section.',
    source: moduleLoader('apply_relocations'),
    check: (context) => refusals(context, 'range'),
  },
  {
    code: 'KLP406',
    name: 'section-of-rel',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'Relocations without addends',
    advice: 'Write SHT_RELA sections: the loaders of 64-bit architectures accept no SHT_REL.',
    source: moduleLoader('apply_relocations'),
    check: (context) => refusals(context, 'rel'),
  },
  {
    code: 'KLP407',
    name: 'section-missing',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'A section is missing that the loader of the architecture needs',
    advice: 'Link with scripts/module.lds and the module-common.o of the kernel.',
    source: moduleLoader('module_frob_arch_sections'),
    check: (context) => refusals(context, 'missing'),
  },
  {
    code: 'KLP408',
    name: 'relocated-twice',
    severity: 'error',
    moment: 'target',
    title: 'A livepatch relocation changes what another relocation changes, too',
    advice: 'Remove the ordinary relocation when it is converted to one of livepatch.',
    source: livepatchCore('klp_write_section_relocs'),
    check: doubleHits,
  },
];

type Kind = 'field' | 'instruction' | 'missing' | 'none' | 'range' | 'rel' | 'type';

function* refusals(context: LintContext, kind: Kind): Generator<Hit> {
  const { late, refused } = refusalsOf(context);
  for (const one of refused) {
    if (kindOf(context, one) !== kind) continue;
    const object =
      one.offset === undefined ? undefined : late.get(placeKey(one.section, one.offset, one.type ?? 0));
    const moment: Moment = object === undefined ? 'load' : 'target';
    yield {
      message: one.reason,
      moment,
      errno: one.errno,
      place: { section: one.section, offset: one.offset ?? 0 },
      ...(object === undefined ? {} : { object }),
      ...(one.symbol === undefined ? {} : { symbol: one.symbol }),
      ...(one.type === undefined ? {} : { type: one.typeName ?? `unknown(${one.type})` }),
    };
  }
}

interface Refusals {
  readonly refused: readonly RefusedLoad[];
  /** Objects by place of their records. */
  readonly late: ReadonlyMap<string, string>;
}

const known = new WeakMap<LintContext, Refusals>();

/** What the loader refuses, computed once for all rules. */
function refusalsOf(context: LintContext): Refusals {
  const found = known.get(context) ?? {
    refused: [...refusedLoads(context.object, context.architecture, context.kernel)],
    late: new Map(
      [...context.records(context.lateSections)].map(
        ({ relocations: { target, object = '' }, offset, type }) => [
          placeKey(target?.name ?? '', offset, type),
          object,
        ],
      ),
    ),
  };
  known.set(context, found);
  return found;
}

function placeKey(section: string, offset: number, type: number): string {
  return `${type} ${offset} ${section}`;
}

function kindOf(
  { architecture, kernel, object }: LintContext,
  { section, offset, type, reason }: RefusedLoad,
): Kind {
  if (type === undefined || offset === undefined) {
    const isMissing = architecture.linkage?.requiredSections?.some(
      ({ name, applies }) =>
        name === section && appliesTo(applies, kernel) && object.section(name) === undefined,
    );
    return isMissing === true ? 'missing' : 'rel';
  }
  const row = architecture.relocationType(type);
  const rule = row === undefined ? undefined : relocationRule(row, kernel);
  if (rule === undefined || rule.verdict !== 'applied')
    return row?.name.endsWith('_NONE') === true ? 'none' : 'type';
  const target = object.section(section);
  if (target === undefined || offset + rule.field.size > target.size) return 'range';
  if (
    rule.steps.some(({ kind }) => kind === 'existing-zero') &&
    isFilled(target.bytes, offset, rule.field.size)
  )
    return 'field';
  return rule.steps.some(({ kind }) => kind === 'special') && !reason.startsWith('value ')
    ? 'instruction'
    : 'range';
}

function isFilled(bytes: Uint8Array, offset: number, size: number): boolean {
  return bytes.subarray(offset, offset + size).some((byte) => byte !== 0);
}

/** Bytes of a section that relocations change, by their starts. */
class ChangedPlaces {
  readonly #starts = new Map<number, Map<number, number>>();

  add(section: number, start: number, size: number): void {
    const starts = this.#starts.get(section) ?? new Map<number, number>();
    this.#starts.set(section, starts);
    starts.set(start, Math.max(size, starts.get(start) ?? 0));
  }

  overlaps(section: number, start: number, size: number): boolean {
    const starts = this.#starts.get(section);
    if (starts === undefined) return false;
    // No field has more than 8 bytes.
    for (let at = start - 7; at < start + size; at++) {
      const length = starts.get(at);
      if (length !== undefined && at + length > start) return true;
    }
    return false;
  }
}

function* doubleHits(context: LintContext): Generator<Hit> {
  const places = ordinaryPlaces(context);
  for (const record of context.records(context.livepatch.relocations)) {
    const { target } = record.relocations;
    if (target === undefined || record.rule?.verdict !== 'applied') continue;
    const { size } = record.rule.field;
    if (places.overlaps(target.index, record.offset, size)) {
      const refused = record.rule.steps.some(({ kind }) => kind === 'existing-zero');
      yield {
        ...recordHit(record),
        ...momentOf(record.relocations.object),
        message: refused
          ? 'the field is not zero any more when the second one comes'
          : 'the second one overwrites the first',
        errno: refused ? 'ENOEXEC' : null,
      };
    }
    places.add(target.index, record.offset, size);
  }
}

function ordinaryPlaces({ object, architecture, kernel }: LintContext): ChangedPlaces {
  const places = new ChangedPlaces();
  for (const section of object.sections) {
    const records = section.isLivepatchRelocation ? undefined : object.relocations(section);
    for (let index = 0; index < (records?.count ?? 0); index++) {
      const type = records === undefined ? undefined : architecture.relocationType(records.type(index));
      const rule = type === undefined ? undefined : relocationRule(type, kernel);
      if (records !== undefined && rule?.verdict === 'applied')
        places.add(section.info, records.offset(index), rule.field.size);
    }
  }
  return places;
}
