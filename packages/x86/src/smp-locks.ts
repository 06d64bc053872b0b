import { appliesTo, type Applicability, type ModuleImage } from '@kelp/core';
import { siteAddresses } from './site-list.ts';
import { isInText } from './text-area.ts';

const lockPrefix = 0xf0;
/** The DS segment override, which does nothing in 64-bit mode. */
const dsPrefix = 0x3e;

/** What a kernel takes for the extent of the module's text. */
interface ExtentRule {
  readonly applies: readonly Applicability[];
  readonly contains: (image: ModuleImage, site: bigint) => boolean;
}

const extentRules: readonly ExtentRule[] = [
  { applies: [{ before: '6.4' }], contains: isInTextSection },
  // ac3b43283923 ("module: replace module_layout with module_memory"): all code that stays after init.
  { applies: [{ since: '6.4' }], contains: isInText },
];

function isInTextSection(image: ModuleImage, site: bigint): boolean {
  const text = image.section('.text');
  return text !== undefined && site >= text.address && site < text.address + BigInt(text.size);
}

/**
 * alternatives_smp_module_add(): on a kernel that runs on one CPU, lock prefixes of the module's text are dropped.
 * Locks elsewhere stay.
 */
export function dropLockPrefixes(image: ModuleImage): undefined {
  const extent = extentRules.find(({ applies }) => appliesTo(applies, image.kernel));
  for (const site of siteAddresses(image, '.smp_locks')) {
    if (extent?.contains(image, site) !== true) continue;
    if (image.read(site, 1)?.[0] !== lockPrefix || !onOneCpu(image, site)) continue;
    image.write(site, Uint8Array.of(dsPrefix), 'smp-lock');
  }
  return undefined;
}

/** uniproc_patched; a second CPU that comes up later brings the locks back. */
function onOneCpu(image: ModuleImage, site: bigint): boolean {
  const up = image.machine.smp ? false : image.machine.feature('UP');
  if (up !== undefined) return up;
  const candidates = [
    { answer: 'off', bytes: Uint8Array.of(lockPrefix) },
    { answer: 'on', bytes: Uint8Array.of(dsPrefix) },
  ];
  return image.ask({ kind: 'feature', id: 'UP', address: site, candidates }) === 'on';
}
