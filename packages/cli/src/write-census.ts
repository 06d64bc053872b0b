import { censusText, type Census } from '@kelp/census';
import { replaceFile } from '@kelp/livepatch';
import type { Io } from './io.ts';

/** Write a census to a file, whole or not at all, or print it. */
export function writeCensus(census: Census, file: string | undefined, io: Io): void {
  const text = censusText(census);
  if (file === undefined) io.out(text);
  else replaceFile(file, Buffer.from(text));
}

/** All failures of a census, in its order. */
export function failuresOf(census: Census): Census['failed'] {
  return [...Object.values(census.architectures), census].flatMap(({ failed }) => failed);
}
