import { describe, expect, test } from 'vitest';
import type { DebianArchitecture, PackageVersion } from '../src/package-choice.ts';
import { chooseKernel, kernelPackageNames, sourcePackageNames } from '../src/package-choice.ts';

const NAMES = [
  'linux-image-6.1.0-47-amd64-unsigned',
  'linux-image-6.1.0-50-amd64',
  'linux-image-6.1.0-50-amd64-unsigned',
  'linux-image-6.1.0-50-amd64-dbg',
  'linux-image-6.1.0-50-cloud-amd64-unsigned',
  'linux-image-6.1.0-50-rt-amd64-unsigned',
  'linux-image-6.1.0-50-s390x',
  'linux-image-6.12.107+deb13-arm64-unsigned',
  'linux-image-6.12.107+deb13-arm64-16k-unsigned',
  'linux-image-6.12.107+deb13-powerpc64le',
  'linux-image-6.12.107+deb13-powerpc64le-64k',
  'linux-image-7.2.13+deb14-s390x',
  'linux-modules-7.2.13+deb14-s390x',
  'linux-modules-7.3-s390x',
  'linux-image-amd64',
  'linux-source-6.1',
  'linux-source-6.12',
  'linux-source-7.3',
  'linux-base-amd64',
];

/** Enough of Debian's order for the versions below: digits by value, a tilde before everything. */
function compare(a: string, b: string): number {
  return a.replaceAll('~', '!').localeCompare(b.replaceAll('~', '!'), 'en', { numeric: true });
}

function available(
  architecture: DebianArchitecture,
  versions: Readonly<Record<string, string>>,
): readonly PackageVersion[] {
  return Object.entries(versions).map(([name, version]) => ({ name, version, architecture }));
}

describe('names of kernel packages', () => {
  test.each([
    ['6.1', 'amd64', ['linux-image-6.1.0-47-amd64-unsigned', 'linux-image-6.1.0-50-amd64-unsigned']],
    ['6.1', 's390x', ['linux-image-6.1.0-50-s390x']],
    ['6.12', 'arm64', ['linux-image-6.12.107+deb13-arm64-unsigned']],
    ['6.12', 'ppc64el', ['linux-image-6.12.107+deb13-powerpc64le']],
    ['6.1', 'ppc64el', []],
  ] as const)('%s for %s: no other flavor, no debug symbols', (version, architecture, expected) => {
    expect(kernelPackageNames(version, architecture, NAMES)).toEqual(expected);
  });

  test('modules, image and configuration belong together from 7.2 on', () => {
    expect(kernelPackageNames('7.3', 's390x', NAMES)).toEqual([
      'linux-modules-7.3-s390x',
      'linux-binary-7.3-s390x',
      'linux-base-7.3-s390x',
    ]);
  });

  test('6.1 is not the beginning of 6.12', () => {
    expect(sourcePackageNames('6.1', NAMES)).toEqual(['linux-source-6.1']);
    expect(sourcePackageNames('6', NAMES)).toEqual(['linux-source-6.1', 'linux-source-6.12']);
  });
});

describe('the newest kernel', () => {
  test('by package version, not by the order of names', () => {
    const kernel = chooseKernel(
      '6.1',
      'amd64',
      available('amd64', {
        'linux-image-6.1.0-50-amd64-unsigned': '6.1.176-1',
        'linux-image-6.1.0-47-amd64-unsigned': '6.1.99-1',
      }),
      compare,
    );
    expect(kernel?.release).toBe('6.1.0-50');
    expect(kernel?.series).toBe('6.1');
  });

  test('a version of one part takes the newest series, and all its packages', () => {
    const packages = available('s390x', {
      'linux-modules-7.2.13+deb14-s390x': '7.2.13-1',
      'linux-binary-7.2.13+deb14-s390x': '7.2.13-1',
      'linux-base-7.2.13+deb14-s390x': '7.2.13-1',
      'linux-modules-7.3-s390x': '7.3~rc7-1~exp1',
      'linux-binary-7.3-s390x': '7.3~rc7-1~exp1',
      'linux-base-7.3-s390x': '7.3~rc7-1~exp1',
    });
    const kernel = chooseKernel('7', 's390x', packages, compare);
    expect(kernel?.series).toBe('7.3');
    expect(kernel?.packages).toEqual(packages.slice(3));
  });

  test('a companion of another version is an error, not a mixture', () => {
    const packages = available('s390x', {
      'linux-modules-7.3-s390x': '7.3-2',
      'linux-binary-7.3-s390x': '7.3-1',
      'linux-base-7.3-s390x': '7.3-2',
    });
    expect(() => chooseKernel('7.3', 's390x', packages, compare)).toThrow('linux-binary-7.3-s390x');
  });

  test('packages of another architecture do not count', () => {
    const packages = available('amd64', { 'linux-image-6.1.0-50-s390x': '6.1.176-1' });
    expect(chooseKernel('6.1', 's390x', packages, compare)).toBeUndefined();
  });
});
