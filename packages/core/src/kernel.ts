import { KelpError } from './errors.ts';

/** `6.12` or, where a stable series took a change over, `6.1.77`. */
export type KernelVersion = `${number}.${number}` | `${number}.${number}.${number}`;

/** The answer of a kernel configuration to one option: `y` and `m` are true. */
export type Configuration = ReadonlyMap<string, string>;

/** One kernel build, as far as it is known. */
export interface Kernel {
  /** `uname -r`, the first word of vermagic. */
  readonly release: string;
  readonly major: number;
  readonly minor: number;
  /**
   * Stable patch level. Undefined where the release does not tell: distributions that freeze the release
   * string (`6.1.0-50-amd64`, `5.14.0-427.el9`) carry later fixes than its third number says.
   */
  readonly patch: number | undefined;
  /** Options without their `CONFIG_` prefix; undefined where no configuration was given. */
  readonly configuration: Configuration | undefined;
}

/**
 * Kernels in which a table row is valid: `since` included, `before` excluded, every configuration condition met.
 *
 * An option is written without `CONFIG_`. Where the configuration of a kernel is not known, an option counts as off.
 */
export interface Applicability {
  readonly since?: KernelVersion;
  readonly before?: KernelVersion;
  readonly config?: Readonly<Record<string, boolean>>;
}

/**
 * Read a release string such as `6.12.107+deb13-amd64` or `7.3-rc7`.
 *
 * @throws KelpError `kernel/release` if it does not start with two numbers.
 */
export function parseKernel(release: string, configuration?: Configuration): Kernel {
  const match = /^(\d{1,4})\.(\d{1,4})(?!\d)(?:\.(\d{1,6})(?!\d))?(.*)$/su.exec(release);
  if (match === null) {
    throw new KelpError(
      'kernel/release',
      `kernel release ${JSON.stringify(release)} does not start with MAJOR.MINOR`,
    );
  }
  const [, major, minor, patch, rest = ''] = match;
  const frozen = patch === '0' && rest.startsWith('-');
  return {
    release,
    major: Number(major),
    minor: Number(minor),
    patch: frozen ? undefined : Number(patch ?? 0),
    configuration,
  };
}

/**
 * A stable series such as `6.12` as a kernel: its newest release, whose patch level is not told.
 *
 * @throws KelpError `kernel/release`.
 */
export function parseSeries(series: string, configuration?: Configuration): Kernel {
  return { ...parseKernel(series, configuration), patch: undefined };
}

/** The series of a kernel, `6.12`, which names a column of a coverage matrix. */
export function kernelSeries(kernel: Kernel): KernelVersion {
  return `${kernel.major}.${kernel.minor}`;
}

/**
 * Read a kernel `.config`: `CONFIG_NAME=value` lines; `# CONFIG_NAME is not set` and everything else is left out.
 *
 * @returns options without their `CONFIG_` prefix, values as written.
 */
export function parseConfiguration(text: string): Configuration {
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^CONFIG_(\w+)=(.*?)\r?$/u.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) options.set(match[1], match[2]);
  }
  return options;
}

/** Whether an option is built in or a module; false where the configuration is not known. */
export function hasOption(kernel: Kernel, option: string): boolean {
  const value = kernel.configuration?.get(option);
  return value === 'y' || value === 'm';
}

/** Negative, zero or positive as the kernel is older than, equal to or newer than a version. */
export function compareKernel(kernel: Kernel, version: KernelVersion): number {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  // An unknown patch level is taken for the newest of its series: such kernels are stable builds.
  const ownPatch = kernel.patch ?? Number.POSITIVE_INFINITY;
  return kernel.major - major || kernel.minor - minor || (patch === 0 ? 0 : ownPatch - patch);
}

/** Whether one of the alternatives holds; an absent list holds always. */
export function appliesTo(applies: readonly Applicability[] | undefined, kernel: Kernel): boolean {
  return applies === undefined || applies.some((one) => holds(one, kernel));
}

function holds({ since, before, config }: Applicability, kernel: Kernel): boolean {
  if (since !== undefined && compareKernel(kernel, since) < 0) return false;
  if (before !== undefined && compareKernel(kernel, before) >= 0) return false;
  if (config === undefined) return true;
  return Object.entries(config).every(([option, wanted]) => hasOption(kernel, option) === wanted);
}

/** Words for a list of alternatives: `since 6.2 before 7.3`, `always`; `never` for an empty list, as {@link appliesTo} takes it. */
export function describeApplicability(applies: readonly Applicability[] | undefined): string {
  if (applies === undefined) return 'always';
  return applies.length === 0 ? 'never' : applies.map(describeOne).join(', or ');
}

function describeOne({ since, before, config }: Applicability): string {
  const range = [
    since === undefined ? [] : `since ${since}`,
    before === undefined ? [] : `before ${before}`,
  ].flat();
  const options = Object.entries(config ?? {}).map(([option, on]) => `CONFIG_${option}=${on ? 'y' : 'n'}`);
  const words = [...range, ...options.map((option) => `with ${option}`)];
  return words.length === 0 ? 'always' : words.join(' ');
}
