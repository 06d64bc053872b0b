import { appliesTo, type Applicability, type ModuleImage } from '@kelp/core';
import { STT_FUNC } from '@kelp/core/elf';
import { decodeInstruction } from './instructions/decode.ts';
import { sectionTable } from './section-table.ts';
import { siteAddresses } from './site-list.ts';
import { branchTarget, CALL, generateBranch, startsWith } from './text-generation.ts';
import { isInText } from './text-area.ts';

// Call depth tracking, arch/x86/kernel/callthunks.c: a function is entered a few bytes early, in the nops that the
// compiler leaves before it, where an instruction counts the call.

/** skl_call_thunk_template: sarq $5, %gs:depth. */
interface CallThunkTemplate {
  readonly applies: readonly Applicability[];
  /** Bytes before the 4-byte address of the variable; the immediate follows it. */
  readonly opcode: readonly number[];
  readonly ripRelative: boolean;
  /** The variable that counts, and where it lies in its symbol. */
  readonly symbol: string;
  readonly offset: bigint;
}

const templates: readonly CallThunkTemplate[] = [
  {
    applies: [{ since: '6.2', before: '6.8' }],
    opcode: [0x65, 0x48, 0xc1, 0x3c, 0x25],
    ripRelative: false,
    symbol: 'pcpu_hot',
    offset: 16n,
  },
  {
    // 17bce3b2ae2d ("x86/callthunks: Handle %rip-relative relocations in call thunk template").
    applies: [{ since: '6.8', before: '6.15' }],
    opcode: [0x65, 0x48, 0xc1, 0x3d],
    ripRelative: true,
    symbol: 'pcpu_hot',
    offset: 16n,
  },
  {
    // Seen in 7.3, not in 6.12; struct pcpu_hot went away in 6.15.
    applies: [{ since: '6.15' }],
    opcode: [0x65, 0x48, 0xc1, 0x3d],
    ripRelative: true,
    symbol: '__x86_call_depth',
    offset: 0n,
  },
];

/** The immediate of the instruction: RET_DEPTH_SHIFT. */
const shift = 5;

/** skip_addr(): functions whose calls are not counted, or that count by themselves. */
const uncounted: readonly string[] = [
  'error_entry',
  'paranoid_entry',
  'xen_error_entry',
  '__switch_to_asm',
  'ret_from_fork',
  'soft_restart_cpu',
  '__fentry__',
  'relocate_kernel',
];

/** How many sites are asked whether calls are counted: they all say the same. */
const witnesses = 8;

/** callthunks_patch_module_calls(): calls go to the thunks of the functions they call. */
export function patchCallSites(image: ModuleImage): undefined {
  if (!countsCalls(image)) return undefined;
  for (const site of siteAddresses(image, '.call_sites')) patchCall(image, site);
  return undefined;
}

/** The same with calls in alternatives, which older kernels have patched before. */
export function patchCallSitesAndAlternatives(image: ModuleImage): undefined {
  patchCallSites(image);
  const table = countsCalls(image) ? sectionTable(image, '.altinstructions') : undefined;
  for (let entry = 0; entry < (table?.count ?? 0); entry++)
    patchCall(image, table?.pointer(entry, 'instrOffset') ?? 0n);
  return undefined;
}

/**
 * Not part of module_finalize(): thunks that calls from modules loaded later, or updates of static calls, have written
 * into this module.
 */
export function patchThunksForOthers(image: ModuleImage): undefined {
  const template = countsCalls(image) ? templateOf(image) : undefined;
  if (template === undefined) return undefined;
  for (const target of functionAddresses(image)) {
    const thunk = target - BigInt(thunkLength(template));
    const padding = isInText(image, target) ? image.read(thunk, thunkLength(template)) : undefined;
    const depth = padding !== undefined && isNops(padding) ? depthAddress(image, template, thunk) : undefined;
    if (padding === undefined || depth === undefined) continue;
    const bytes = encodeThunk(template, thunk, depth);
    const candidates = [
      { answer: 'no', bytes: padding },
      { answer: 'yes', bytes },
    ];
    const answer = image.ask({ kind: 'kernel-chosen', id: thunkId(target), address: thunk, candidates });
    if (answer === 'yes') image.write(thunk, bytes, 'kernel-chosen');
  }
  return undefined;
}

/** Functions of the module, by its symbol table. */
function functionAddresses({ object, sections }: ModuleImage): readonly bigint[] {
  const symbols = object.symbols();
  const starts = new Map(sections.map(({ index, address }) => [index, address]));
  const addresses: bigint[] = [];
  for (let index = 1; index < (symbols?.count ?? 0); index++) {
    const start =
      symbols?.type(index) === STT_FUNC ? starts.get(symbols.sectionIndex(index) ?? 0) : undefined;
    if (start !== undefined) addresses.push(start + (symbols?.value(index) ?? 0n));
  }
  return addresses;
}

function patchCall(image: ModuleImage, site: bigint): void {
  const target = isInText(image, site) ? calledFunction(image, site) : undefined;
  if (target === undefined) return;
  const thunk = callThunk(image, target, site);
  if (thunk !== undefined) image.write(site, generateBranch(CALL, site, thunk), 'call-thunk');
}

/** call_get_dest(); undefined for what is no call. */
function calledFunction(image: ModuleImage, site: bigint): bigint | undefined {
  const window = image.read(site, 6) ?? image.read(site, 5);
  const instruction = window === undefined ? undefined : decodeInstruction(window, 0);
  if (window === undefined || instruction?.branch === undefined) return undefined;
  if (instruction.map !== 'one-byte' || instruction.opcode !== CALL) return undefined;
  return branchTarget(window, instruction.branch.offset, site + BigInt(instruction.length));
}

/**
 * callthunks_translate_call_dest(): where a call of a function goes while calls are counted. Writes the thunk of a
 * function of the module.
 *
 * @param site - the call, 5 bytes, whose bytes tell what is not known.
 * @returns undefined where the call goes to the function itself.
 */
export function callThunk(image: ModuleImage, target: bigint, site: bigint): bigint | undefined {
  const template = templateOf(image);
  if (template === undefined || !countsCalls(image) || isUncounted(image, target)) return undefined;
  const thunk = target - BigInt(thunkLength(template));
  const padding = image.read(thunk, thunkLength(template));
  if (padding === undefined) return hasThunk(image, site, target, thunk) ? thunk : undefined;
  return isInText(image, target) && writeThunk(image, template, thunk, padding) ? thunk : undefined;
}

/** The function that a thunk leads to; undefined while calls are not counted. */
export function functionOfThunk(image: ModuleImage, thunk: bigint): bigint | undefined {
  const template = templateOf(image);
  return template === undefined || !countsCalls(image) ? undefined : thunk + BigInt(thunkLength(template));
}

function isUncounted(image: ModuleImage, target: bigint): boolean {
  return uncounted.some((name) => image.externalSymbol(name) === target);
}

function templateOf({ kernel }: ModuleImage): CallThunkTemplate | undefined {
  return templates.find(({ applies }) => appliesTo(applies, kernel));
}

function thunkLength({ opcode }: CallThunkTemplate): number {
  return opcode.length + 5;
}

/** Asked once for each module: every call goes by it. */
const counting = new WeakMap<ModuleImage, boolean>();

/** thunks_initialized: X86_FEATURE_CALL_DEPTH. */
function countsCalls(image: ModuleImage): boolean {
  const known = counting.get(image);
  if (known !== undefined) return known;
  const template = templateOf(image);
  const answer =
    template === undefined ? false : (image.machine.feature('CALL_DEPTH') ?? askFeature(image, template));
  counting.set(image, answer);
  return answer;
}

function askFeature(image: ModuleImage, template: CallThunkTemplate): boolean {
  let answer = 'off';
  for (const site of siteAddresses(image, '.call_sites').slice(0, witnesses)) {
    const target = isInText(image, site) ? calledFunction(image, site) : undefined;
    if (target === undefined) continue;
    const direct = generateBranch(CALL, site, target);
    const counted = generateBranch(CALL, site, target - BigInt(thunkLength(template)));
    const own = isInText(image, target);
    answer = image.ask({
      kind: 'feature',
      id: 'CALL_DEPTH',
      address: site,
      candidates: [{ answer: 'off', bytes: direct }],
      derive(bytes) {
        if (startsWith(bytes, counted)) return 'on';
        // A function of the kernel may lack a thunk.
        return own && startsWith(bytes, direct) ? 'off' : undefined;
      },
    });
  }
  return answer === 'on';
}

/** Whether a function outside the module has room for a thunk: those that are written in assembly have none. */
function hasThunk(image: ModuleImage, site: bigint, target: bigint, thunk: bigint): boolean {
  const candidates = [
    { answer: 'yes', bytes: generateBranch(CALL, site, thunk) },
    { answer: 'no', bytes: generateBranch(CALL, site, target) },
  ];
  return image.ask({ kind: 'kernel-chosen', id: thunkId(target), address: site, candidates }) === 'yes';
}

function thunkId(target: bigint): string {
  return `call thunk of 0x${target.toString(16)}`;
}

function isNops(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x90);
}

/** patch_dest(): write the thunk over the nops before a function; false where there are other bytes. */
function writeThunk(
  image: ModuleImage,
  template: CallThunkTemplate,
  thunk: bigint,
  present: Uint8Array,
): boolean {
  const nops = isNops(present);
  const depth =
    nops || startsWith(present, Uint8Array.from(template.opcode))
      ? depthAddress(image, template, thunk)
      : undefined;
  if (depth === undefined) return false;
  const bytes = encodeThunk(template, thunk, depth);
  if (nops) image.write(thunk, bytes, 'call-thunk');
  return nops || startsWith(present, bytes);
}

function encodeThunk(template: CallThunkTemplate, thunk: bigint, depth: bigint): Uint8Array {
  const bytes = Uint8Array.of(...template.opcode, 0, 0, 0, 0, shift);
  const stored = template.ripRelative ? depth - (thunk + BigInt(bytes.length)) : depth;
  new DataView(bytes.buffer).setInt32(template.opcode.length, Number(BigInt.asIntN(32, stored)), true);
  return bytes;
}

/** Address of the variable, relative to the GS base. */
function depthAddress(image: ModuleImage, template: CallThunkTemplate, thunk: bigint): bigint | undefined {
  const symbol = image.externalSymbol(template.symbol);
  const known =
    image.machine.value('x86_call_depth') ?? (symbol === undefined ? undefined : symbol + template.offset);
  if (known !== undefined) return known;
  const unknown = 'as in the file';
  const nops = new Uint8Array(thunkLength(template)).fill(0x90);
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: 'x86_call_depth',
    address: thunk,
    candidates: [{ answer: unknown, bytes: nops }],
    derive(bytes) {
      const at = template.opcode.length;
      const depth = branchTarget(bytes, at, template.ripRelative ? thunk + BigInt(nops.length) : 0n);
      return startsWith(bytes, encodeThunk(template, thunk, depth)) ? `0x${depth.toString(16)}` : undefined;
    },
  });
  return answer === unknown ? undefined : BigInt(answer);
}
