import { readFileSync } from 'node:fs';
import { parseKernel } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { loadModule, type LoadedModule, type Write } from '@kelp/loader';
import { describe, expect, test } from 'vitest';
import { x86 } from '../src/index.ts';
import { toHex } from './test-image.ts';

// Made up: 16 MiB for each area, functions of the kernel 4 KiB apart.
const areas = new Map(
  ['core', 'text', 'rodata', 'ro_after_init', 'data', 'init', 'init_text', 'init_rodata', 'init_data'].map(
    (name, index) => [name, 0xffffffffc0000000n + BigInt(index) * 0x1000000n] as const,
  ),
);

const registers = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];

function kernelSymbols(): {
  address(name: string): bigint | undefined;
  functionAt(address: bigint): string | undefined;
} {
  const known = new Map<string, bigint>();
  return {
    address(name) {
      if (name.startsWith('__crc_')) return undefined;
      const register = registers.findIndex((one) => name === `__x86_indirect_thunk_${one}`);
      if (register !== -1) return 0xffffffff82000000n + BigInt(register * 32);
      const address = known.get(name) ?? 0xffffffff81000000n + BigInt(known.size * 0x1000);
      known.set(name, address);
      return address;
    },
    functionAt: (address) => [...known].find(([, value]) => value === address)?.[0],
  };
}

interface Options {
  readonly features?: Readonly<Record<string, boolean>>;
  readonly without?: readonly string[];
  readonly change?: (bytes: Uint8Array) => void;
}

function load(
  file: string,
  release: string,
  { features = {}, without = [], change }: Options = {},
): LoadedModule {
  const bytes = Uint8Array.from(readFileSync(new URL(`../../testkit/fixtures/x86/${file}`, import.meta.url)));
  change?.(bytes);
  return loadModule({
    object: parseObjectFile(bytes, file),
    architecture: x86,
    kernel: parseKernel(release),
    machine: { pageSize: 4096, smp: false, feature: (name) => features[name], value: () => undefined },
    addresses: { areas },
    external: kernelSymbols(),
    without: new Set(without),
  });
}

const modules = [
  ['special-6.1.ko', '6.1.0-50-amd64'],
  ['special-6.12.ko', '6.12.107'],
  ['special-7.2.ko', '7.2.13'],
  ['special-7.3.ko', '7.3-rc7'],
] as const;

function countByCause(loaded: LoadedModule): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { cause } of loaded.image.log.writes()) counts[cause] = (counts[cause] ?? 0) + 1;
  return counts;
}

const bare = {
  RETPOLINE: false,
  RETPOLINE_LFENCE: false,
  RETHUNK: false,
  INDIRECT_THUNK_ITS: false,
  CALL_DEPTH: false,
  UP: true,
};

describe('modules with all special sections', () => {
  test.each([
    // Functions of the 6.1 module have no endbr64 to seal.
    [
      'special-6.1.ko',
      '6.1.0-50-amd64',
      { alternative: 3, paravirt: 2, retpoline: 4, 'return-thunk': 13, 'smp-lock': 2, ftrace: 9 },
    ],
    [
      'special-6.12.ko',
      '6.12.107',
      { alternative: 4, retpoline: 5, 'return-thunk': 16, 'smp-lock': 2, 'ibt-seal': 1, ftrace: 11 },
    ],
    [
      'special-7.3.ko',
      '7.3-rc7',
      { alternative: 4, retpoline: 5, 'return-thunk': 16, 'ibt-seal': 1, ftrace: 11 },
    ],
  ] as const)('%s: what %s writes', (file, release, expected) => {
    const loaded = load(file, release, { features: { ...bare, SMAP: true, REP_GOOD: true, XENPV: false } });
    expect(loaded.refused).toBeUndefined();
    expect(countByCause(loaded)).toMatchObject(expected);
  });

  test('the bytes of alternatives, returns and indirect branches', () => {
    const { image } = load('special-7.3.ko', '7.3-rc7', {
      features: { ...bare, SMAP: true, REP_GOOD: false, XENPV: false },
    });
    const text = image.section('.text');
    const code = toHex(image.read(text?.address ?? 0n, text?.size ?? 0));
    // stac; pushf; pop %rax; a return; cs call *%rax; jmp *%r10.
    for (const bytes of [
      '0f 01 cb',
      '9c 58 0f 1f 40 00',
      'c3 cc cc cc cc',
      '2e 2e 2e ff d0',
      '41 ff e2 cc cc cc',
    ]) {
      expect(code).toContain(bytes);
    }
  });

  test.each(modules)('%s: a step that is left out leaves out its own writes', (file, release) => {
    const steps = {
      alternatives: 'alternative',
      'retpoline-sites': 'retpoline',
      'return-thunk-sites': 'return-thunk',
      'ibt-sealing': 'ibt-seal',
    };
    const all = countByCause(load(file, release, { features: bare }));
    const causes = Object.values(steps);
    for (const [step, cause] of Object.entries(steps)) {
      const counts = countByCause(load(file, release, { features: bare, without: [step] }));
      expect(causes.map((one) => counts[one])).toEqual(
        causes.map((one) => (one === cause ? undefined : all[one])),
      );
    }
  });

  test.each(modules)('%s: rewinding the log gives back the file', (file, release) => {
    const { image } = load(file, release, { features: bare });
    image.log.rewind(0, (area, offset, old) => {
      image.areas[area]?.bytes.set(old, offset);
    });
    const placed = image.areas.flatMap(({ area, bytes }) =>
      area.placements
        .filter(({ noBits }) => !noBits)
        .map(({ section, offset }) => ({ bytes, section, offset })),
    );
    expect(
      placed.map(({ bytes, section, offset }) =>
        toHex(bytes.subarray(offset, offset + section.bytes.length)),
      ),
    ).toEqual(placed.map(({ section }) => toHex(section.bytes)));
  });

  test.each(modules)('%s: a changed byte of text changes that byte', (file, release) => {
    const before = load(file, release, { features: bare });
    const text = before.image.section('.text');
    const place = text === undefined ? -1 : changedPlace(before, text.address, text.size);
    expect(place).toBeGreaterThan(0);
    const after = load(file, release, {
      features: bare,
      change: (bytes) => {
        const section = parseObjectFile(bytes).sections[text?.index ?? 0];
        const at = (section?.bytes.byteOffset ?? 0) - bytes.byteOffset + place;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
      },
    });
    const [old, now] = [before, after].map(
      ({ image }) => image.read(text?.address ?? 0n, text?.size ?? 0) ?? new Uint8Array(),
    );
    const different = [...(old ?? [])].flatMap((byte, index) => (byte === now?.[index] ? [] : [index]));
    expect(different).toEqual([place]);
  });
});

/** A byte of a section that nothing writes and that belongs to no instruction that is looked at: int3 or nop at its end. */
function changedPlace({ image }: LoadedModule, address: bigint, size: number): number {
  const written = new Set<number>();
  const area = image.areas.findIndex(
    (one) => address >= one.address && address < one.address + BigInt(one.bytes.length),
  );
  const start = Number(address - (image.areas[area]?.address ?? 0n));
  const isHere = (write: Write): boolean => write.area === area;
  for (const { offset, length } of [...image.log.writes()].filter(isHere)) {
    for (let at = offset; at < offset + length; at++) written.add(at - start);
  }
  for (let place = size - 1; place > 0; place--) if (!written.has(place)) return place;
  return -1;
}

test('an address that does not fit its field is refused with an errno', () => {
  // R_X86_64_32S cannot hold an address of the module.
  const loaded = loadModule({
    object: parseObjectFile(
      readFileSync(new URL('../../testkit/fixtures/x86/relocations-6.1.ko', import.meta.url)),
    ),
    architecture: x86,
    kernel: parseKernel('6.1.0-50-amd64'),
    machine: { pageSize: 4096, smp: false, feature: () => undefined, value: () => undefined },
    addresses: { areas: new Map([['core', 0x7000_0000_0000n]]) },
    external: kernelSymbols(),
  });
  expect(loaded.refused).toMatchObject({ phase: 'relocate', errno: 'ENOEXEC' });
});
