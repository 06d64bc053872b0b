import { describe, expect, it } from 'vitest';
import { parseKernel } from '@kelp/core';
import { apply, applyAndClear, type Case } from './apply.ts';

const place = 0xc008_0000_0034_0000n;

// One instruction a line, as it stands in a little-endian file.
const bl = '01000048';
const blToStub = '01010048';
const nop = '00000060';
const loadSavedToc = '180041e8';

function call(before: string, release: string, name = 'printk', external = true): Case {
  return {
    kernel: parseKernel(release),
    before,
    letters: { D: place + 0x100n, P: place },
    symbol: { name, external },
  };
}

describe('the word after a call', () => {
  it.each(['5.10', '6.1', '6.3', '6.12', '7.3'])(
    'becomes ld r2,24(r1) where it is a nop, in %s',
    (release) => {
      const test = call(bl + nop, release);
      expect(apply('R_PPC64_REL24', test)).toMatchObject({
        after: blToStub + loadSavedToc,
        outcome: { status: 'applied' },
      });
      expect(applyAndClear('R_PPC64_REL24', test)).toBe(bl + nop);
    },
  );

  it.each(['5.10', '6.1', '6.2.16'])('must not be ld r2,24(r1) already in %s', (release) => {
    const { after, outcome } = apply('R_PPC64_REL24', call(bl + loadSavedToc, release));
    expect(outcome).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
      reason: 'a nop must follow the call, found 0xe8410018',
    });
    expect(after).toBe(bl + loadSavedToc);
  });

  it.each(['6.3', '6.12', '7.3'])('may be ld r2,24(r1) already in %s', (release) => {
    const { after, outcome } = apply('R_PPC64_REL24', call(bl + loadSavedToc, release));
    expect(outcome.status).toBe('applied');
    expect(after).toBe(blToStub + loadSavedToc);
  });

  it.each(['6.1', '7.3'])('must not be another instruction in %s', (release) => {
    const { after, outcome } = apply('R_PPC64_REL24', call(`${bl}000063e8`, release));
    expect(outcome).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
      reason: 'a nop must follow the call, found 0xe8630000',
    });
    expect(after).toBe(`${bl}000063e8`);
  });

  it('must be there', () => {
    const { outcome } = apply('R_PPC64_REL24', call(bl, '7.3'));
    expect(outcome).toMatchObject({
      status: 'refused',
      reason: 'a nop must follow the call, found the end of the section',
    });
  });

  it.each([
    ['a call within the module', call(bl + nop, '7.3', 'helper', false), blToStub + nop],
    ['a call of _mcount', call(bl + nop, '6.1', '_mcount'), blToStub + nop],
    ['a call of ftrace_caller', call(`${bl}000063e8`, '6.1', 'ftrace_caller'), `${blToStub}000063e8`],
    ['a call of ftrace_regs_caller', call(bl + nop, '6.1', 'ftrace_regs_caller'), blToStub + nop],
    ['a sibling call', call(`00000048${nop}`, '7.3'), `00010048${nop}`],
    ['an absolute call', call(`03000048${nop}`, '7.3'), `03010048${nop}`],
  ])('stays as it is after %s', (_what, test, after) => {
    expect(apply('R_PPC64_REL24', test)).toMatchObject({ after, outcome: { status: 'applied' } });
    expect(applyAndClear('R_PPC64_REL24', test)).toBe(test.before);
  });

  it('is rewritten before the distance is tested', () => {
    const test = { ...call(bl + nop, '7.3'), letters: { D: place + 0x200_0000n, P: place } };
    const { after, outcome } = apply('R_PPC64_REL24', test);
    expect(outcome).toMatchObject({ status: 'refused', errno: 'ENOEXEC', written: true });
    expect(after).toBe(bl + loadSavedToc);
  });
});

describe('the prologue of the large code model', () => {
  // ld r2,-8(r12); add r2,r2,r12
  const large = 'f8ff4ce81462427c';

  function entry(distance: bigint, before = large): Case {
    return { before, letters: { S: 0x1234n, P: place, TOC: place + distance } };
  }

  it.each([
    [0x1_8000n, '02004c3c00804238'],
    [-0x8000_8000n, '00804c3c00804238'],
    [0x7fff_7fffn, 'ff7f4c3cff7f4238'],
  ])('computes a distance of %d with addis and addi', (distance, after) => {
    expect(apply('R_PPC64_ENTRY', entry(distance))).toMatchObject({ after, outcome: { status: 'applied' } });
    expect(applyAndClear('R_PPC64_ENTRY', entry(distance))).toBe(large);
  });

  it.each([-0x8000_8001n, 0x7fff_8000n, 0x1_0000_0000n])('stays where the TOC is %d away', (distance) => {
    expect(apply('R_PPC64_ENTRY', entry(distance))).toMatchObject({
      after: large,
      outcome: { status: 'applied' },
    });
    expect(applyAndClear('R_PPC64_ENTRY', entry(distance))).toBe(large);
  });

  it.each([
    ['another register', 'f8ff6ce81462427c'],
    ['another load', 'faff4ce81462427c'],
    ['another second instruction', 'f8ff4ce800000060'],
    ['the computed form already', '02004c3c00804238'],
  ])('stays where it has %s', (_what, before) => {
    expect(apply('R_PPC64_ENTRY', entry(0x1_8000n, before))).toMatchObject({
      after: before,
      outcome: { status: 'applied' },
    });
  });

  it('takes any displacement of the load', () => {
    expect(apply('R_PPC64_ENTRY', entry(0x1_8000n, '00004ce81462427c')).after).toBe('02004c3c00804238');
    expect(apply('R_PPC64_ENTRY', entry(0x1_8000n, 'fc7f4ce81462427c')).after).toBe('02004c3c00804238');
  });
});
