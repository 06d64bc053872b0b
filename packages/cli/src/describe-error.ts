import type { ErrorPlace } from '@kelp/core';
import { escapeTerminal } from '@kelp/report';

/** One line for the error stream: file, section, offset, message, code. */
export function describeError({
  file,
  section,
  offset,
  message,
  code,
}: ErrorPlace & { readonly message: string; readonly code: string }): string {
  const places = [
    file,
    section === undefined ? undefined : `section ${section}`,
    offset === undefined ? undefined : `offset 0x${offset.toString(16)}`,
  ].filter((place) => place !== undefined);
  return escapeTerminal(`${[...places, message].join(': ')} (${code})`);
}
