import {
  appliesTo,
  hasOption,
  type Applicability,
  type Kernel,
  type LinkagePlan,
  type SectionChange,
} from '@kelp/core';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_NOBITS,
  type ObjectFile,
  type Section,
} from '@kelp/core/elf';

/** A section at its place in an area. */
export interface SectionPlacement {
  readonly section: Section;
  /** Bytes from the start of the area. */
  readonly offset: number;
  /** Bytes in memory. */
  readonly size: number;
  /** The section starts as zeros. */
  readonly noBits: boolean;
  /** What the memory is protected as once the module is formed. */
  readonly protection: Protection;
}

/** Kinds of module memory: code and constants are read-only, `ro_after_init` is once init has returned. */
export type Protection = 'text' | 'rodata' | 'ro_after_init' | 'data';

/** By round of {@link inRound}. */
const protections: readonly Protection[] = ['text', 'rodata', 'ro_after_init', 'data'];

/** One allocation of a module: the kernel takes its memory at once, and addresses of two areas are unrelated. */
export interface Area {
  /** `text`, `data`, `rodata`, `ro_after_init`, `init_text` ...; up to 6.3 `core` and `init`. */
  readonly name: string;
  readonly init: boolean;
  readonly size: number;
  readonly placements: readonly SectionPlacement[];
}

/** layout_sections() of one range of kernels. */
interface LayoutRule {
  readonly applies: readonly Applicability[];
  /** Area of each of the four rounds of masks, core and init. */
  readonly core: readonly [string, string, string, string];
  readonly init: readonly [string, string, string, string];
  /** Each round ends at a page boundary, because the rounds share one allocation and differ in protection. */
  readonly pageRounds: boolean;
}

/** kernel/module/main.c: layout_sections(); module_memory came with 6.4 (ac3b43283923). */
const rules: readonly LayoutRule[] = [
  {
    applies: [{ before: '6.4' }],
    core: ['core', 'core', 'core', 'core'],
    init: ['init', 'init', 'init', 'init'],
    pageRounds: true,
  },
  {
    applies: [{ since: '6.4' }],
    core: ['text', 'rodata', 'ro_after_init', 'data'],
    // The round of ro_after_init has no init area: such sections are taken by the round of writable data.
    init: ['init_text', 'init_rodata', 'init_data', 'init_data'],
    pageRounds: false,
  },
];

/** Sections that lose SHF_ALLOC before layout: rewrite_section_headers() and layout_and_allocate(). */
const neverLaidOut: ReadonlySet<string> = new Set([
  '.modinfo',
  '__versions',
  '__version_ext_crcs',
  '__version_ext_names',
  '.data..percpu',
]);

/** module_sections of module_mark_ro_after_init(). */
const roAfterInit: readonly { readonly name: string; readonly applies?: readonly Applicability[] }[] = [
  { name: '.data..ro_after_init' },
  { name: '__jump_table' },
  // Seen in 7.2, not in 6.12.
  { name: '.static_call_sites', applies: [{ since: '7.2' }] },
];

/** Lay out a module as the kernel does: which section goes to which area, at which offset. */
export function layOutModule(
  object: ObjectFile,
  kernel: Kernel,
  pageSize: number,
  plan: LinkagePlan | undefined,
): readonly Area[] {
  const rule = rules.find(({ applies }) => appliesTo(applies, kernel));
  if (rule === undefined) return [];
  const areas = new Map<string, GrowingArea>();
  const sections = object.sections.map((section) => describeSection(section, kernel, plan));
  for (const init of [false, true]) {
    for (const [round, name] of (init ? rule.init : rule.core).entries()) {
      const area =
        areas.get(name) ?? new GrowingArea(name, init, !init && round === 0 ? (plan?.textPrefix ?? 0) : 0);
      areas.set(name, area);
      for (const one of sections) {
        if (one.init === init && !one.placed && inRound(one, round))
          area.place(one, protections[round] ?? 'data');
      }
      if (rule.pageRounds && isProtected(kernel)) area.align(pageSize);
    }
  }
  return [...areas.values()].map((area) => area.finish());
}

/** strict_align(): without STRICT_MODULE_RWX rounds need no pages of their own. */
function isProtected(kernel: Kernel): boolean {
  return kernel.configuration === undefined || hasOption(kernel, 'STRICT_MODULE_RWX');
}

interface LaidOutSection {
  readonly section: Section;
  readonly init: boolean;
  readonly flags: bigint;
  readonly roAfterInit: boolean;
  readonly size: number;
  readonly alignment: number;
  readonly noBits: boolean;
  placed: boolean;
}

function describeSection(section: Section, kernel: Kernel, plan: LinkagePlan | undefined): LaidOutSection {
  const change: SectionChange = plan?.sections.get(section.index) ?? {};
  const name = section.index === 0 ? '' : section.name;
  const executable = change.executable === true ? SHF_ALLOC | SHF_EXECINSTR : 0n;
  return {
    section,
    init: plan?.withoutInit !== true && name.startsWith('.init'),
    flags: neverLaidOut.has(name) ? 0n : section.flags | executable,
    roAfterInit: roAfterInit.some((one) => one.name === name && appliesTo(one.applies, kernel)),
    size: change.size ?? section.size,
    alignment: Math.max(1, change.alignment ?? Number(section.alignment)),
    noBits: change.noBits === true || section.type === SHT_NOBITS,
    placed: false,
  };
}

/** The four masks of layout_sections(); ARCH_SHF_SMALL is 0 on every architecture that has livepatching. */
function inRound({ flags, roAfterInit: late }: LaidOutSection, round: number): boolean {
  if ((flags & SHF_ALLOC) === 0n) return false;
  if (round === 0) return (flags & SHF_EXECINSTR) !== 0n;
  if (round === 1) return (flags & SHF_WRITE) === 0n;
  return round === 2 ? late : (flags & SHF_WRITE) !== 0n;
}

class GrowingArea {
  readonly #name: string;
  readonly #init: boolean;
  readonly #placements: SectionPlacement[] = [];
  #size: number;

  constructor(name: string, init: boolean, size: number) {
    this.#name = name;
    this.#init = init;
    this.#size = size;
  }

  place(one: LaidOutSection, protection: Protection): void {
    const offset = roundUp(this.#size, one.alignment);
    this.#placements.push({ section: one.section, offset, size: one.size, noBits: one.noBits, protection });
    this.#size = offset + one.size;
    one.placed = true;
  }

  align(boundary: number): void {
    this.#size = roundUp(this.#size, boundary);
  }

  finish(): Area {
    return { name: this.#name, init: this.#init, size: this.#size, placements: this.#placements };
  }
}

/** The next multiple of a boundary. */
export function roundUp(value: number, boundary: number): number {
  return Math.ceil(value / boundary) * boundary;
}
