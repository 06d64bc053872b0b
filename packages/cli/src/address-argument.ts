import { InvalidArgumentError } from 'commander';

/** An address as people write it: hexadecimal, with or without 0x. */
export function parseAddress(text: string): bigint {
  if (!/^(?:0x)?[0-9a-f]{1,16}$/iu.test(text))
    throw new InvalidArgumentError('expected a hexadecimal address');
  return BigInt(text.toLowerCase().startsWith('0x') ? text : `0x${text}`);
}
