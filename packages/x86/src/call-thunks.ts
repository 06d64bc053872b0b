import type { ModuleImage } from '@kelp/core';
import { calledFunction, countsCalls, isNops, paddedFunctions } from './call-depth.ts';
import {
  decodeThunk,
  encodeThunk,
  templateOf,
  thunkLength,
  type CallThunkTemplate,
} from './call-thunk-template.ts';
import { sectionTable } from './section-table.ts';
import { siteAddresses } from './site-list.ts';
import { isInText } from './text-area.ts';
import { CALL, generateBranch, startsWith } from './text-generation.ts';

// Call depth tracking, arch/x86/kernel/callthunks.c: a function is entered a few bytes early, in the nops that the
// compiler leaves before it, where an instruction counts the call.

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
  for (const { target, thunk, padding } of paddedFunctions(image, template)) {
    const depth = depthAddress(image, template, thunk);
    if (depth === undefined) continue;
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

function patchCall(image: ModuleImage, site: bigint): void {
  const target = isInText(image, site) ? calledFunction(image, site) : undefined;
  if (target === undefined) return;
  const thunk = callThunk(image, target, site);
  if (thunk !== undefined) image.write(site, generateBranch(CALL, site, thunk), 'call-thunk');
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
      const depth = decodeThunk(template, thunk, bytes);
      return depth === undefined ? undefined : `0x${depth.toString(16)}`;
    },
  });
  return answer === unknown ? undefined : BigInt(answer);
}
