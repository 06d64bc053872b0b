import type { ModuleImage } from '@kelp/core';
import { siteAddresses } from './site-list.ts';
import { branchTarget, generateBranch, JMP32, startsWith, trampolineMark } from './text-generation.ts';

// apply_returns(), arch/x86/kernel/alternative.c: jumps to __x86_return_thunk become returns, or jumps to the thunk of
// the mitigation that the kernel chose at boot.

const plainReturn = Uint8Array.of(0xc3, 0xcc, 0xcc, 0xcc, 0xcc);

/** What x86_return_thunk may name. Untouched returns jump to the first. */
const thunks: readonly string[] = [
  '__x86_return_thunk',
  'retbleed_return_thunk',
  'srso_return_thunk',
  'srso_alias_return_thunk',
  'call_depth_return_thunk',
  'its_return_thunk',
];

/** The thunk for indirect target selection guards only returns in the lower half of a cache line. */
const itsThunk = 'its_return_thunk';
const upperHalf = 0x20n;

/** The answer where X86_FEATURE_RETHUNK is off. */
const noThunk = 'none';

/** x86_return_thunk: where returns jump to; undefined where they return by themselves. */
export function returnTarget(image: ModuleImage, site?: bigint): bigint | undefined {
  if (image.machine.feature('RETHUNK') === false) return undefined;
  const known = image.machine.value('x86_return_thunk');
  if (known !== undefined) return known;
  const thunk = image.ask({
    kind: 'kernel-chosen',
    id: 'x86_return_thunk',
    address: site ?? 0n,
    candidates: [{ answer: noThunk, bytes: plainReturn }],
    derive: (bytes) => (site === undefined ? undefined : readThunk(image, site, bytes)),
  });
  return thunk === noThunk ? undefined : image.externalSymbol(thunk);
}

/**
 * What the bytes of a return say. In the upper half of a cache line its_return_thunk guards nothing: a plain return there
 * may be one beside it, where the kernel has it.
 */
function readThunk(image: ModuleImage, site: bigint, bytes: Uint8Array): string | undefined {
  const isUpper = (site & upperHalf) !== 0n;
  if (bytes.every((byte, index) => byte === plainReturn[index]))
    return isUpper && image.externalSymbol(itsThunk) !== undefined ? undefined : noThunk;
  if (bytes[0] !== JMP32) return undefined;
  const target = branchTarget(bytes, 1, site + 5n);
  return thunks.find((name) => image.externalSymbol(name) === target && !(isUpper && name === itsThunk));
}

/** patch_return(): the five bytes of a return at an address. */
export function returnAt(image: ModuleImage, address: bigint): Uint8Array {
  const thunk = returnTarget(image, address);
  if (thunk === undefined) return plainReturn;
  const wanted = thunk !== image.externalSymbol(itsThunk) || (address & upperHalf) === 0n;
  return wanted ? generateBranch(JMP32, address, thunk) : plainReturn;
}

/**
 * apply_returns(), which leaves alone what does not jump to the thunk. Trampolines of static calls among the sites may
 * hold a return that an update of the call has written (__static_call_fixup()).
 */
export function patchReturns(image: ModuleImage): undefined {
  const thunk = image.externalSymbol('__x86_return_thunk');
  for (const site of siteAddresses(image, '.return_sites')) {
    const bytes = image.read(site, 8) ?? image.read(site, 5);
    if (bytes === undefined) continue;
    const jumps = bytes[0] === JMP32 && branchTarget(bytes, 1, site + 5n) === thunk;
    const returns = bytes[0] === plainReturn[0] && startsWith(bytes, trampolineMark, 5);
    if (jumps || returns) image.write(site, returnAt(image, site), 'return-thunk');
  }
  return undefined;
}
