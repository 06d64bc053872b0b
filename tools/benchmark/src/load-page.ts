import type { Spread } from './statistics.ts';

/** CPU and memory of one program on one core. */
export interface ProgramCost {
  /** CPU seconds. */
  readonly cpu: Spread;
  /** Seconds from start to end. */
  readonly wall: Spread;
  /** Peak resident memory in bytes. */
  readonly memory: number;
}

/** Loading all modules of a kernel. */
export interface LoadBenchmark extends ProgramCost {
  readonly release: string;
  readonly modules: number;
  /** Bytes of all memory areas. */
  readonly bytes: number;
  /** Changes of that memory, relocations first of all. */
  readonly writes: number;
  /** Modules that a kernel would refuse. */
  readonly refused: number;
}

/** Verifying one captured kernel. */
export interface VerifyBenchmark extends ProgramCost {
  readonly run: string;
  readonly modules: number;
  /** Bytes that were compared. */
  readonly bytes: number;
  /** Those of them in executable sections. */
  readonly code: number;
}

/** CPU seconds that loading and verifying may cost. */
export const LOAD_LIMITS = { load: 30, verify: 5 } as const;

/** The section of docs/benchmarks.md. */
export function loadSection(
  machine: { readonly processor: string; readonly node: string },
  runs: number,
  load: LoadBenchmark,
  verifications: readonly VerifyBenchmark[],
): string {
  const { modules, bytes, writes, refused } = load;
  const rows = verifications.map(
    ({ run, modules: count, bytes: compared, code, cpu, wall, memory }) =>
      `| ${run} | ${count} | ${grouped(compared)} | ${grouped(code)} | ${cells(cpu)} | ${wall.median.toFixed(2)} | ${megabytes(memory)} |`,
  );
  return `## Loading and verifying

Measured with Node ${machine.node} on one core (${machine.processor}), ${runs} runs each, the whole process from its start to its end.

Loading all ${grouped(modules)} modules of the Debian kernel ${load.release} at consecutive addresses, every import resolved to a made-up
address, finalization included: ${grouped(bytes)} bytes of memory, ${grouped(writes)} writes, ${refused} modules refused.

| | min | median | max |
|---|---:|---:|---:|
| CPU s (limit ${LOAD_LIMITS.load}) | ${cells(load.cpu)} |
| wall-clock s | ${cells(load.wall)} |

Peak memory ${megabytes(load.memory)} MB.

\`kelp verify\` of captured kernels, inference included (limit ${LOAD_LIMITS.verify} s of CPU each):

| run | modules | bytes compared | of that in executable sections | CPU s min | median | max | wall-clock s median | peak MB |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
${rows.join('\n')}
`;
}

function cells({ min, median, max }: Spread): string {
  return [min, median, max].map((value) => value.toFixed(2)).join(' | ');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
