import type { Spread } from './statistics.ts';
import type { Totals } from './totals.ts';

/** CPU and memory of the scan beside the C program, over the same uncompressed modules. */
export interface ScanBenchmark {
  readonly release: string;
  readonly totals: Totals;
  readonly runs: number;
  /** CPU seconds. */
  readonly walk: Spread;
  /** CPU seconds. */
  readonly scan: Spread;
  /** Seconds from start to end. */
  readonly scanWall: Spread;
  /** Bytes: the largest process of any run. */
  readonly largestProcess: number;
  /** Bytes: the largest sum over all processes at one time. */
  readonly allProcesses: number;
}

/** Time of a scan of compressed modules, by number of cores. */
export interface CompressedBenchmark {
  readonly release: string;
  readonly modules: number;
  readonly runs: number;
  /** CPU seconds of the xz program for the same files; undefined where they are not all .xz. */
  readonly xz: Spread | undefined;
  readonly scans: readonly {
    readonly cores: number;
    readonly wall: Spread;
    readonly cpu: Spread;
  }[];
}

/** What the numbers were measured on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly node: string;
}

/** CPU of the scan, in CPU of the C program. */
export function cpuRatio({ scan, walk }: ScanBenchmark): number {
  return scan.median / walk.median;
}

/** The sections of docs/benchmarks.md on scanning. */
export function benchmarkSections(
  machine: Machine,
  scan: ScanBenchmark,
  compressed: CompressedBenchmark | undefined,
): string {
  const measured = `Measured with Node ${machine.node} on ${machine.cores} cores (${machine.processor}).\n`;
  const parts = [scanSection(scan), ...(compressed === undefined ? [] : [compressedSection(compressed)])];
  return parts.map((part) => `${part}\n${measured}`).join('\n');
}

/** The part on uncompressed modules, as Markdown. */
export function scanSection(scan: ScanBenchmark): string {
  return `## Scanning uncompressed modules

All ${grouped(scan.totals.files)} modules of the Debian kernel ${scan.release}: ${grouped(scan.totals.bytes)} bytes in sections,
${grouped(scan.totals.relocations)} relocations. The C program (tools/benchmark/src/walk.c) maps each file and visits every section
header and relocation entry. Both programs ran ${scan.runs} times in turn and counted the same files, section bytes and
relocations of each type. CPU is user and system time of all processes.

| program | min | median | max |
|---|---:|---:|---:|
| C program, CPU s | ${cells(scan.walk, 3)} |
| \`kelp scan --json\`, CPU s | ${cells(scan.scan, 3)} |
| \`kelp scan --json\`, wall-clock s | ${cells(scan.scanWall, 3)} |

CPU, ratio of medians: ${cpuRatio(scan).toFixed(2)} (limit ${LIMITS.ratio}).
Peak memory: largest process ${megabytes(scan.largestProcess)} MB, all processes together ${megabytes(scan.allProcesses)} MB with shared pages counted once
(limit ${LIMITS.bytes / 1e6} MB).
`;
}

/** What the scan of uncompressed modules may cost. */
export const LIMITS = { ratio: 10, bytes: 300e6 } as const;

/** The part on compressed modules, as Markdown. */
export function compressedSection({ release, modules, runs, xz, scans }: CompressedBenchmark): string {
  const alone = scans[0]?.wall.median;
  const rows = scans.map(({ cores, wall, cpu }) => {
    const speedup = alone === undefined ? '' : (alone / wall.median).toFixed(2);
    return `| ${cores} | ${wall.median.toFixed(2)} | ${cpu.median.toFixed(2)} | ${speedup} |`;
  });
  const reference =
    xz === undefined
      ? ''
      : `\nDecompressing the same files with the xz program costs ${xz.median.toFixed(2)} s of CPU.\n`;
  return `## Scanning compressed modules

All ${grouped(modules)} compressed modules of the Debian kernel ${release}, \`kelp scan --json\` bound to some of the cores, median of
${runs} runs.

| cores | wall-clock s | CPU s | speedup |
|---:|---:|---:|---:|
${rows.join('\n')}
${reference}`;
}

function cells({ min, median, max }: Spread, digits: number): string {
  return [min, median, max].map((value) => value.toFixed(digits)).join(' | ');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
