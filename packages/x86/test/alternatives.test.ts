import { describe, expect, test } from 'vitest';
import { applyAlternatives } from '../src/alternatives.ts';
import { derive, hex, little, testImage, type TestImage } from './test-image.ts';

// Addresses and bytes without a comment are of kvm, kvm_amd and bridge as they stood in memory in 6.1 and 7.3.

interface Entry {
  readonly feature: readonly [word: number, bit: number];
  /** ALT_FLAG_NOT 1, ALT_FLAG_DIRECT_CALL 2. */
  readonly flags?: number;
  readonly length: number;
  readonly at: bigint;
  readonly code: string;
}

interface Site {
  readonly release: string;
  readonly address: bigint;
  readonly code: string;
  readonly entries: readonly Entry[];
  readonly features?: Readonly<Record<string, boolean>>;
  readonly symbols?: Readonly<Record<string, bigint>>;
  readonly answers?: Readonly<Record<string, string>>;
}

const tableAddress = 0xffffffffc0f00000n;

/** A table with all the entries, in the format of the kernel. */
function table(release: string, address: bigint, entries: readonly Entry[]): Uint8Array {
  const older = release.startsWith('6.1.') || release.startsWith('5.');
  const size = older ? 12 : 14;
  return Uint8Array.from(
    entries.flatMap(({ feature: [word, bit], flags = 0, length, at, code }, index) => {
      const place = tableAddress + BigInt(index * size);
      const number = word * 32 + bit;
      const cpuid = older ? little(number | (flags << 15), 2) : [...little(number, 2), ...little(flags, 2)];
      return [
        ...little(address - place, 4),
        ...little(at - place - 4n, 4),
        ...cpuid,
        length,
        hex(code).length,
      ];
    }),
  );
}

function apply(site: Site): TestImage {
  const image = testImage({
    release: site.release,
    sections: [
      { name: '.text', address: site.address, bytes: hex(site.code) },
      ...site.entries.map(({ at, code }) => ({
        name: '.altinstr_replacement',
        address: at,
        bytes: hex(code),
      })),
      {
        name: '.altinstructions',
        address: tableAddress,
        bytes: table(site.release, site.address, site.entries),
      },
    ],
    features: site.features ?? {},
    symbols: site.symbols ?? {},
    answers: site.answers ?? {},
  });
  applyAlternatives(image);
  return image;
}

/** The same site with another replacement in each entry. */
function withCode(site: Site, code: string): Site {
  return { ...site, entries: site.entries.map((entry) => ({ ...entry, code })) };
}

function patched(site: Site): string {
  return apply(site).hex(site.address, hex(site.code).length);
}

/** The lengths that the first two entries have in memory; entries of 14 bytes. */
function lengths(image: TestImage): readonly string[] {
  return [image.hex(tableAddress + 12n, 1), image.hex(tableAddress + 26n, 1)];
}

describe('a single alternative', () => {
  const clac: Site = {
    release: '6.1.0-50-amd64',
    address: 0xffffffffc07bb437n,
    code: '90 90 90',
    entries: [{ feature: [9, 20], length: 3, at: 0xffffffffc080728fn, code: '0f01cb' }],
  };

  test('the replacement, where the feature is on', () => {
    expect(patched({ ...clac, features: { SMAP: true } })).toBe('0f 01 cb');
  });

  test('one nop, where it is off', () => {
    expect(patched({ ...clac, features: { SMAP: false } })).toBe('0f 1f 00');
  });

  test('a feature that nobody knows is asked, and taken to be off', () => {
    const image = apply(clac);
    expect(image.hex(clac.address, 3)).toBe('0f 1f 00');
    expect(image.questions.map(({ kind, id, address }) => [kind, id, address])).toEqual([
      ['feature', 'SMAP', clac.address],
    ]);
    expect(derive(image, 'SMAP', '0f01cb')).toBe('on');
    expect(derive(image, 'SMAP', '0f1f00')).toBe('off');
    expect(derive(image, 'SMAP', '909090')).toBeUndefined();
    // A breakpoint hides one byte. What is one byte from both answers says nothing.
    expect(derive(image, 'SMAP', 'cc01cb')).toBe('on');
    expect(derive(image, 'SMAP', 'cc1f00')).toBe('off');
    expect(derive(image, 'SMAP', '0f01cc')).toBe('on');
    expect(derive(image, 'SMAP', '0f0100')).toBeUndefined();
    expect(patched({ ...clac, answers: { SMAP: 'on' } })).toBe('0f 01 cb');
  });

  test('a bit without a name is asked by its number', () => {
    const image = apply({ ...clac, entries: clac.entries.map((entry) => ({ ...entry, feature: [0, 10] })) });
    expect(image.questions[0]?.id).toBe('bit 10');
  });

  test('padding behind the replacement: cli', () => {
    const cli: Site = {
      release: '6.1.0-50-amd64',
      address: 0xffffffffc07bdac5n,
      code: 'ff1500000000',
      entries: [{ feature: [8, 16], flags: 1, length: 6, at: 0xffffffffc08072bdn, code: 'fa' }],
      features: { XENPV: false },
    };
    expect(patched(cli)).toBe('fa 0f 1f 44 00 00');
    expect(patched({ ...cli, release: '7.3-rc7' })).toBe('fa 0f 1f 44 00 00');
    expect(patched({ ...cli, features: { XENPV: true } })).toBe('ff 15 00 00 00 00');
  });

  test('a call is rebased', () => {
    const copyPage: Site = {
      release: '6.1.0-50-amd64',
      address: 0xffffffffc06ba8dcn,
      code: 'e800000000',
      entries: [{ feature: [3, 16], length: 5, at: 0xffffffffc06d0a72n, code: 'e8b9ae31c1' }],
      features: { REP_GOOD: true },
    };
    // 0xffffffffc06d0a77 - 0x3ece5147 = 0xffffffff819eb930 = 0xffffffffc06ba8e1 - 0x3eccefb1
    expect(patched(copyPage)).toBe('e8 4f 10 33 c1');
    expect(patched({ ...copyPage, release: '6.12.107' })).toBe('e8 4f 10 33 c1');
  });

  test('a replacement that cannot be read leaves the original', () => {
    const image = testImage({
      release: '7.3-rc7',
      sections: [
        { name: '.text', address: clac.address, bytes: hex(clac.code) },
        {
          name: '.altinstructions',
          address: tableAddress,
          bytes: table('7.3-rc7', clac.address, clac.entries),
        },
      ],
      features: { SMAP: true },
    });
    applyAlternatives(image);
    expect(image.hex(clac.address, 3)).toBe('90 90 90');
  });
});

describe('jumps', () => {
  const forward: Site = {
    release: '6.1.0-50-amd64',
    address: 0xffffffffc07cd426n,
    code: 'e900000000',
    entries: [{ feature: [3, 21], length: 5, at: 0xffffffffc0807314n, code: 'e98561fcff' }],
  };

  test('a short distance makes a jump of 2 bytes, padded by version', () => {
    expect(patched(forward)).toBe('eb 76 0f 1f 00');
    expect(patched({ ...forward, release: '6.8.1' })).toBe('eb 76 cc cc cc');
    expect(patched({ ...forward, release: '6.12.107' })).toBe('eb 76 cc cc cc');
    expect(patched({ ...forward, release: '7.3-rc7' })).toBe('eb 76 cc cc cc');
  });

  test('a backward jump stays near up to 6.4', () => {
    // From ...426 back to ...416.
    const backward = withCode(forward, 'e9fd60fcff');
    expect(patched(backward)).toBe('e9 eb ff ff ff');
    expect(patched({ ...backward, release: '6.5' })).toBe('eb ee cc cc cc');
  });

  test('the edge of a short jump', () => {
    // Jumps of 127 and 128 bytes behind the short form.
    expect(patched(withCode(forward, 'e98e61fcff'))).toBe('eb 7f 0f 1f 00');
    expect(patched(withCode(forward, 'e98f61fcff'))).toBe('e9 7d 00 00 00');
    expect(patched({ ...withCode(forward, 'e98e61fcff'), release: '7.3-rc7' })).toBe('eb 7f cc cc cc');
    expect(patched({ ...withCode(forward, 'e98f61fcff'), release: '7.3-rc7' })).toBe('e9 7d 00 00 00');
  });

  test('a far one keeps its 5 bytes', () => {
    const far: Site = {
      release: '6.1.0-50-amd64',
      address: 0xffffffffc07e7557n,
      code: 'e900000000',
      entries: [{ feature: [3, 21], length: 5, at: 0xffffffffc080734fn, code: 'e9affefdff' }],
    };
    expect(patched(far)).toBe('e9 a7 fc ff ff');
    expect(patched({ ...far, release: '7.3-rc7' })).toBe('e9 a7 fc ff ff');
  });

  test('static_cpu_has(): the later entry removes the jump', () => {
    const la57: Site = {
      release: '6.1.0-50-amd64',
      address: 0xffffffffc07a36b9n,
      code: 'e900000000',
      entries: [
        { feature: [3, 21], length: 5, at: 0xffffffffc08071ebn, code: 'e9ddc4f9ff' },
        { feature: [16, 16], length: 5, at: 0xffffffffc08071f0n, code: '' },
      ],
    };
    for (const release of ['6.1.0-50-amd64', '6.12.107', '7.3-rc7']) {
      expect(patched({ ...la57, release, features: { LA57: true } })).toBe('0f 1f 44 00 00');
    }
    expect(patched({ ...la57, features: { LA57: false } })).toBe('eb 12 0f 1f 00');
    expect(patched({ ...la57, release: '7.3-rc7', features: { LA57: false } })).toBe('eb 12 cc cc cc');
  });
});

describe('code with several instructions', () => {
  const rsb = '48c7c010000000 e801000000 cc e801000000 cc 4883c410 48ffc8 75eb 0faee8';

  test('branches within the replacement are left alone', () => {
    const fill: Site = {
      release: '6.12.107',
      address: 0xffffffffc0ace1b0n,
      code: '90'.repeat(31),
      entries: [{ feature: [11, 12], length: 31, at: 0xffffffffc0acde48n, code: rsb }],
      features: { RETPOLINE: true },
    };
    const expected = rsb.replaceAll(' ', '').match(/../gu)?.join(' ');
    for (const release of ['6.1.0-50-amd64', '6.8.1', '6.12.107', '7.3-rc7']) {
      expect(patched({ ...fill, release })).toBe(expected);
    }
    // Too long for one nop: up to 6.4 nops of 8 bytes, later a jump over int3.
    const off = { ...fill, features: { RETPOLINE: false } };
    expect(patched({ ...off, release: '6.1.0-50-amd64' })).toBe(
      `${'0f 1f 84 00 00 00 00 00 '.repeat(3)}0f 1f 80 00 00 00 00`,
    );
    expect(patched({ ...off, release: '7.3-rc7' })).toBe(`eb 1d${' cc'.repeat(29)}`);
  });

  test('operands relative to RIP are rebased since 6.5', () => {
    // mov 0x100(%rip),%rax; call: made up.
    const load: Site = {
      release: '6.12.107',
      address: 0x1000n,
      code: '90'.repeat(12),
      entries: [{ feature: [9, 20], length: 12, at: 0x2000n, code: '488b0500010000 e8f00f0000' }],
      features: { SMAP: true },
    };
    const rebased = '48 8b 05 00 11 00 00 e8 f0 1f 00 00';
    for (const release of ['6.5', '6.12.107', '7.3-rc7']) expect(patched({ ...load, release })).toBe(rebased);
    // Before, only a call or jump of 5 bytes was.
    expect(patched({ ...load, release: '6.1.0-50-amd64' })).toBe('48 8b 05 00 01 00 00 e8 f0 0f 00 00');
  });

  test('conditional jumps of both sizes are rebased', () => {
    const conditions: Site = {
      release: '7.3-rc7',
      address: 0x1000n,
      code: '90'.repeat(8),
      // je +0x40 behind the replacement, jne far away: made up.
      entries: [{ feature: [9, 20], length: 8, at: 0x1010n, code: '7440 0f8500010000' }],
      features: { SMAP: true },
    };
    expect(patched(conditions)).toBe('74 50 0f 85 10 01 00 00');
  });

  test('the end of the replacement counts as inside', () => {
    // je to the end, with padding behind it: made up.
    const toEnd: Site = {
      release: '7.3-rc7',
      address: 0x1000n,
      code: '90'.repeat(6),
      entries: [{ feature: [9, 20], length: 6, at: 0x9000n, code: '7401 c3' }],
      features: { SMAP: true },
    };
    expect(patched(toEnd)).toBe('74 01 c3 0f 1f 00');
  });
});

describe('several alternatives for one address', () => {
  // rdtsc: rdtsc is replaced by lfence; rdtsc, and that by rdtscp.
  const rdtsc: Site = {
    release: '6.1.0-50-amd64',
    address: 0xffffffffc07ba57an,
    code: '0f31 909090',
    entries: [
      { feature: [3, 18], length: 5, at: 0xffffffffc0807275n, code: '0faee80f31' },
      { feature: [1, 27], length: 5, at: 0xffffffffc080727an, code: '0f01f9' },
    ],
  };

  test('the last entry whose feature is on wins', () => {
    expect(patched({ ...rdtsc, features: { LFENCE_RDTSC: true, RDTSCP: true } })).toBe('0f 01 f9 66 90');
    expect(patched({ ...rdtsc, features: { LFENCE_RDTSC: true, RDTSCP: false } })).toBe('0f ae e8 0f 31');
    expect(patched({ ...rdtsc, features: { LFENCE_RDTSC: false, RDTSCP: false } })).toBe('0f 31 0f 1f 00');
  });

  test('a hidden feature is not asked, an open one tells from all that it may hide', () => {
    expect(apply({ ...rdtsc, features: { RDTSCP: true } }).questions).toEqual([]);
    const image = apply(rdtsc);
    expect(image.questions.map(({ id }) => id)).toEqual(['RDTSCP', 'LFENCE_RDTSC']);
    expect(derive(image, 'RDTSCP', '0f01f96690')).toBe('on');
    expect(derive(image, 'RDTSCP', '0faee80f31')).toBe('off');
    expect(derive(image, 'RDTSCP', '0f310f1f00')).toBe('off');
    expect(derive(image, 'RDTSCP', 'cccccccccc')).toBeUndefined();
    expect(derive(image, 'LFENCE_RDTSC', '0f01f96690')).toBeUndefined();
  });

  test('nested ones of different length: 6.11 raises lengths in the table, 7.0 does not write it', () => {
    // rep movsb; jmp: made up.
    const nested: Site = {
      release: '6.12.107',
      address: 0x1000n,
      code: '0f31 909090 90',
      entries: [
        { feature: [9, 20], length: 5, at: 0x2000n, code: '0faee8' },
        { feature: [8, 16], flags: 1, length: 6, at: 0x2010n, code: 'fa' },
      ],
      features: { SMAP: true, XENPV: true },
    };
    const since611 = apply(nested);
    expect(since611.hex(0x1000n, 6)).toBe('0f ae e8 0f 1f 00');
    expect(lengths(since611)).toEqual(['06', '06']);
    expect(since611.writes).toContain('alternative 0xffffffffc0f00000');
    const before = apply({ ...nested, release: '6.8.1' });
    expect(before.hex(0x1000n, 6)).toBe('0f ae e8 0f 1f 00');
    expect(lengths(before)).toEqual(['05', '06']);
    // The second entry merges nops of one byte only.
    expect(patched({ ...nested, release: '6.1.0-50-amd64' })).toBe('0f ae e8 66 90 90');
    const since70 = apply({ ...nested, release: '7.3-rc7' });
    expect(since70.hex(0x1000n, 6)).toBe('0f ae e8 0f 1f 00');
    expect(lengths(since70)).toEqual(['05', '06']);
  });
});

describe('calls through pv_ops', () => {
  const symbols = {
    pv_ops: 0xffffffff82e5b340n,
    BUG_func: 0xffffffff822e73b0n,
    nop_func: 0xffffffff822e7390n,
    native_write_msr: 0xffffffff81354b80n,
  };
  // call *pv_ops[22](%rip) is write_msr in 7.3; displacement made up to fit.
  const call: Site = {
    release: '7.3-rc7',
    address: 0xffffffffc0c2e2cdn,
    code: 'ff15 1dd122c2',
    entries: [{ feature: [3, 21], flags: 2, length: 6, at: 0xffffffffc0c96577n, code: 'e8340e65c1' }],
    symbols,
  };

  test('become direct calls of what the pointer holds', () => {
    const image = apply(call);
    const [question] = image.questions;
    expect(question).toMatchObject({ kind: 'kernel-chosen', id: 'pv_ops[22]', address: call.address });
    // The first guess is bare hardware's function.
    expect(question?.candidates[0]?.answer).toBe('0xffffffff81354b80');
    expect(image.hex(call.address, 6)).toBe('e8 ae 68 72 c0 90');
    expect(derive(image, 'pv_ops[22]', 'e8ae6872c090')).toBe('0xffffffff81354b80');
    // No function starts there.
    expect(derive(image, 'pv_ops[22]', 'e8af6872c090')).toBeUndefined();
    expect(derive(image, 'pv_ops[22]', '660f1f440000')).toBe('nothing');
    expect(patched({ ...call, answers: { 'pv_ops[22]': 'nothing' } })).toBe('66 0f 1f 44 00 00');
  });

  test('stay where nobody knows the pointer', () => {
    expect(patched({ ...call, symbols: { BUG_func: symbols.BUG_func } })).toBe('ff 15 1d d1 22 c2');
  });

  test('an instruction hides the call, unless Xen runs the machine', () => {
    const both: Site = {
      ...call,
      entries: [
        ...call.entries,
        { feature: [8, 16], flags: 1, length: 6, at: 0xffffffffc0c9657cn, code: '9c58' },
      ],
    };
    const image = apply(both);
    expect(image.questions.map(({ id }) => id)).toEqual(['XENPV']);
    expect(image.hex(call.address, 6)).toBe('9c 58 0f 1f 40 00');
    expect(derive(image, 'XENPV', '9c580f1f4000')).toBe('off');
    expect(derive(image, 'XENPV', 'e8ae6872c090')).toBe('on');
    expect(derive(image, 'XENPV', 'ff151dd122c2')).toBe(undefined);
    expect(patched({ ...both, features: { XENPV: true } })).toBe('e8 ae 68 72 c0 90');
    expect(
      patched({
        ...both,
        release: '6.12.107',
        features: { XENPV: true },
        answers: { 'pv_ops[22]': '0xffffffff81354b80' },
      }),
    ).toBe('e8 ae 68 72 c0 90');
  });

  test('a replacement that calls the thunk of BUG_func makes a call of the thunk', () => {
    // 9 bytes before BUG_func.
    expect(patched(withCode(call, 'e82b0e65c1'))).toBe('e8 a5 68 72 c0 90');
  });
});
