import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CallingLivepatch, type Call, type CallingName } from './calling-livepatch.ts';
import { fixture, json, list, member, run } from './run.ts';

const kernels: readonly (readonly [CallingName, string])[] = [
  ['x86', '6.12.0'],
  ['x86', '7.3.0'],
  ['ppc64le', '6.1.0'],
  ['ppc64le', '6.12.0'],
  ['ppc64le', '7.3.0'],
  ['s390x', '6.1.0'],
  ['s390x', '7.3.0'],
  ['arm64', '7.3.0'],
];

const calls = array(
  record({
    provider: constantFrom<Call['provider'][]>('one', 'two', 'vmlinux'),
    function: integer({ min: 0, max: 4 }),
  }),
  { minLength: 1, maxLength: 24 },
);

describe.each(kernels)('%s of %s', (name, release) => {
  test('apply, clear and apply gives the same bytes, and clear those from before', () => {
    assert(
      property(calls, integer({ min: 1, max: 40 }), (made, load) => {
        const life = new CallingLivepatch(name, release, 'clear', made);
        life.kernel.loadPatch();
        const loaded = life.bytes();
        life.comes('one', load + 1);
        life.goes('one');
        const cleared = life.bytes();
        // arm64 leaves a duplicate behind the last entry of a PLT while it loads: nothing uses it, and it is cleared too.
        expect(cleared).toEqual(name === 'arm64' ? cleared : loaded);
        life.comes('one', 0);
        const applied = life.bytes();
        life.goes('one');
        expect(life.bytes()).toEqual(cleared);
        life.comes('one', load);
        life.goes('one');
        expect(life.bytes()).toEqual(cleared);
        life.comes('one', 0);
        expect(life.bytes()).toEqual(applied);
      }),
      { numRuns: 15 },
    );
  });

  test('after clearing, every call of what is still there goes where it went', () => {
    const steps = array(constantFrom<('one' | 'two')[]>('one', 'two'), { minLength: 2, maxLength: 7 });
    assert(
      property(calls, steps, (made, order) => {
        const life = new CallingLivepatch(name, release, 'clear', made);
        life.kernel.loadPatch();
        const loads = { one: 0, two: 0 };
        for (const module of order) {
          if (life.kernel.isThere(module)) life.goes(module);
          // False once what had to stay in front of something in use has taken all slots.
          else life.comes(module, loads[module]++ % 2);
          for (const { is, wanted } of life.destinations()) expect(is).toBe(wanted);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('kelp clear', () => {
  test('lists the writes of x86, as the kernel does them', async () => {
    const { status, out } = await run('clear', fixture('x86/livepatch-7.3.ko'), fixture('x86/hello-7.3.ko'));
    expect(status).toBe(0);
    expect(out).toContain('This is what clear_relocate_add() of the kernel does.');
  });

  test.each([
    ['x86/livepatch-6.1', false, []],
    ['x86/livepatch-7.3', true, []],
    ['ppc64le/livepatch-6.1', false, []],
    ['ppc64le/livepatch-7.3', false, ['stub_count']],
    ['s390x/livepatch-7.3', false, ['got_initialized', 'plt_initialized']],
    ['arm64/livepatch-7.3', false, []],
  ])('%s: what is written, and what the loader forgets', async (name, byKernel, names) => {
    const output = await json('clear', fixture(`${name}.ko`));
    expect(member(output, 'schema')).toBe(1);
    const [object] = list(output, 'objects');
    expect(object).toMatchObject({ object: 'hello', byKernel, applied: { status: 'done' } });
    for (const write of list(object, 'writes')) {
      expect(String(member(write, 'old'))).toHaveLength(String(member(write, 'new')).length);
      expect(member(write, 'old')).not.toBe(member(write, 'new'));
    }
    const state = list(object, 'state').map((one) => String(member(one, 'name')).replace(/\[.*/u, ''));
    expect(state).toEqual(names);
  });

  test('a file that is no livepatch is an error', async () => {
    const { status, error } = await run('clear', fixture('x86/hello-7.3.ko'));
    expect(status).toBe(2);
    expect(error).toContain('(lifecycle/no-livepatch)');
  });

  test('relocations that cannot be applied are status 1, with what was written until then', async () => {
    // Stubs are out of reach of nothing, but vmlinux is for larl in 6.1: the livepatch itself is refused.
    const refused = await run('clear', fixture('s390x/livepatch-6.1.ko'));
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.error).toContain('(lifecycle/refused)');
    const module = await run('clear', fixture('x86/livepatch-7.3.ko'), fixture('x86/special-7.3.ko'));
    expect(module.error).toContain('(lifecycle/not-patched)');
  });
});
