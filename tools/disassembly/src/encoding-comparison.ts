import { decodeInstruction } from '../../../packages/x86/src/instructions/decode.ts';
import type { ListingLine } from './listing.ts';

/** Bytes between the starts of two encodings: the longest instruction, and a nop to start afresh. */
const slotSize = 16;

/** Behind each encoding: it serves as SIB, displacement and immediate, and is one-byte NOPs behind the instruction. */
const filler = 0x90;

/** What was compared. */
export interface EncodingResult {
  readonly encodings: number;
  /** Neither objdump nor the decoder takes them for an instruction. */
  readonly refused: number;
  /** Only the decoder takes them for one: it does not check what kind of operand ModRM names. */
  readonly onlyDecoded: number;
  /** Lengths differ, or only objdump takes them for an instruction, by reason where one is known. */
  readonly differences: readonly EncodingDifference[];
}

/** An encoding on which objdump and the decoder disagree. */
export interface EncodingDifference {
  readonly encoding: string;
  readonly objdump: string;
  readonly decoder: string;
  /** Why it is meant to be so; undefined: it is an error. */
  readonly reason: string | undefined;
}

interface KnownDifference {
  readonly pattern: RegExp;
  readonly reason: string;
}

const knownDifferences: readonly KnownDifference[] = [
  { pattern: /^(?:66 |f3 |f2 |67 )?(?:48 )?0f 0[ef] /u, reason: '3DNow is left out' },
  { pattern: /^(?:66 |f3 |f2 |67 )?9b d[89a-f] /u, reason: 'objdump joins FWAIT with an x87 instruction' },
  { pattern: /^(?:66 )?48 9b /u, reason: 'objdump gives prefixes before FWAIT a line of their own' },
  { pattern: /^f[23] 0f d7 /u, reason: 'PMOVMSKB has no form with F2 or F3' },
  {
    pattern: /^c(?:5 ..|4 .. ..) (?:77|ae) /u,
    reason: 'VZEROUPPER, VLDMXCSR and VSTMXCSR have no mandatory prefix',
  },
  { pattern: /^62 f2 .. .. 4e /u, reason: 'VRSQRT14PS has the mandatory prefix 66' },
];

/** Puts encodings one behind the other, for objdump to read as one binary. */
export function encodingImage(encodings: readonly (readonly number[])[]): Uint8Array {
  const image = new Uint8Array(encodings.length * slotSize).fill(filler);
  for (const [index, encoding] of encodings.entries()) image.set(encoding, index * slotSize);
  return image;
}

/** Compares the first instruction of every slot of an image with objdump's listing of it. */
export async function compareEncodings(
  image: Uint8Array,
  listing: AsyncIterable<ListingLine>,
): Promise<EncodingResult> {
  const differences: EncodingDifference[] = [];
  const counts = { encodings: 0, refused: 0, onlyDecoded: 0 };
  let open: { readonly address: number; readonly text: string } | undefined;
  const close = (end: number): void => {
    if (open === undefined) return;
    const { address, text } = open;
    const found = decodeInstruction(image, address)?.length;
    const length = text.includes('(bad)') ? undefined : end - address;
    counts.encodings++;
    if (length === undefined && found === undefined) counts.refused++;
    else if (length === undefined) counts.onlyDecoded++;
    else if (length !== found)
      differences.push(difference(image, address, `${length} bytes: ${text}`, found));
    open = undefined;
  };
  for await (const line of listing) {
    if (line.kind === 'section') continue;
    close(line.address);
    if (line.address % slotSize === 0) open = { address: line.address, text: line.text };
  }
  close(image.length);
  if (counts.encodings !== image.length / slotSize) {
    throw new Error(
      `objdump starts an instruction in ${counts.encodings} of ${image.length / slotSize} slots`,
    );
  }
  return { ...counts, differences };
}

function difference(
  image: Uint8Array,
  address: number,
  objdump: string,
  found: number | undefined,
): EncodingDifference {
  const encoding = Array.from(image.subarray(address, address + 8), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join(' ');
  return {
    encoding,
    objdump,
    decoder: found === undefined ? 'nothing' : `${found} bytes`,
    reason: knownDifferences.find(({ pattern }) => pattern.test(encoding))?.reason,
  };
}
