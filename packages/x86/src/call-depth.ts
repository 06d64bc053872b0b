import type { ModuleImage } from '@kelp/core';
import { STT_FUNC } from '@kelp/core/elf';
import { decodeThunk, templateOf, thunkLength, type CallThunkTemplate } from './call-thunk-template.ts';
import { decodeInstruction } from './instructions/decode.ts';
import { siteAddresses } from './site-list.ts';
import { isInText } from './text-area.ts';
import { branchTarget, CALL, generateBranch, startsWith } from './text-generation.ts';

/** How many calls are asked whether they are counted: they all say the same. */
const witnesses = 8;

/** Asked once for each module: every call goes by it. */
const counting = new WeakMap<ModuleImage, boolean>();

/** thunks_initialized: X86_FEATURE_CALL_DEPTH. */
export function countsCalls(image: ModuleImage): boolean {
  const known = counting.get(image);
  if (known !== undefined) return known;
  const template = templateOf(image);
  const answer =
    template === undefined ? false : (image.machine.feature('CALL_DEPTH') ?? askFeature(image, template));
  counting.set(image, answer);
  return answer;
}

/** By the calls of the module or, where it calls nobody, by what calls from elsewhere have left before its functions. */
function askFeature(image: ModuleImage, template: CallThunkTemplate): boolean {
  const calls = firstCalls(image);
  const answers = calls.map((call) => askCall(image, template, call));
  if (calls.length === 0) {
    for (const one of paddedFunctions(image, template)) answers.push(askPadding(image, template, one));
  }
  return answers.at(-1) === 'on';
}

/** A call of a function. */
interface Call {
  readonly site: bigint;
  readonly target: bigint;
}

/** The first calls that are listed and stay after init. */
function firstCalls(image: ModuleImage): readonly Call[] {
  const calls: Call[] = [];
  for (const site of siteAddresses(image, '.call_sites')) {
    const target = isInText(image, site) ? calledFunction(image, site) : undefined;
    if (target !== undefined) calls.push({ site, target });
    if (calls.length === witnesses) break;
  }
  return calls;
}

function askCall(image: ModuleImage, template: CallThunkTemplate, { site, target }: Call): string {
  const direct = generateBranch(CALL, site, target);
  const counted = generateBranch(CALL, site, target - BigInt(thunkLength(template)));
  const own = isInText(image, target);
  return image.ask({
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

/** Nops say nothing: nobody may have called the function. */
function askPadding(
  image: ModuleImage,
  template: CallThunkTemplate,
  { thunk, padding }: PaddedFunction,
): string {
  return image.ask({
    kind: 'feature',
    id: 'CALL_DEPTH',
    address: thunk,
    candidates: [{ answer: 'off', bytes: padding }],
    derive: (bytes) => (decodeThunk(template, thunk, bytes) === undefined ? undefined : 'on'),
  });
}

/** call_get_dest(); undefined for what is no call. */
export function calledFunction(image: ModuleImage, site: bigint): bigint | undefined {
  const window = image.read(site, 6) ?? image.read(site, 5);
  const instruction = window === undefined ? undefined : decodeInstruction(window, 0);
  if (window === undefined || instruction?.branch === undefined) return undefined;
  if (instruction.map !== 'one-byte' || instruction.opcode !== CALL) return undefined;
  return branchTarget(window, instruction.branch.offset, site + BigInt(instruction.length));
}

/** A function of the module with room for a thunk before it. */
interface PaddedFunction {
  readonly target: bigint;
  readonly thunk: bigint;
  /** The nops where the thunk goes. */
  readonly padding: Uint8Array;
}

/** Functions that stay after init and have nops before them, by the symbol table of the module. */
export function paddedFunctions(image: ModuleImage, template: CallThunkTemplate): readonly PaddedFunction[] {
  return functionAddresses(image).flatMap((target) => {
    const thunk = target - BigInt(thunkLength(template));
    const padding = isInText(image, target) ? image.read(thunk, thunkLength(template)) : undefined;
    return padding === undefined || !isNops(padding) ? [] : [{ target, thunk, padding }];
  });
}

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

/** Whether bytes are the one-byte nops that compilers pad with. */
export function isNops(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x90);
}
