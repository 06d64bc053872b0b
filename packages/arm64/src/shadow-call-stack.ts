import { appliesTo, hasOption, type Applicability, type ModuleImage, type PatchStep } from '@kelp/core';
import { hasCapability } from './features.ts';
import { firstSection } from './first-section.ts';
import { instructionBytes, readInstruction } from './instructions.ts';
import { signedPlaces, type FrameRules } from './unwind-tables.ts';

/** scs_patch_loc(): PACIASP and AUTIASP become a store of X30 to the stack that X18 points to, and a load from it. */
const replacements: ReadonlyMap<number, number> = new Map([
  [0xd503_233f, 0xf800_865e],
  [0xd503_23bf, 0xf85f_8e5e],
]);

/** How unwind tables are read. Seen in 7.3, not in 6.12. */
const frameRules: readonly (FrameRules & { readonly applies: readonly Applicability[] })[] = [
  { applies: [{ before: '7.3' }], headers: 'ignored' },
  { applies: [{ since: '7.3' }], headers: 'required' },
];

/** Kernels that refuse a module whose tables cannot be read. Others go on with what was patched until then. */
const refusesDamaged: readonly Applicability[] = [{ since: '6.18' }];

/** The static key behind scs_is_dynamic(): on where the CPU has no pointer authentication. */
const dynamic = 'dynamic_scs_enabled';

/**
 * scs_patch(): use the shadow call stack where the unwind tables say that a return address is signed or checked. Only
 * kernels with UNWIND_PATCH_PAC_INTO_SCS have modules with such tables.
 */
export const patchShadowCallStack: PatchStep = (image) => {
  const { kernel } = image;
  const section = firstSection(image, '.init.eh_frame');
  const rules = frameRules.find(({ applies }) => appliesTo(applies, kernel));
  if (section === undefined || rules === undefined) return undefined;
  if (kernel.configuration !== undefined && !hasOption(kernel, 'UNWIND_PATCH_PAC_INTO_SCS')) return undefined;
  const bytes = image.read(section.address, section.size) ?? new Uint8Array();
  const { places, damaged } = signedPlaces(bytes, section.address, rules);
  let enabled = image.machine.feature(dynamic) === true;
  for (const place of places) enabled = patchPlace(image, place) || enabled;
  if (!enabled || !damaged || !appliesTo(refusesDamaged, kernel)) return undefined;
  return { errno: 'ENOEXEC', reason: 'the unwind tables in .init.eh_frame cannot be read' };
};

/** Instructions that are neither of the two stay as they are: a state may be negated after it was restored. */
function patchPlace(image: ModuleImage, place: bigint): boolean {
  const present = readInstruction(image, place);
  const replacement = present === undefined ? undefined : replacements.get(present);
  if (present === undefined || replacement === undefined) return false;
  const bytes = { off: instructionBytes([present]), on: instructionBytes([replacement]) };
  const enabled = hasCapability(image, dynamic, place, bytes);
  if (enabled) image.write(place, bytes.on, 'shadow-call-stack');
  return enabled;
}
