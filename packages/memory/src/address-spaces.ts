import type { AddressSpace } from './address-space.ts';
import { arm64AddressSpace } from './address-space-arm64.ts';
import { ppc64leAddressSpace } from './address-space-ppc64le.ts';
import { s390xAddressSpace } from './address-space-s390x.ts';
import { x86AddressSpace } from './address-space-x86.ts';

/** The address spaces that come with this package. */
export const addressSpaces: readonly AddressSpace[] = [
  x86AddressSpace,
  ppc64leAddressSpace,
  s390xAddressSpace,
  arm64AddressSpace,
];
