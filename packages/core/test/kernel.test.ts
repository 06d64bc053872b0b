import { describe, expect, test } from 'vitest';
import {
  appliesTo,
  compareKernel,
  describeApplicability,
  hasOption,
  kernelSeries,
  parseConfiguration,
  parseKernel,
  parseSeries,
  type Applicability,
} from '../src/kernel.ts';

describe('parseKernel', () => {
  test.each([
    ['6.12', 6, 12, 0],
    ['7.3-rc7', 7, 3, 0],
    ['6.12.107+deb13-amd64', 6, 12, 107],
    ['6.6.0', 6, 6, 0],
    ['6.1.77-custom', 6, 1, 77],
    ['6.6.0+', 6, 6, 0],
    ['10.20.300', 10, 20, 300],
  ])('reads the numbers of %s', (release, major, minor, patch) => {
    expect(parseKernel(release)).toEqual({ release, major, minor, patch, configuration: undefined });
  });

  test.each(['6.1.0-50-amd64', '5.14.0-427.el9.x86_64', '6.8.0-31-generic'])(
    'knows no patch level of %s, whose third number is frozen',
    (release) => {
      expect(parseKernel(release).patch).toBeUndefined();
    },
  );

  test('keeps the configuration', () => {
    const configuration = new Map([['SMP', 'y']]);
    expect(parseKernel('6.12', configuration).configuration).toBe(configuration);
  });

  test.each(['', 'unknown', '6', 'v6.1', '.6', '6.', ' 6.1', '-1.2', '12345.1', '6.12345'])(
    'refuses %j with kernel/release',
    (release) => {
      expect(() => parseKernel(release)).toThrow(expect.objectContaining({ code: 'kernel/release' }));
    },
  );
});

test('the series of a kernel is its first two numbers', () => {
  expect(kernelSeries(parseKernel('6.12.107+deb13-amd64'))).toBe('6.12');
});

describe('a stable series as a kernel', () => {
  test('is newer than every patch level of it', () => {
    expect(compareKernel(parseSeries('6.12'), '6.12.999')).toBeGreaterThan(0);
  });

  test('is older than the next', () => {
    expect(compareKernel(parseSeries('6.12'), '6.13')).toBeLessThan(0);
  });

  test('keeps the configuration', () => {
    const configuration = new Map([['SMP', 'y']]);
    expect(parseSeries('6.12', configuration)).toMatchObject({ release: '6.12', configuration });
  });
});

describe('compareKernel', () => {
  test.each([
    ['5.10.200', '6.1'],
    ['6.1.76', '6.2'],
    ['6.1.76', '6.1.77'],
    ['6.9', '6.10'],
  ] as const)('%s is older than %s', (release, version) => {
    expect(compareKernel(parseKernel(release), version)).toBeLessThan(0);
  });

  test.each([
    ['6.1.77', '6.1.77'],
    ['6.1.77', '6.1'],
    ['6.1.0-50-amd64', '6.1'],
    ['7.3-rc7', '7.3'],
  ] as const)('%s is not older and not newer than %s', (release, version) => {
    expect(compareKernel(parseKernel(release), version)).toBe(0);
  });

  test.each([
    ['6.2', '6.1.77'],
    ['6.1.78', '6.1.77'],
    ['6.10', '6.9'],
    ['7.0', '6.12'],
  ] as const)('%s is newer than %s', (release, version) => {
    expect(compareKernel(parseKernel(release), version)).toBeGreaterThan(0);
  });

  test('a frozen release is newer than every patch level of its series', () => {
    expect(compareKernel(parseKernel('6.1.0-50-amd64'), '6.1.999')).toBeGreaterThan(0);
  });
});

function holds(applies: readonly Applicability[] | undefined, release: string): boolean {
  return appliesTo(applies, parseKernel(release));
}

describe('appliesTo', () => {
  test('an absent list holds always', () => {
    expect(holds(undefined, '2.6')).toBe(true);
  });

  test('an empty list holds never', () => {
    expect(holds([], '6.12')).toBe(false);
  });

  test('since is included', () => {
    expect(['6.1.99', '6.2', '6.3'].map((release) => holds([{ since: '6.2' }], release))).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('before is excluded', () => {
    expect(['6.1.99', '6.2', '6.3'].map((release) => holds([{ before: '6.2' }], release))).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('a bound may name a patch level', () => {
    const applies = [{ since: '6.1.77', before: '6.1.80' }] as const;
    expect(['6.1.76', '6.1.77', '6.1.79', '6.1.80'].map((release) => holds(applies, release))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  describe('with a backport to two stable series', () => {
    const applies = [
      { since: '6.1.77', before: '6.2' },
      { since: '6.6.16', before: '6.7' },
      { since: '6.8' },
    ] as const;

    test.each(['6.1.77', '6.1.0-50-amd64', '6.6.16', '6.8', '7.3-rc7'])('%s has it', (release) => {
      expect(holds(applies, release)).toBe(true);
    });

    test.each(['5.10.300', '6.1.76', '6.2', '6.5.13', '6.6.15', '6.7.12'])('%s does not', (release) => {
      expect(holds(applies, release)).toBe(false);
    });
  });

  describe('with configuration conditions', () => {
    const applies = [{ since: '6.1', config: { SMP: true, DEBUG: false } }] as const;
    const configured = (...options: readonly [string, string][]): boolean =>
      appliesTo(applies, parseKernel('6.1', new Map(options)));

    test('all of them must be met', () => {
      expect(configured(['SMP', 'y'])).toBe(true);
    });

    test('an option that must be off may not be on', () => {
      expect(configured(['SMP', 'y'], ['DEBUG', 'y'])).toBe(false);
    });

    test('an option that must be on may not be off', () => {
      expect(configured(['DEBUG', 'n'])).toBe(false);
    });

    test('the range counts as well', () => {
      expect(appliesTo(applies, parseKernel('6.0', new Map([['SMP', 'y']])))).toBe(false);
    });

    test('without a configuration every option counts as off', () => {
      const kernel = parseKernel('6.1');
      const [on, off] = [{ config: { SMP: true } }, { config: { SMP: false } }];
      expect([appliesTo([on], kernel), appliesTo([off], kernel)]).toEqual([false, true]);
    });
  });
});

test.each([
  ['y', true],
  ['m', true],
  ['n', false],
  ['0x10', false],
  ['"y"', false],
])('an option with the value %s is on: %s', (value, on) => {
  expect(hasOption(parseKernel('6.1', new Map([['OPTION', value]])), 'OPTION')).toBe(on);
});

describe('parseConfiguration', () => {
  test('takes CONFIG_ lines without the prefix, values as written', () => {
    const text = 'CONFIG_SMP=y\nCONFIG_LOCALVERSION="-x=y"\nCONFIG_NR_CPUS=8192\nCONFIG_EMPTY=\n';
    expect([...parseConfiguration(text)]).toEqual([
      ['SMP', 'y'],
      ['LOCALVERSION', '"-x=y"'],
      ['NR_CPUS', '8192'],
      ['EMPTY', ''],
    ]);
  });

  test('leaves out comments, blank lines and other text', () => {
    expect(parseConfiguration('# CONFIG_SMP is not set\n\nCONFIG_SMP\n CONFIG_X=y\nSMP=y\n').size).toBe(0);
  });

  test('takes lines that end in CR and LF', () => {
    expect([...parseConfiguration('CONFIG_SMP=y\r\nCONFIG_NUMA=m\r\n')]).toEqual([
      ['SMP', 'y'],
      ['NUMA', 'm'],
    ]);
  });

  test('takes the last of two lines', () => {
    expect(parseConfiguration('CONFIG_SMP=y\nCONFIG_SMP=m').get('SMP')).toBe('m');
  });
});

describe('describeApplicability', () => {
  test.each([
    [undefined, 'always'],
    [[], 'never'],
    [[{}], 'always'],
    [[{ since: '6.2' }], 'since 6.2'],
    [[{ since: '6.2', before: '7.3' }], 'since 6.2 before 7.3'],
    [[{ before: '6.1.77' }, { since: '6.2', before: '6.5' }], 'before 6.1.77, or since 6.2 before 6.5'],
    [
      [{ since: '6.2', config: { SMP: true, DEBUG: false } }],
      'since 6.2 with CONFIG_SMP=y with CONFIG_DEBUG=n',
    ],
  ] satisfies (readonly [readonly Applicability[] | undefined, string])[])(
    'says %j as %j',
    (applies, words) => {
      expect(describeApplicability(applies)).toBe(words);
    },
  );
});
