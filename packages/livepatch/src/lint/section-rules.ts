import { livepatchRelocationPrefix, vmlinuxObject } from '@kelp/core';
import { SHF_ALLOC, SHT_RELA, type Section } from '@kelp/core/elf';
import type { LivepatchRelocations } from '../relocation-sections.ts';
import type { LintContext } from './context.ts';
import { livepatchCore, moduleLoader, quoted, type Hit, type LintRule } from './rule.ts';

// Rules about relocation sections that livepatch applies: KLP2.

export const sectionRules: readonly LintRule[] = [
  {
    code: 'KLP201',
    name: 'section-name',
    severity: 'error',
    moment: 'load',
    errno: 'EINVAL',
    title: 'The name of a livepatch relocation section has no object',
    advice: 'Name it .klp.rela.OBJECT.SECTION; the object ends at the first dot.',
    source: livepatchCore('klp_write_section_relocs'),
    check: (context) =>
      sectionHits(context, ({ object }) =>
        object === undefined ? 'the kernel cannot read an object in the name' : undefined,
      ),
  },
  {
    code: 'KLP202',
    name: 'section-object-length',
    severity: 'error',
    moment: 'never',
    title: 'The object in the name of a section is too long, and matches no object',
    advice: 'Give the name that the module has at run time, 55 characters at most.',
    source: livepatchCore('klp_write_section_relocs'),
    check: (context) =>
      sectionHits(context, ({ truncated, object = '' }) =>
        truncated ? `the kernel reads ${quoted(object)} only, and never applies the section` : undefined,
      ),
  },
  {
    code: 'KLP203',
    name: 'object-not-patched',
    severity: 'error',
    moment: 'never',
    title: 'Relocations wait for an object that the livepatch does not patch',
    advice:
      'Add a klp_object of that name: the kernel goes through the klp_objects only. Relocations against another module belong to the object whose functions use them.',
    source: livepatchCore('klp_module_coming'),
    check: (context) =>
      sectionHits(context, ({ object, truncated, records }) => {
        const { structures, objects } = context.livepatch;
        if (structures === undefined || object === undefined || truncated || object === vmlinuxObject)
          return undefined;
        if (records.count === 0 || objects.some(({ name, isModule }) => isModule && name === object))
          return undefined;
        return `no klp_object is named ${quoted(object)}, so that the ${records.count} relocations are never applied`;
      }),
  },
  {
    code: 'KLP204',
    name: 'section-not-loaded',
    severity: 'error',
    moment: 'target',
    title: 'Relocations are not kept for later',
    advice:
      'Set SHF_ALLOC: the kernel reads the records again whenever the object comes, from the memory of the module.',
    source: { file: 'kernel/module/livepatch.c', symbol: 'copy_module_elf' },
    check: (context) =>
      sectionHits(context, ({ section, object }) =>
        object !== vmlinuxObject && (section.flags & SHF_ALLOC) === 0n
          ? 'the section lacks SHF_ALLOC: its records are read from memory that was freed'
          : undefined,
      ),
  },
  {
    code: 'KLP205',
    name: 'section-type',
    severity: 'error',
    moment: 'load',
    title: 'A section with SHF_RELA_LIVEPATCH does not hold RELA records',
    advice:
      'Take the flag 0x00100000 off sections that are not SHT_RELA: the kernel takes whatever they hold for records.',
    source: moduleLoader('apply_relocations'),
    *check({ object }) {
      for (const section of object.sections) {
        if (section.isLivepatchRelocation && section.type !== SHT_RELA)
          yield {
            message: `sh_type is ${section.type}, expected SHT_RELA`,
            place: { section: section.name, offset: 0 },
          };
      }
    },
  },
  {
    code: 'KLP206',
    name: 'section-target',
    severity: 'error',
    moment: 'target',
    title: 'Relocations change a section that has no memory',
    advice:
      'Set sh_info to the section that is relocated; it needs SHF_ALLOC. Symbol and section indices must survive every later tool.',
    source: moduleLoader('apply_relocations'),
    check: (context) => sectionHits(context, (one) => targetFault(context, one)),
  },
  {
    code: 'KLP207',
    name: 'init-target',
    severity: 'error',
    moment: 'target',
    title: 'Late relocations change memory that is freed after init',
    advice: 'Move what needs relocations against a module out of .init sections.',
    source: moduleLoader('do_init_module'),
    check: (context) =>
      sectionHits(context, ({ object, target, records }) =>
        object !== vmlinuxObject &&
        records.count > 0 &&
        target !== undefined &&
        context.protection(target) === 'init'
          ? `${target.name} is gone when a module comes after the livepatch has finished its init`
          : undefined,
      ),
  },
  {
    code: 'KLP208',
    name: 'section-not-flagged',
    severity: 'error',
    moment: 'load',
    title: 'A livepatch relocation section is applied by the module loader',
    advice:
      'Set SHF_RELA_LIVEPATCH (0x00100000): without it the symbols are not resolved, and their value in the file, 0, is written.',
    source: moduleLoader('apply_relocations'),
    *check({ object }) {
      for (const section of object.sections) {
        if (isUnflagged(section))
          yield {
            message: 'the section lacks SHF_RELA_LIVEPATCH',
            place: { section: section.name, offset: 0 },
          };
      }
    },
  },
  {
    code: 'KLP209',
    name: 'not-converted',
    severity: 'error',
    moment: 'run',
    title: 'Relocations that a tool was to convert are still there',
    advice: 'Run `objtool klp post-link`, klp-convert or `kelp convert` on the module.',
    source: { file: 'tools/objtool/klp-post-link.c', symbol: 'cmd_klp_post_link' },
    check: unconvertedHits,
  },
];

function* sectionHits(
  { livepatch }: LintContext,
  judge: (relocations: LivepatchRelocations) => string | undefined,
): Generator<Hit> {
  for (const one of livepatch.relocations) {
    const message = judge(one);
    if (message === undefined) continue;
    const place = { section: one.section.name, offset: 0 };
    yield { message, place, ...(one.object === undefined ? {} : { object: one.object }) };
  }
}

function targetFault(
  context: LintContext,
  { section, object, target, records }: LivepatchRelocations,
): string | undefined {
  if (records.count === 0 || object === undefined) return undefined;
  const end =
    object === vmlinuxObject ? 'and is silently left out' : 'and is written to memory that was freed';
  if (target === undefined) return `sh_info is ${section.info}, which is no section, ${end}`;
  return target.isAllocated && context.protection(target) !== undefined
    ? undefined
    : `${quoted(target.name)} is not part of the loaded module, ${end}`;
}

function isUnflagged(section: Section): boolean {
  return (
    section.type === SHT_RELA &&
    section.name.startsWith(livepatchRelocationPrefix) &&
    !section.isLivepatchRelocation
  );
}

function* unconvertedHits({ object, livepatch }: LintContext): Generator<Hit> {
  for (const { section, count } of livepatch.intermediate) {
    const owner = section.name.replace(/^__klp_relocs\.?/u, '');
    const converted = livepatch.relocations.some((one) => owner === '' || one.object === owner);
    if (count > 0 && !converted)
      yield {
        message: `${count} relocations wait for objtool klp post-link`,
        place: { section: section.name, offset: 0 },
        ...(owner === '' ? {} : { object: owner }),
      };
  }
  for (const { name } of object.sections) {
    if (name.startsWith('.klp.module_relocs.'))
      yield {
        message: 'the annotations of klp-convert are still there',
        place: { section: name, offset: 0 },
      };
  }
}
