import type { VerifySums } from '@kelp/memory';
import type { UnaidedResult } from './without-memory.ts';

/** Bytes that are not what was predicted. */
export interface UnexplainedPlace {
  readonly module: string;
  readonly section: string;
  readonly offset: number;
  /** The symbol there, or nothing. */
  readonly symbol: string;
  readonly expected: Uint8Array;
  readonly actual: Uint8Array;
}

/** One captured kernel. */
export interface VerifiedRun {
  readonly name: string;
  readonly release: string;
  readonly modules: number;
  readonly sums: VerifySums;
  readonly unexplained: readonly UnexplainedPlace[];
  /** CPU. */
  readonly seconds: number;
  /** Loaded without memory, with what the capture tells about the machine. */
  readonly unaided: UnaidedResult;
  /** Loaded without memory, with the features of the machine described. */
  readonly described: UnaidedResult;
}

/** Unknowns that are listed for each run. */
const LISTED = 8;

/** The whole page docs/verified-memory.md. */
export function verifiedMemoryPage(runs: readonly VerifiedRun[], smallestShare: number): string {
  return `# Verified memory

Written by \`npx tsx -C @kelp/source tools/truth/src/verify-all.ts FOLDER... --write\`; do not edit.

## With inference

\`kelp verify\` of captured kernels: every byte of the read-only sections of all modules is compared with memory. Equal
bytes are as in the file; all others are explained by the cause that wrote them last. Nothing is masked.

| run | kernel | modules | bytes | equal | explained | unexplained | CPU s |
|---|---|---:|---:|---:|---:|---:|---:|
${runs.map(verifiedRow).join('\n')}

Explained bytes by cause:

| run | cause: bytes (sites) |
|---|---|
${runs.map(({ name, sums }) => `| ${name} | ${explained(sums)} |`).join('\n')}

${unexplainedTable(runs)}## Without the memory of modules

The same modules, loaded with the captured addresses and symbols only and compared with memory afterwards. What neither
file nor machine description decides gets the answer that is most likely beforehand. *As captured* is what the capture
tells about the machine by itself; *described* has in addition all CPU features and mitigations described, as
\`kelp verify\` inferred them. Bytes of executable sections; the goal is ${(100 * smallestShare).toFixed(1)} %.

| run | bytes | equal, as captured | equal, described | equal or chosen by the kernel |
|---|---:|---:|---:|---:|
${runs.map(unaidedRow).join('\n')}

What is not equal, as captured, by cause and by what would have had to be known. The cause is what wrote the byte in the
verified load. \`kernel-chosen\` are addresses of memory that the kernel allocated: no file and no symbol tells them.

${runs.map(unaidedList).join('\n')}`;
}

function verifiedRow({ name, release, modules, sums, seconds }: VerifiedRun): string {
  const changed = [...sums.explained.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const numbers = [modules, sums.bytes, sums.equal, changed, sums.unexplained].map(grouped);
  return `| ${[name, release, ...numbers, seconds.toFixed(1)].join(' | ')} |`;
}

function unexplainedTable(runs: readonly VerifiedRun[]): string {
  const rows = runs.flatMap(({ name, unexplained }) =>
    unexplained.map(({ module, section, offset, symbol, expected, actual }) => {
      const place = `${module} ${section}+0x${offset.toString(16)}`;
      return `| ${[name, place, symbol, hexDigits(expected), hexDigits(actual)].join(' | ')} |`;
    }),
  );
  if (rows.length === 0) return '';
  return `Unexplained places:

| run | place | symbol | expected | found |
|---|---|---|---|---|
${rows.join('\n')}

`;
}

function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function explained({ explained: causes }: VerifySums): string {
  return [...causes]
    .toSorted((a, b) => b[1].bytes - a[1].bytes)
    .map(([cause, { bytes, sites }]) => `${cause}: ${grouped(bytes)} (${grouped(sites)})`)
    .join(', ');
}

function unaidedRow({ name, unaided, described }: VerifiedRun): string {
  const chosen = described.causes.get('kernel-chosen') ?? 0;
  const shares = [
    share(unaided, unaided.wrong),
    share(described, described.wrong),
    share(described, described.wrong - chosen),
  ];
  return `| ${[name, grouped(unaided.bytes), ...shares].join(' | ')} |`;
}

function unaidedList({ name, unaided: { wrong, causes, unknowns } }: VerifiedRun): string {
  if (wrong === 0) return `- **${name}**: everything is equal.\n`;
  const rest = unknowns.size > LISTED ? ` and ${unknowns.size - LISTED} more` : '';
  return `- **${name}**: ${grouped(wrong)} bytes. By cause: ${largest(causes, causes.size)}. Unknown: ${largest(unknowns, LISTED)}${rest}.\n`;
}

/** The largest counts first. */
function largest(counts: ReadonlyMap<string, number>, count: number): string {
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, count);
  return sorted.map(([name, bytes]) => `${name} ${grouped(bytes)}`).join(', ');
}

function share({ bytes }: UnaidedResult, wrong: number): string {
  return `${((100 * (bytes - wrong)) / Math.max(1, bytes)).toFixed(3)} %`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
