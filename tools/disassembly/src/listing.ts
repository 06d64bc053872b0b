import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One line of objdump's output that matters here. */
export type ListingLine =
  | { readonly kind: 'section'; readonly name: string }
  /** `address` counts from the start of the section where sections have no address, as in modules. */
  | { readonly kind: 'instruction'; readonly address: number; readonly text: string };

const sectionLine = /^Disassembly of section (.*):$/u;
const instructionLine = /^ *([0-9a-f]+):\t(.*)$/u;

/** Reads a line of `objdump -d -w --no-show-raw-insn`; undefined for symbols, blank lines and the head. */
export function parseListingLine(line: string): ListingLine | undefined {
  const [, address, text] = instructionLine.exec(line) ?? [];
  if (address !== undefined && text !== undefined) {
    return { kind: 'instruction', address: Number.parseInt(address, 16), text: text.trimEnd() };
  }
  const name = sectionLine.exec(line)?.[1];
  return name === undefined ? undefined : { kind: 'section', name };
}

/**
 * Runs objdump on a file and gives its lines in order, those of zeros too.
 *
 * @throws Error where objdump ends with another status than 0.
 */
export async function* disassemble(
  file: string,
  objdump: string,
  options: readonly string[] = ['-d'],
): AsyncGenerator<ListingLine> {
  const child = spawn(objdump, [...options, '-w', '-z', '--no-show-raw-insn', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A rejection is awaited below; without this it would count as unhandled while lines are read.
  closed.catch(() => undefined);
  for await (const line of createInterface({ input: child.stdout })) {
    const parsed = parseListingLine(line);
    if (parsed !== undefined) yield parsed;
  }
  const status = await closed;
  if (status !== 0) throw new Error(`${objdump} ended with status ${status ?? 'none'} for ${file}`);
}
