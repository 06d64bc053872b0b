/** Debian's names of the architectures that Kelp knows. */
export type DebianArchitecture = 'amd64' | 'arm64' | 'ppc64el' | 's390x';

/** One version of a package in the lists that apt downloaded. */
export interface PackageVersion {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
}

/** The packages that hold one kernel: its modules, its configuration and its image. */
export interface KernelPackages {
  /** Version and ABI as the kernel reports them, without the flavor: `6.1.0-50`, `6.12.107+deb13`, `7.3`. */
  readonly release: string;
  /** First two parts of the release: `6.1`. */
  readonly series: string;
  readonly packages: readonly PackageVersion[];
}

/** Orders two package versions as `dpkg --compare-versions` does: negative where `a` is older. */
export type CompareVersions = (a: string, b: string) => number;

/** How Debian names the kernel of each architecture and whether a separate package is built before signing. */
export const KERNEL_FLAVORS: ReadonlyMap<
  DebianArchitecture,
  { readonly flavor: string; readonly unsigned: boolean }
> = new Map([
  ['amd64', { flavor: 'amd64', unsigned: true }],
  ['arm64', { flavor: 'arm64', unsigned: true }],
  ['ppc64el', { flavor: 'powerpc64le', unsigned: false }],
  ['s390x', { flavor: 's390x', unsigned: false }],
]);

/** Tells whether a text is an architecture whose kernels can be fetched. */
export function isDebianArchitecture(text: string): text is DebianArchitecture {
  return [...KERNEL_FLAVORS.keys()].some((architecture) => architecture === text);
}

/**
 * The kernels' package names, newest packaging first. From 7.2 on Debian splits a kernel into modules, image (binary)
 * and configuration (base); before, one image package holds all of it.
 */
const PACKAGINGS: readonly { readonly lead: string; readonly companions: readonly string[] }[] = [
  { lead: 'linux-modules', companions: ['linux-binary', 'linux-base'] },
  { lead: 'linux-image', companions: [] },
];

/** `50`, `+deb13`, `+bpo12+1`; never `rt-`, `cloud-` or `64k`, which are flavors of their own. */
const RELEASE_TAIL = String.raw`(?:[.][0-9]+)*(?:-rc[0-9]+)?(?:-[0-9]+)?(?:\+[a-z0-9.]+)*`;

/** Names of packages that may hold a kernel of this version for this architecture, with their releases. */
function leadPackages(
  lead: string,
  version: string,
  architecture: DebianArchitecture,
  names: readonly string[],
): ReadonlyMap<string, string> {
  const { flavor = '', unsigned = false } = KERNEL_FLAVORS.get(architecture) ?? {};
  const suffix = unsigned && lead === 'linux-image' ? '-unsigned' : '';
  const pattern = new RegExp(`^${lead}-(${escape(version)}${RELEASE_TAIL})-${flavor}${suffix}$`);
  return new Map(
    names.flatMap((name) => {
      const release = pattern.exec(name)?.[1];
      return release === undefined ? [] : [[name, release] as const];
    }),
  );
}

/** Every package name that {@link chooseKernel} may ask a version of. */
export function kernelPackageNames(
  version: string,
  architecture: DebianArchitecture,
  names: readonly string[],
): readonly string[] {
  const { flavor = '' } = KERNEL_FLAVORS.get(architecture) ?? {};
  return PACKAGINGS.flatMap(({ lead, companions }) =>
    [...leadPackages(lead, version, architecture, names)].flatMap(([name, release]) =>
      [name].concat(companions.map((companion) => `${companion}-${release}-${flavor}`)),
    ),
  );
}

/**
 * Chooses the newest kernel of a version for an architecture.
 *
 * @param version a series such as `6.1`, or less of it: `7` takes the newest 7.x.
 * @param available what apt knows about {@link kernelPackageNames}.
 * @returns undefined where apt knows no such kernel.
 * @throws Error where a kernel's modules are there and a package that belongs to them is not.
 */
export function chooseKernel(
  version: string,
  architecture: DebianArchitecture,
  available: readonly PackageVersion[],
  compare: CompareVersions,
): KernelPackages | undefined {
  const here = available.filter((item) => item.architecture === architecture);
  const { flavor = '' } = KERNEL_FLAVORS.get(architecture) ?? {};
  for (const { lead, companions } of PACKAGINGS) {
    const names = here.map(({ name }) => name);
    const releases = leadPackages(lead, version, architecture, names);
    const first = newest(
      here.filter(({ name }) => releases.has(name)),
      compare,
    );
    if (first === undefined) continue;
    const release = releases.get(first.name) ?? '';
    const others = companions.map((companion) => {
      const name = `${companion}-${release}-${flavor}`;
      const found = here.find((item) => item.name === name && item.version === first.version);
      if (found !== undefined) return found;
      throw new Error(
        `${first.name} ${first.version} (${architecture}) is there, ${name} of that version is not`,
      );
    });
    return { release, series: kernelSeries(release), packages: [first, ...others] };
  }
  return undefined;
}

/** Names of source packages of a version: `linux-source-6.1`. */
export function sourcePackageNames(version: string, names: readonly string[]): readonly string[] {
  const pattern = new RegExp(`^linux-source-${escape(version)}(?:[.][0-9]+)*$`);
  return names.filter((name) => pattern.test(name));
}

/** The item with the highest package version. */
export function newest(
  items: readonly PackageVersion[],
  compare: CompareVersions,
): PackageVersion | undefined {
  return items.toSorted((a, b) => compare(b.version, a.version))[0];
}

function kernelSeries(release: string): string {
  return /^[0-9]+[.][0-9]+/.exec(release)?.[0] ?? release;
}

function escape(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9]/g, String.raw`\$&`);
}
