import {
  describeApplicability,
  finalizationSteps,
  isPointer,
  matchesName,
  type Applicability,
  type AppliedRule,
  type Architecture,
  type EntryField,
  type EntryLayout,
  type Field,
  type LateStore,
  type RelocationRule,
  type RelocationType,
  type SpecialSection,
  type Step,
} from '@kelp/core';

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
    ...sectionRows(architecture, name).map((row) => explainSection(architecture, row)),
  ]);
}

function isNamed(type: RelocationType, name: string): boolean {
  const wanted = name.toUpperCase();
  // R_X86_64_PC32 and R_390_64 alike: the prefix ends at the second or third underscore.
  const short = type.name.replace(/^R_(?:X86_64|PPC64|390|AARCH64|[A-Z0-9]+)_/u, '');
  return type.name === wanted || short === wanted || String(type.number) === name;
}

function explainRelocation(architecture: Architecture, type: RelocationType): ExplainedFeature {
  const letters = new Set(
    type.rules.flatMap((rule) => (rule.verdict === 'applied' ? rule.formula.letters : [])),
  );
  const linkage = Object.entries(architecture.linkage?.letters ?? {}).filter(([letter]) =>
    letters.has(letter),
  );
  return {
    architecture: architecture.id,
    title: architecture.title,
    name: type.name,
    kind: 'relocation',
    facts: [
      { term: 'Number', text: String(type.number) },
      { term: 'Defined in', text: architecture.abi },
      ...linkage.map(([letter, { meaning }]) => ({ term: letter, text: meaning })),
      ...lateStores(architecture, type).map(lateStoreFact),
      ...clearFacts(architecture, type),
      ...toolFacts(architecture, type.name),
    ],
    variants: relocationVariants(type),
  };
}

/** A type without rules is refused like an unknown number. */
function relocationVariants({ rules }: RelocationType): ExplainedFeature['variants'] {
  if (rules.length === 0)
    return [{ applies: 'all', facts: [{ term: 'Loader', text: 'refuses the module with ENOEXEC' }] }];
  return rules.map((rule) => ({ applies: kernelsText(rule.applies), facts: ruleFacts(rule) }));
}

/** Kernels in words, for lines that are about kernels. */
function kernelsText(applies: readonly Applicability[] | undefined): string {
  return applies === undefined ? 'all' : describeApplicability(applies);
}

/** Kernels in parentheses, left out where it is all of them. */
function inKernels(applies: readonly Applicability[] | undefined): string {
  return applies === undefined ? '' : ` (${describeApplicability(applies)})`;
}

function lateStoreFact({ applies, function: store, readOnly, note }: LateStore): Explanation {
  const memory = readOnly ? 'writes read-only memory too' : 'faults on read-only memory';
  return {
    term: 'Late store',
    text: `${store}, ${memory}${inKernels(applies)}${note === undefined ? '' : `. ${note}`}`,
  };
}

function lateStores({ livepatch }: Architecture, type: RelocationType): readonly LateStore[] {
  if (livepatch === undefined || !isApplied(type)) return [];
  const own = livepatch.lateStores.filter(({ types }) => types?.includes(type.number) === true);
  return own.length > 0 ? own : livepatch.lateStores.filter(({ types }) => types === undefined);
}

/** What becomes of the stored value when the target module of a livepatch goes. */
function clearFacts({ livepatch }: Architecture, type: RelocationType): readonly Explanation[] {
  if (livepatch === undefined || !isApplied(type)) return [];
  if (livepatch.clear === undefined) return [{ term: 'Late clear', text: 'no kernel clears it' }];
  return livepatch.clear.map(({ applies, source, effect }) => ({
    term: 'Late clear',
    text: `${sourceText(source)}${inKernels(applies)}. ${effect}`,
  }));
}

function isApplied({ rules }: RelocationType): boolean {
  return rules.some(({ verdict }) => verdict === 'applied');
}

function ruleFacts(rule: RelocationRule): readonly Explanation[] {
  const source = { term: 'Kernel source', text: sourceText(rule.source) };
  const note = rule.note === undefined ? [] : [{ term: 'Note', text: rule.note }];
  if (rule.verdict === 'ignored')
    return [{ term: 'Loader', text: 'accepts it and does nothing' }, ...note, source];
  if (rule.verdict === 'refused')
    return [{ term: 'Loader', text: `refuses the module with ${rule.errno}` }, ...note, source];
  return [
    { term: 'Loader', text: 'applies it' },
    { term: 'Formula', text: rule.formula.text },
    { term: 'Field', text: fieldText(rule.field) },
    ...stepFacts(rule),
    ...note,
    source,
  ];
}

function fieldText({ size, shift, parts, byteOrder }: Field): string {
  const [part] = parts;
  const isWhole = parts.length === 1 && part?.width === size * 8;
  const where = parts
    .map(({ at, width, from }) => `value bits ${from + width - 1}:${from} at bits ${at + width - 1}:${at}`)
    .join(', ');
  const order = byteOrder === undefined ? '' : `, ${byteOrder}-endian`;
  const shifted = shift === 0 ? '' : `, value shifted right by ${shift}`;
  return `${size} bytes at the place${order}${isWhole ? '' : `: ${where}, the rest is kept`}${shifted}`;
}

/** What the loader does with the value, in its order. */
function stepFacts({ steps, field }: AppliedRule): readonly Explanation[] {
  return steps.map((step, index) => ({
    term: steps.length === 1 ? 'Step' : `Step ${index + 1}`,
    text: stepText(step, field.shift === 0 ? 'the value' : `the value >> ${field.shift}`),
  }));
}

function stepText(step: Step, shifted: string): string {
  switch (step.kind) {
    case 'write':
      return `store ${shifted}`;
    case 'existing-zero':
      return `the field must hold zero, else ${step.errno}`;
    case 'range':
      return `${shifted} must lie in ${hex(step.min)} to ${hex(step.max)}, else ${step.errno}`;
    case 'aligned':
      return `the value must be a multiple of ${step.to}, else ${step.errno}`;
    case 'special':
      return step.special.description;
  }
}

/** All rows of the name, one for each range of kernels; rows of a pattern only where no row has the name itself. */
function sectionRows({ specialSections }: Architecture, name: string): readonly SpecialSection[] {
  const exact = specialSections.filter((row) => row.name === name);
  return exact.length > 0 ? exact : specialSections.filter((row) => matchesName(row, name));
}

function explainSection(architecture: Architecture, row: SpecialSection): ExplainedFeature {
  return {
    architecture: architecture.id,
    title: architecture.title,
    name: row.name,
    kind: 'section',
    facts: sectionFacts(architecture, row),
    variants: row.layouts.map((layout) => ({
      applies: kernelsText(layout.applies),
      facts: layoutFacts(layout),
    })),
  };
}

function layoutFacts(layout: EntryLayout): readonly Explanation[] {
  const last = layout.lastSize === undefined ? '' : `, the last one ${layout.lastSize}`;
  return [
    { term: 'Entry', text: `${layout.size} bytes${last}` },
    ...Object.entries(layout.fields).map(([field, one]) => ({
      term: `+${one.offset}`,
      text: `${field}: ${entryFieldText(one)}`,
    })),
    { term: 'Defined in', text: layout.structure },
  ];
}

function sectionFacts(architecture: Architecture, row: SpecialSection): readonly Explanation[] {
  const consumer = row.consumer === undefined ? 'nothing in the kernel' : sourceText(row.consumer);
  const changes = [
    row.patchesCode === true ? 'rewrites instructions' : [],
    row.sorted === true ? 'sorts the entries in place' : [],
  ].flat();
  return [
    { term: 'Kernels', text: kernelsText(row.applies) },
    ...(row.config === undefined ? [] : [{ term: 'Configuration', text: row.config }]),
    {
      term: 'Read by',
      text: `${consumer}, phase ${row.phase}${changes.length === 0 ? '' : `; ${changes.join(' and ')}`}`,
    },
    { term: 'Effect', text: row.effect },
    { term: 'Livepatch hazard', text: `${row.hazard.level}: ${row.hazard.reason}` },
    ...finalizationFacts(architecture, row),
    ...toolFacts(architecture, row.name),
  ];
}

/** Where the section's consumer stands among the steps that make a relocated module run. */
function finalizationFacts({ finalization }: Architecture, row: SpecialSection): readonly Explanation[] {
  return finalization.flatMap((order) => {
    const steps = finalizationSteps(order);
    const at = steps.findIndex(({ sections }) =>
      sections.some((name) => name === row.name || matchesName({ name }, row.name)),
    );
    const step = steps[at];
    if (step === undefined) return [];
    const place =
      step.inHeaderOrder === true
        ? 'in the order of the section headers'
        : `step ${at + 1} of ${steps.length}`;
    return [
      { term: 'Finalization', text: `${step.name}, ${step.function}(), ${place}${inKernels(order.applies)}` },
    ];
  });
}

function toolFacts({ support }: Architecture, name: string): readonly Explanation[] {
  return support.tools
    .filter(({ feature }) => feature === name)
    .map(({ tool, state, note, applies }) => ({
      term: tool,
      text: `${state}${inKernels(applies)}${note === undefined ? '' : `: ${note}`}`,
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
  const flags =
    field.flags === undefined ? '' : `, flags in its low bits (mask 0x${field.flags.toString(16)})`;
  const optional = isPointer(field) && field.optional === true ? ', may be empty' : '';
  return `${words[field.kind]}${flags}${optional}`;
}

function sourceText({ file, symbol }: { readonly file: string; readonly symbol?: string }): string {
  return symbol === undefined ? file : `${file}: ${symbol}`;
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
