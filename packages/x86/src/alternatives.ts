import { appliesTo, type Applicability, type ModuleImage, type PlacedTable } from '@kelp/core';
import { featureId } from './features.ts';
import { withOptimizedNops } from './nop-optimization.ts';
import { isParavirtCall, paravirtCallBytes, type ParavirtCall } from './paravirt.ts';
import { movedCode } from './replacement.ts';
import { sectionTable } from './section-table.ts';
import { branchTarget, startsWith } from './text-generation.ts';

// apply_alternatives(), arch/x86/kernel/alternative.c.

/** An entry of .altinstructions. */
interface Alternative {
  readonly index: number;
  readonly address: bigint;
  /** Bytes that are replaced. */
  readonly length: number;
  readonly replacement: bigint;
  readonly replacementLength: number;
  /** Number of the feature. */
  readonly feature: number;
  /** Applied where the feature is off. */
  readonly not: boolean;
  /** The replacement calls BUG_func, in place of what the original calls through a pointer. */
  readonly directCall: boolean;
}

/** How a kernel reads the flags of an entry. */
interface FlagRule {
  readonly applies: readonly Applicability[];
  read(table: PlacedTable, entry: number): Pick<Alternative, 'feature' | 'not' | 'directCall'>;
}

const flagRules: readonly FlagRule[] = [
  {
    applies: [{ before: '6.3' }],
    read(table, entry) {
      const cpuid = Number(table.number(entry, 'cpuid'));
      return { feature: cpuid & 0x7fff, not: (cpuid & 0x8000) !== 0, directCall: false };
    },
  },
  {
    // 5d1dd961e743 ("x86/alternatives: Add alt_instr.flags"). ALT_FLAG_DIRECT_CALL came with 6.8; the bit was free.
    applies: [{ since: '6.3' }],
    read(table, entry) {
      const flags = Number(table.number(entry, 'flags'));
      const feature = Number(table.number(entry, 'cpuid'));
      return { feature, not: (flags & 1) !== 0, directCall: (flags & 2) !== 0 };
    },
  },
];

/** What a kernel does with neighboring entries for one address: nested alternatives. */
interface SiteRule {
  readonly applies: readonly Applicability[];
  /** All of them replace as many bytes as the longest. The kernel writes that into the table itself. */
  readonly length: 'own' | 'longest, written back' | 'longest';
  /** Every entry that is chosen is applied, in order, or only the last one. */
  readonly chosen: 'all' | 'last';
}

const siteRules: readonly SiteRule[] = [
  { applies: [{ before: '6.11' }], length: 'own', chosen: 'all' },
  // d2a793dae219 ("x86/alternatives: Add nested alternatives macros").
  { applies: [{ since: '6.11', before: '7.0' }], length: 'longest, written back', chosen: 'all' },
  // a4233c21e773 ("x86/alternative: Patch a single alternative location only once").
  { applies: [{ since: '7.0' }], length: 'longest', chosen: 'last' },
];

/** X86_FEATURE_ALWAYS. */
const always = 'ALWAYS';

/** Replace instructions by others where the CPU has a feature, and merge nops where it has not. */
export function applyAlternatives(image: ModuleImage): undefined {
  const table = sectionTable(image, '.altinstructions');
  const flags = flagRules.find(({ applies }) => appliesTo(applies, image.kernel));
  const rule = siteRules.find(({ applies }) => appliesTo(applies, image.kernel));
  if (table === undefined || flags === undefined || rule === undefined) return undefined;
  const entries = Array.from({ length: table.count }, (_, index): Alternative => ({
    index,
    address: table.pointer(index, 'instrOffset'),
    length: Number(table.number(index, 'instrlen')),
    replacement: table.pointer(index, 'replOffset'),
    replacementLength: Number(table.number(index, 'replacementlen')),
    ...flags.read(table, index),
  }));
  for (const site of neighbors(entries)) {
    const longest = Math.max(...site.map(({ length }) => length));
    if (rule.length === 'longest, written back') {
      for (const { index } of site) table.setNumber(index, 'instrlen', BigInt(longest));
    }
    patchSite(image, rule.length === 'own' ? site : site.map((one) => ({ ...one, length: longest })), rule);
  }
  table.commit(image, 'alternative');
  return undefined;
}

/** Runs of entries for one address. */
function neighbors(entries: readonly Alternative[]): readonly (readonly Alternative[])[] {
  const sites: Alternative[][] = [];
  for (const entry of entries) {
    const site = sites.at(-1);
    if (site?.[0]?.address === entry.address) site.push(entry);
    else sites.push([entry]);
  }
  return sites;
}

function patchSite(image: ModuleImage, site: readonly Alternative[], rule: SiteRule): void {
  const [first] = site;
  const length = Math.max(...site.map((one) => one.length));
  const original = first === undefined ? undefined : image.read(first.address, length);
  if (first === undefined || original === undefined) return;
  const patch: SitePatch = { image, site, rule, original, call: indirectCall(image, site, original) };
  const bytes = outcome(patch, chooseEntries(patch));
  if (!startsWith(original, bytes)) image.write(first.address, bytes, 'alternative');
}

/** The entries for one address, and what is there. */
interface SitePatch {
  readonly image: ModuleImage;
  readonly site: readonly Alternative[];
  readonly rule: SiteRule;
  readonly original: Uint8Array;
  /** What the original calls through a pointer. */
  readonly call: ParavirtCall | undefined;
}

/**
 * Which entries are chosen, from the last on: one that replaces all that an earlier one does hides it, and its feature
 * is not asked.
 */
function chooseEntries(patch: SitePatch): readonly boolean[] {
  const chosen = patch.site.map(() => false);
  for (let entry = patch.site.length - 1; entry >= 0; entry--) {
    const hidden = patch.site.some(
      (later, index) => chosen[index] === true && later.length >= (patch.site[entry]?.length ?? 0),
    );
    if (!hidden) chosen[entry] = isChosen(patch, entry, chosen);
  }
  return chosen;
}

function isChosen(patch: SitePatch, entry: number, later: readonly boolean[]): boolean {
  return knownChoice(patch, entry) ?? askChoice(patch, entry, later);
}

/** Whether an entry is chosen, as far as that is known. */
function knownChoice({ image, site }: SitePatch, entry: number): boolean | undefined {
  const alternative = site[entry];
  if (alternative === undefined) return undefined;
  const id = featureId(alternative.feature, image.kernel);
  const feature = id === always ? true : image.machine.feature(id);
  return feature === undefined ? undefined : feature !== alternative.not;
}

/** What may stand at the address in the end, and what that says about a feature. */
interface Possibility {
  readonly answer: 'off' | 'on';
  /** Undefined for a call whose target is not known yet. */
  readonly bytes: Uint8Array | undefined;
}

function askChoice(patch: SitePatch, entry: number, later: readonly boolean[]): boolean {
  const { image, site } = patch;
  const alternative = site[entry];
  if (alternative === undefined) return false;
  const [chosen, left] = alternative.not ? (['off', 'on'] as const) : (['on', 'off'] as const);
  const only = (one: number): readonly boolean[] => later.map((already, index) => already || index === one);
  const possible: readonly Possibility[] = [
    { answer: chosen, bytes: knownOutcome(patch, only(entry)) },
    ...earlierChoices(patch, entry).map((one) => ({ answer: left, bytes: knownOutcome(patch, only(one)) })),
  ];
  const candidates = possible
    .toSorted((a, b) => Number(a.answer === 'on') - Number(b.answer === 'on'))
    .map(({ answer, bytes }) => ({ answer, bytes: bytes ?? patch.original }));
  const answer = image.ask({
    kind: 'feature',
    id: featureId(alternative.feature, image.kernel),
    address: alternative.address,
    candidates,
    derive: (bytes) => tellFeature(patch, possible, bytes),
  });
  return answer === chosen;
}

/** Which entries before one may be the last that is chosen; -1 for none. */
function earlierChoices(patch: SitePatch, entry: number): readonly number[] {
  const choices: number[] = [];
  for (let earlier = entry - 1; earlier >= 0; earlier--) {
    const known = knownChoice(patch, earlier);
    if (known !== false) choices.push(earlier);
    if (known === true) return choices;
  }
  return [...choices, -1];
}

/** The one answer that goes with bytes: exactly, or but for one byte, such as a breakpoint over an instruction. */
function tellFeature(
  patch: SitePatch,
  possible: readonly Possibility[],
  memory: Uint8Array,
): string | undefined {
  return onlyAnswer(patch, possible, memory, 0) ?? onlyAnswer(patch, possible, memory, 1);
}

function onlyAnswer(
  { image, call }: SitePatch,
  possible: readonly Possibility[],
  memory: Uint8Array,
  mayDiffer: number,
): string | undefined {
  const isLike = ({ bytes }: Possibility): boolean => {
    if (bytes === undefined) return call !== undefined && isParavirtCall(image, call, memory);
    return bytes.reduce((sum, byte, index) => sum + Number(byte !== memory[index]), 0) <= mayDiffer;
  };
  const answers = new Set(possible.filter(isLike).map(({ answer }) => answer));
  const [answer] = answers;
  return answers.size === 1 ? answer : undefined;
}

/** The bytes in the end, or undefined where they hold a call of what the kernel chose. */
function knownOutcome(patch: SitePatch, chosen: readonly boolean[]): Uint8Array | undefined {
  const last = patch.site.findLastIndex((_, index) => chosen[index] === true);
  return patch.site[last]?.directCall === true ? undefined : outcome(patch, chosen);
}

/** The bytes in the end. */
function outcome(patch: SitePatch, chosen: readonly boolean[]): Uint8Array {
  const { image, site, rule, original } = patch;
  if (rule.chosen === 'last') {
    const last = site.findLast((_, index) => chosen[index] === true);
    return last === undefined
      ? withOptimizedNops(original, image.kernel)
      : (replaced(patch, last) ?? original);
  }
  const bytes = original.slice();
  for (const [index, one] of site.entries()) {
    const now = bytes.slice(0, one.length);
    bytes.set(
      (chosen[index] === true ? replaced(patch, one) : undefined) ?? withOptimizedNops(now, image.kernel),
    );
  }
  return bytes;
}

/** The replacement as it stands at the address; undefined where it cannot be read, or nobody knows what it calls. */
function replaced({ image, call }: SitePatch, one: Alternative): Uint8Array | undefined {
  const code = image.read(one.replacement, one.replacementLength);
  if (code === undefined) return undefined;
  if (one.directCall)
    return call === undefined ? undefined : paravirtCallBytes(image, { ...call, length: one.length });
  const bytes = new Uint8Array(Math.max(one.length, code.length)).fill(0x90);
  bytes.set(code);
  return movedCode(
    bytes,
    { to: one.address, from: one.replacement, length: one.replacementLength },
    image.kernel,
  );
}

/** alt_replace_call(): `call *distance(%rip)`, through a pointer of pv_ops. */
function indirectCall(
  image: ModuleImage,
  site: readonly Alternative[],
  original: Uint8Array,
): ParavirtCall | undefined {
  const direct = site.find(({ directCall }) => directCall);
  if (direct === undefined || original.length < 6 || !startsWith(original, Uint8Array.of(0xff, 0x15)))
    return undefined;
  const { address } = direct;
  const pointer = branchTarget(original, 2, address + 6n);
  const table = image.externalSymbol('pv_ops');
  const offset = table === undefined ? undefined : Number(pointer - table);
  const index =
    offset !== undefined && offset >= 0 && offset < 0x400 && offset % 8 === 0 ? offset / 8 : undefined;
  const operation = index === undefined ? `pointer 0x${pointer.toString(16)}` : `pv_ops[${index}]`;
  return { address, length: original.length, operation, index, shift: shiftOfBugFunc(image, direct) };
}

/** The replacement calls BUG_func, or its thunk where calls are counted; the other function is called in the same way. */
function shiftOfBugFunc(image: ModuleImage, { replacement }: Alternative): bigint {
  const bytes = image.read(replacement, 5);
  const bug = image.externalSymbol('BUG_func');
  if (bytes === undefined || bug === undefined) return 0n;
  return branchTarget(bytes, 1, replacement + 5n) - bug;
}
