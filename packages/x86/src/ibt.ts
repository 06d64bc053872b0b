import { appliesTo, type Applicability, type ModuleImage } from '@kelp/core';
import { siteAddresses } from './site-list.ts';
import { startsWith } from './text-generation.ts';

/** gen_endbr_poison() by kernel: a nop of four bytes that nothing else uses. */
const poisons: readonly { readonly applies: readonly Applicability[]; readonly bytes: Uint8Array }[] = [
  // osp nopl (%rax)
  { applies: [{ before: '6.18' }], bytes: Uint8Array.of(0x66, 0x0f, 0x1f, 0x00) },
  // nopl -42(%rax): 85a2d4a890dc ("x86,ibt: Use UDB instead of 0xEA").
  { applies: [{ since: '6.18' }], bytes: Uint8Array.of(0x0f, 0x1f, 0x40, 0xd6) },
];

const endbr64 = Uint8Array.of(0xf3, 0x0f, 0x1e, 0xfa);

/** apply_seal_endbr(): functions that nothing calls indirectly lose their endbr64, whether the CPU has IBT or not. */
export function sealEndbr(image: ModuleImage): undefined {
  const poison = poisons.find(({ applies }) => appliesTo(applies, image.kernel));
  for (const site of siteAddresses(image, '.ibt_endbr_seal')) {
    const bytes = image.read(site, 4);
    if (poison !== undefined && bytes !== undefined && startsWith(bytes, endbr64))
      image.write(site, poison.bytes, 'ibt-seal');
  }
  return undefined;
}
