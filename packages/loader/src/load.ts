import {
  appliesTo,
  finalizationSteps,
  KelpError,
  matchesName,
  vmlinuxObject,
  type Architecture,
  type Errno,
  type FinalizationStep,
  type Finding,
  type Kernel,
  type Linker,
  type LinkagePlan,
  type Machine,
  type Phase,
  type PlacedSection,
  type Question,
  type RefusalCause,
} from '@kelp/core';
import { SHT_RELA, type ObjectFile, type Section } from '@kelp/core/elf';
import { Answers, withAnswers, type Witness } from './answers.ts';
import { consumeFtraceSites } from './ftrace-sites.ts';
import { LoadedImage, type ExternalSymbols, type PlacedArea } from './image.ts';
import { consumeJumpLabels } from './jump-labels.ts';
import { layOutModule, roundUp, type Area } from './layout.ts';
import { hasLivepatch, type LivepatchSymbols } from './livepatch-symbols.ts';
import { placeAreas } from './placement.ts';
import { relocate, type RelocationContext } from './relocate.ts';
import { sortExceptionTable } from './sorted-tables.ts';
import { consumeStaticCalls } from './static-calls.ts';
import { resolveSymbols } from './symbols.ts';

/** Everything that loading a module depends on. */
export interface LoadInput {
  readonly object: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly machine: Machine;
  /** Addresses of the areas by name, and of sections by name where they are known. */
  readonly addresses: {
    readonly areas?: ReadonlyMap<string, bigint>;
    readonly sections?: ReadonlyMap<string, bigint>;
  };
  readonly external: ExternalSymbols;
  /** What livepatch relocations against vmlinux are resolved with; absent: with `external`. */
  readonly livepatchSymbols?: LivepatchSymbols;
  /**
   * Modules whose livepatch relocations are applied with those of vmlinux, before finalization. No kernel does so: it is
   * how a livepatch would be loaded if none of its modules could come later.
   */
  readonly earlyObjects?: ReadonlySet<string>;
  /** Start of the module's block of per-CPU memory; absent: it has none. */
  readonly perCpuAddress?: bigint;
  /** Answers to what the file does not decide, by `questionKey`. */
  readonly answers?: ReadonlyMap<string, string>;
  /** Answers that are likelier than the first candidate of a question, which stays open. */
  readonly likely?: ReadonlyMap<string, string>;
  /** Is told of every question of the load, whether it has an answer or not. */
  readonly witness?: Witness;
  /** Names of finalization steps to leave out, to see what they are responsible for. */
  readonly without?: ReadonlySet<string>;
}

/** Why a kernel refuses a module, and when. */
export interface LoadRefusal {
  readonly phase: Phase;
  readonly errno: Errno;
  readonly reason: string;
  /** Section that is relocated. Untrusted. */
  readonly section?: string;
  readonly offset?: number;
  /** Untrusted. */
  readonly symbol?: string;
  /** What kind of check refuses a relocation. */
  readonly cause?: RefusalCause;
  /** ELF64_R_TYPE of the relocation. */
  readonly type?: number;
  /** What was to be stored, or reached. */
  readonly value?: bigint;
  /** S + A. */
  readonly sum?: bigint;
  /** The record, by indices of its section in the file and of itself in the section. */
  readonly record?: { readonly section: number; readonly index: number };
  /** What the kernel's log says, where generic code says it. Untrusted. */
  readonly message?: string;
}

/** A module as it would stand in memory. */
export interface LoadedModule {
  readonly image: LoadedImage;
  readonly areas: readonly Area[];
  /** The kernel refuses the module; the image holds what it had written until then. */
  readonly refused: LoadRefusal | undefined;
  /** What the file does not decide and nobody answered; a likely answer or the first candidate of each was taken. */
  readonly open: readonly Question[];
  readonly findings: readonly Finding[];
  /** What relocating goes on with when livepatch relocations are applied late; undefined where it did not begin. */
  readonly relocation: RelocationContext | undefined;
}

/**
 * Load a module as a kernel does: layout, symbols, relocations, finalization. Nothing but the input decides the bytes.
 *
 * @throws KelpError for damaged tables, `load/no-address` where an area's address is needed and not known, or
 *   `load/too-large` for sections that no kernel has room for.
 */
export function loadModule(input: LoadInput): LoadedModule {
  const { object, architecture, kernel, machine } = input;
  const plan = architecture.linkage?.plan?.(object, kernel, withAnswers(machine, input.answers));
  const areas = layOutModule(object, kernel, machine.pageSize, plan);
  const { addresses, findings } = placeAreas(areas, input.addresses);
  const answers = new Answers(input.answers, input.likely, input.witness);
  const image = makeImage(input, areas, addresses, answers, plan?.order);
  const { refused, relocation } = runPhases(input, image, plan);
  return { image, areas, refused, open: answers.open, findings, relocation };
}

/** Bytes of one area: modules are far smaller, and no kernel has room for more. A damaged size is not worth the memory. */
const largestArea = 2 ** 28;

function makeImage(
  input: LoadInput,
  areas: readonly Area[],
  addresses: readonly bigint[],
  answers: Answers,
  order: LinkagePlan['order'] | undefined,
): LoadedImage {
  const placed = areas.map((area, index): PlacedArea => {
    if (area.size > largestArea) {
      const message = `the sections of ${area.name} have ${area.size} bytes, which no kernel has room for`;
      throw new KelpError('load/too-large', message, { file: input.object.file });
    }
    // The kernel allocates whole pages; what lies behind the last section can be written, too.
    const bytes = new Uint8Array(roundUp(area.size, input.machine.pageSize));
    for (const { section, offset, noBits } of area.placements)
      if (!noBits) bytes.set(inOrder(section, order?.get(section.index)), offset);
    return { area, address: addresses[index] ?? 0n, bytes };
  });
  const sections = placed.flatMap(({ area, address }): readonly PlacedSection[] =>
    area.placements.map(({ section: { index, name }, offset, size }) => ({
      index,
      name,
      address: address + BigInt(offset),
      size,
      init: area.init,
    })),
  );
  sections.sort((a, b) => a.index - b.index);
  const { object, kernel, machine, external } = input;
  return new LoadedImage({ object, kernel, machine, external, areas: placed, sections, answers });
}

/** sizeof(Elf64_Rela). */
const recordSize = 24;

/** The bytes of a section before it is relocated: records that a livepatch keeps stay as the linkage has sorted them. */
function inOrder({ type, bytes }: Section, order: Uint32Array | undefined): Uint8Array {
  if (order === undefined || type !== SHT_RELA) return bytes;
  // Not slice(): of a Buffer that is a view.
  const sorted = new Uint8Array(bytes);
  for (const [position, index] of order.entries())
    sorted.set(bytes.subarray(index * recordSize, (index + 1) * recordSize), position * recordSize);
  return sorted;
}

function runPhases(
  input: LoadInput,
  image: LoadedImage,
  plan: LinkagePlan | undefined,
): Pick<LoadedModule, 'refused' | 'relocation'> {
  const { architecture, kernel } = input;
  const missing = missingSection(input);
  if (missing !== undefined) return { refused: missing, relocation: undefined };
  const { values, refused } = resolveSymbols(image, architecture, input);
  if (refused !== undefined) return { refused: { phase: 'relocate', ...refused }, relocation: undefined };
  const linker: Linker | undefined = plan?.link(image);
  const livepatchSymbols = input.livepatchSymbols ?? ((_object, name) => listOf(image.externalSymbol(name)));
  const relocation: RelocationContext = {
    image,
    architecture,
    linker,
    values,
    order: plan?.order,
    external: new Map(),
    livepatchSymbols: hasLivepatch(architecture, kernel) ? livepatchSymbols : undefined,
    earlyObjects: new Set([vmlinuxObject, ...(input.earlyObjects ?? [])]),
  };
  return { refused: relocate(relocation) ?? finalize(input, image), relocation };
}

function listOf(found: bigint | undefined): readonly bigint[] {
  return found === undefined ? [] : [found];
}

/** module_frob_arch_sections() refuses a module without a section that the architecture puts something into. */
function missingSection({ object, architecture, kernel }: LoadInput): LoadRefusal | undefined {
  const missing = architecture.linkage?.requiredSections?.find(
    ({ name, applies }) => appliesTo(applies, kernel) && object.section(name) === undefined,
  );
  if (missing === undefined) return undefined;
  return { phase: 'layout', errno: missing.errno, reason: `the module has no section ${missing.name}` };
}

/** Generic consumers of special sections, by the name of their step. */
const generic: ReadonlyMap<
  string,
  (image: LoadedImage, architecture: Architecture, sections: readonly string[]) => void
> = new Map([
  ['sort-exception-table', sortExceptionTable],
  ['ftrace-call-sites', consumeFtraceSites],
  ['jump-labels', consumeJumpLabels],
  ['static-calls', consumeStaticCalls],
]);

function finalize({ architecture, kernel, without }: LoadInput, image: LoadedImage): LoadRefusal | undefined {
  const order = architecture.finalization.find(({ applies }) => appliesTo(applies, kernel));
  if (order === undefined) return undefined;
  for (const { step, section } of takeTurns(finalizationSteps(order), image)) {
    if (without?.has(step.name) === true) continue;
    generic.get(step.name)?.(image, architecture, step.sections);
    const refusal = step.patch?.(image, section);
    if (refusal !== undefined) return { phase: step.phase, ...refusal };
  }
  return undefined;
}

/** A step when its time has come. */
interface Turn {
  readonly step: FinalizationStep;
  /** The section that a pass over the section headers has come to. */
  readonly section?: PlacedSection;
}

/** Neighboring steps that are one pass over the section headers take turns, in the order of the sections they read. */
function takeTurns(steps: readonly FinalizationStep[], { sections }: LoadedImage): readonly Turn[] {
  const inPass = steps.filter(({ inHeaderOrder }) => inHeaderOrder === true);
  const pass = sections.flatMap((section): readonly Turn[] =>
    inPass
      .filter((step) => step.sections.some((name) => matchesName({ name }, section.name)))
      .map((step) => ({ step, section })),
  );
  const [first] = inPass;
  return steps.flatMap((step): readonly Turn[] => {
    if (step.inHeaderOrder !== true) return [{ step }];
    return step === first ? pass : [];
  });
}
