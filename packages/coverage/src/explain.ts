import { describeApplicability, finalizationSteps, isPointer, matchesName, type Architecture, type EntryField, type Field, type LateStore, type RelocationRule, type RelocationType, type SpecialSection, type Step } from '@kelp/core';

/** One term and what there is to say about it. */
export interface Explanation {
  readonly term: string;
  readonly text: string;
}

/** A relocation type or special section in words. */
export interface ExplainedFeature {
  readonly architecture: string;
  readonly title: string;
  readonly name: string;
  readonly kind: 'relocation' | 'section';
  readonly facts: readonly Explanation[];
  /** Rules of a relocation type or entry layouts of a section, one for each range of kernels. */
  readonly variants: readonly { readonly applies: string; readonly facts: readonly Explanation[] }[];
}

/**
 * Everything the tables say about a name: a relocation type with or without its `R_..._` prefix, its number, or a
 * section name.
 *
 * @returns one entry for each architecture that knows the name; empty where none does.
 */
export function explain(architectures: readonly Architecture[], name: string): readonly ExplainedFeature[] {
  return architectures.flatMap((architecture) => [
    ...architecture.relocationTypes
      .filter((type) => isNamed(type, name))
      .map((type) => explainRelocation(architecture, type)),
    ...explainSection(architecture, name),
  ]);
}

function isNamed(type: RelocationType, name: string): boolean {
  const wanted = name.toUpperCase();
  // R_X86_64_PC32 and R_390_64 alike: the prefix ends at the second or third underscore.
  const short = type.name.replace(/^R_(?:X86_64|PPC64|390|AARCH64|[A-Z0-9]+)_/u, '');
  return type.name === wanted || short === wanted || String(type.number) === name;
}

function explainRelocation(architecture: Architecture, type: RelocationType): ExplainedFeature {
  const letters = new Set(type.rules.flatMap((rule) => (rule.verdict === 'applied' ? rule.formula.letters : [])));
  const linkage = Object.entries(architecture.linkage?.letters ?? {}).filter(([letter]) => letters.has(letter));
  return {
    architecture: architecture.id,
    title: architecture.title,
    name: type.name,
    kind: 'relocation',
    facts: [
      { term: 'Number', text: String(type.number) },
      { term: 'Defined in', text: architecture.abi },
      ...linkage.map(([letter, { meaning }]) => ({ term: letter, text: meaning })),
      ...lateStores(architecture, type).map(({ applies, function: store, readOnly, note }) => ({
        term: 'Late store',
        text: `${store}, ${readOnly ? 'writes read-only memory too' : 'faults on read-only memory'} (${describeApplicability(applies)})${note === undefined ? '' : `; ${note}`}`,
      })),
      ...toolFacts(architecture, type.name),
    ],
    variants: type.rules.map((rule) => ({ applies: describeApplicability(rule.applies), facts: ruleFacts(rule) })),
  };
}

function lateStores({ livepatch }: Architecture, type: RelocationType): readonly LateStore[] {
  const accepted = type.rules.some(({ verdict }) => verdict === 'applied');
  if (livepatch === undefined || !accepted) return [];
  const own = livepatch.lateStores.filter(({ types }) => types?.includes(type.number) === true);
  return own.length > 0 ? own : livepatch.lateStores.filter(({ types }) => types === undefined);
}

function ruleFacts(rule: RelocationRule): readonly Explanation[] {
  const source = { term: 'Kernel source', text: sourceText(rule.source) };
  const note = rule.note === undefined ? [] : [{ term: 'Note', text: rule.note }];
  if (rule.verdict === 'ignored') return [{ term: 'Loader', text: 'accepts it and does nothing' }, ...note, source];
  if (rule.verdict === 'refused') return [{ term: 'Loader', text: `refuses the module with ${rule.errno}` }, ...note, source];
  return [
    { term: 'Loader', text: 'applies it' },
    { term: 'Formula', text: rule.formula.text },
    { term: 'Field', text: fieldText(rule.field) },
    { term: 'Steps', text: rule.steps.map(stepText).join(', then ') },
    ...note,
    source,
  ];
}

function fieldText({ size, shift, parts, byteOrder }: Field): string {
  const [part] = parts;
  const isWhole = parts.length === 1 && part?.width === size * 8;
  const where = parts.map(({ at, width, from }) => `value bits ${from + width - 1}:${from} at bits ${at + width - 1}:${at}`).join(', ');
  const order = byteOrder === undefined ? '' : `, ${byteOrder}-endian`;
  const shifted = shift === 0 ? '' : `, value shifted right by ${shift}`;
  return `${size} bytes at the place${order}${isWhole ? '' : `: ${where}, the rest is kept`}${shifted}`;
}

function stepText(step: Step): string {
  switch (step.kind) {
    case 'write':
      return 'store the value';
    case 'existing-zero':
      return `the field must be zero, else ${step.errno}`;
    case 'range':
      return `the shifted value must lie in ${hex(step.min)} to ${hex(step.max)}, else ${step.errno}`;
    case 'aligned':
      return `the value must be a multiple of ${step.to}, else ${step.errno}`;
    case 'special':
      return `${step.special.name}: ${step.special.description}`;
  }
}

function explainSection(architecture: Architecture, name: string): readonly ExplainedFeature[] {
  const rows = architecture.specialSections.filter((row) => row.name === name || matchesName(row, name));
  return rows.map((row) => ({
    architecture: architecture.id,
    title: architecture.title,
    name: row.name,
    kind: 'section',
    facts: sectionFacts(architecture, row),
    variants: row.layouts.map((layout) => ({
      applies: describeApplicability(layout.applies),
      facts: [
        { term: 'Entry', text: `${layout.size} bytes${layout.lastSize === undefined ? '' : `, the last one ${layout.lastSize}`}` },
        ...Object.entries(layout.fields).map(([field, one]) => ({ term: `+${one.offset}`, text: `${field}: ${entryFieldText(one)}` })),
        { term: 'Defined in', text: layout.structure },
      ],
    })),
  }));
}

function sectionFacts(architecture: Architecture, row: SpecialSection): readonly Explanation[] {
  const consumer = row.consumer === undefined ? 'nothing in the kernel' : sourceText(row.consumer);
  const changes = [row.patchesCode === true ? 'rewrites instructions' : [], row.sorted === true ? 'sorts the entries in place' : []].flat();
  return [
    { term: 'Kernels', text: describeApplicability(row.applies) },
    { term: 'Configuration', text: row.config ?? 'always' },
    { term: 'Read by', text: `${consumer}, phase ${row.phase}` },
    ...(changes.length === 0 ? [] : [{ term: 'Which', text: changes.join(' and ') }]),
    { term: 'Effect', text: row.effect },
    { term: 'Hazard for livepatches', text: `${row.hazard.level}: ${row.hazard.reason}` },
    ...finalizationFacts(architecture, row),
    ...toolFacts(architecture, row.name),
  ];
}

/** Where the section's consumer stands among the steps that make a relocated module run. */
function finalizationFacts({ finalization }: Architecture, row: SpecialSection): readonly Explanation[] {
  return finalization.flatMap((order) => {
    const steps = finalizationSteps(order);
    const at = steps.findIndex(({ sections }) => sections.some((name) => name === row.name || matchesName({ name }, row.name)));
    const step = steps[at];
    if (step === undefined) return [];
    const place = step.inHeaderOrder === true ? 'in the order of the section headers' : `step ${at + 1} of ${steps.length}`;
    return [{ term: 'Finalization', text: `${step.name}, ${step.function}(), ${place} (${describeApplicability(order.applies)})` }];
  });
}

function toolFacts({ support }: Architecture, name: string): readonly Explanation[] {
  return support.tools
    .filter(({ feature }) => feature === name)
    .map(({ tool, state, note, applies }) => ({
      term: tool,
      text: `${state} (${describeApplicability(applies)})${note === undefined ? '' : `: ${note}`}`,
    }));
}

function entryFieldText(field: EntryField): string {
  const width = `${field.size * 8}-bit`;
  const words: Readonly<Record<EntryField['kind'], string>> = {
    'pc-relative': `${width} distance from the field itself`,
    'entry-relative': `${width} distance from the start of the entry`,
    absolute: `${width} address`,
    unsigned: `${width} unsigned number`,
    signed: `${width} signed number`,
    bits: `${width} of bit-fields`,
    characters: `${field.size} bytes of text or data`,
    padding: `${field.size} bytes of padding`,
  };
  const flags = field.flags === undefined ? '' : `, flags in its low bits (mask 0x${field.flags.toString(16)})`;
  const optional = isPointer(field) && field.optional === true ? ', may be empty' : '';
  return `${words[field.kind]}${flags}${optional}`;
}

function sourceText({ file, symbol }: { readonly file: string; readonly symbol?: string }): string {
  return symbol === undefined ? file : `${file}: ${symbol}`;
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
