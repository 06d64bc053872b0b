import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { allOrders, strategies } from '@kelp/livepatch';
import { describe, expect, test } from 'vitest';
import { fixture, json, list, listWith, member, run, textLike } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** The lives of a fixture's livepatch with the module that it patches. */
async function lives(
  name: string,
  release: string,
  ...options: readonly string[]
): Promise<readonly unknown[]> {
  const files = ['livepatch', 'hello'].map((file) => fixture(`${name}/${file}-${release}.ko`));
  return list(await json('lifecycle', ...files, ...options), 'lives');
}

async function steps(
  name: string,
  release: string,
  ...options: readonly string[]
): Promise<readonly unknown[]> {
  const [life] = await lives(name, release, ...options);
  return list(life, 'steps');
}

describe('the kernel', () => {
  test('x86 of 6.1 refuses the reload, in the words of its log', async () => {
    const reload = (await steps('x86', '6.1'))[3];
    expect(reload).toMatchObject({
      step: 'load-target',
      target: 'hello',
      status: 'refused',
      errno: 'ENOEXEC',
      moment: 'klp_module_coming',
      section: '.text',
      messages: [
        textLike(
          /^module: x86\/modules: Skipping invalid relocation target, existing value is nonzero for type 4, loc /u,
        ),
        "livepatch: failed to initialize patch 'livepatch' for module 'hello' (-8)",
        "livepatch: patch 'livepatch' failed for module 'hello', refusing to load module 'hello'",
      ],
    });
    expect(list(reload, 'stale').length).toBeGreaterThan(0);
  });

  test('x86 of 7.3 clears, and what it wrote for the second load is cleared too', async () => {
    const played = await steps('x86', '7.3');
    expect(played.every((step) => member(step, 'status') === 'done')).toBe(true);
    expect(member(played[2], 'stale')).toEqual([]);
    const written = list(played[1], 'changes').map((one) => [member(one, 'address'), member(one, 'new')]);
    const cleared = list(played[2], 'changes').map((one) => [member(one, 'address'), member(one, 'old')]);
    expect(cleared).toEqual(written);
  });

  test('s390x leads calls and data into the module as it was loaded before', async () => {
    const reload = (await steps('s390x', '7.3'))[3];
    expect(reload).toMatchObject({ status: 'done', misdirected: [{ kind: 'got' }] });
  });

  test('ppc64le of 6.12 and later runs out of stubs, 6.1 finds no nop', async () => {
    expect((await steps('ppc64le', '7.3'))[3]).toMatchObject({ status: 'refused', errno: 'ENOENT' });
    expect((await steps('ppc64le', '6.1'))[3]).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
      messages: listWith(textLike(/Expected nop after call/u)),
    });
  });

  test('arm64 applies late what it reaches', async () => {
    const played = await steps('arm64', '7.3');
    expect(played.map((step) => member(step, 'status'))).toEqual(played.map(() => 'done'));
  });

  test('a livepatch of a kernel without livepatch is refused', async () => {
    expect((await steps('arm64', '7.3', '--kernel', '6.12'))[0]).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
      moment: 'check_modinfo_livepatch',
    });
  });
});

describe.each(['x86', 'ppc64le', 's390x', 'arm64'])('strategies on %s', (name) => {
  test('all of them are played, and clearing or resetting leaves nothing behind', async () => {
    const played = await lives(name, '7.3', '--strategy', 'all');
    expect(played.map((life) => member(life, 'strategy'))).toEqual(strategies.map((one) => one.name));
    for (const life of played) {
      if (!['clear', 'per-object', 'reset'].includes(String(member(life, 'strategy')))) continue;
      expect(member(life, 'faults')).toEqual({
        failedLoads: 0,
        deaths: 0,
        refusedRemovals: 0,
        lost: 0,
        stale: 0,
        leaked: 0,
        misdirected: 0,
      });
    }
  });

  test('without late modules the livepatch waits for its module, and holds it', async () => {
    const order = 'load-patch,load-target,load-patch,unload-target,disable,unload-target';
    const [life] = await lives(name, '7.3', '--strategy', 'early', '--steps', order);
    expect(list(life, 'steps').map((step) => [member(step, 'step'), member(step, 'status')])).toEqual([
      ['load-patch', 'refused'],
      ['load-target', 'done'],
      ['load-patch', 'done'],
      ['unload-target', 'refused'],
      ['disable', 'done'],
      ['unload-target', 'done'],
    ]);
  });

  test('every order of steps ends with neither a fault nor an error of its own', async () => {
    for (const order of allOrders()) {
      const [life] = await lives(name, '7.3', '--strategy', 'reset', '--steps', order.join());
      // A module that goes after the livepatch was disabled leaves stale fields: nobody uses them any more.
      expect(member(life, 'faults')).toMatchObject({ failedLoads: 0, deaths: 0, misdirected: 0 });
    }
  });
});

describe('what coming late costs', () => {
  test('is told with the strategies: sections that finalization would have made otherwise, and bytes to keep', async () => {
    const files = ['livepatch', 'hello'].map((file) => fixture(`x86/${file}-7.3.ko`));
    const output = await json('lifecycle', ...files, '--strategy', 'all');
    expect(member(output, 'early')).toMatchObject({
      late: { status: 'done' },
      early: { status: 'done' },
      sections: [
        { section: '.text', relocations: 3 },
        { section: '.data', relocations: 1 },
      ],
    });
    expect(member(output, 'costs')).toMatchObject({ relocations: 4, changed: 14, modules: 1 });
    const { out } = await run('lifecycle', ...files, '--strategy', 'all');
    expect(out).toContain(
      'Loaded after its modules, the livepatch: done with late relocations, done with early ones',
    );
    expect(out).toContain('Resetting places only keeps:');
  });
});

describe('output', () => {
  const folder = new TemporaryFolder();

  test('the memory after each step goes into folders', async () => {
    const out = join(folder.path, 'out');
    await run('lifecycle', fixture('x86/livepatch-7.3.ko'), '--output', out, '--strategy', 'clear');
    const written = readdirSync(join(out, 'clear'));
    expect(written).toHaveLength(7);
    expect(existsSync(join(out, 'clear', 's2-load-target', 'memory', 'livepatch', 'section-1.bin'))).toBe(
      true,
    );
  });

  test('the text says what is wrong, and what was made up', async () => {
    const files = [fixture('s390x/livepatch-7.3.ko'), fixture('s390x/hello-7.3.ko')];
    const { status, out } = await run('lifecycle', ...files, '--strategy', 'all', '--bytes');
    expect(status).toBe(1);
    expect(out).toContain('Made up, the same way each time: configuration');
    expect(out).toMatch(
      /got slot at 0x3ff\w+ leads to 0x3ff\w+ instead of 0x3ff\w+: \.klp\.sym\.hello\.events,0/u,
    );
  });

  test('symbols of vmlinux that a list does not have are missed', async () => {
    const names = join(folder.path, 'symbols.klp');
    await run('symbols', fixture('x86/hello-7.3.ko'), '-o', names);
    const { status, error } = await run('lifecycle', fixture('x86/livepatch-7.3.ko'), '--symbols', names);
    expect(status).toBe(2);
    expect(error).toContain('(lifecycle/no-symbols)');
  });

  test.each([
    ['--strategy', 'hope', 'lifecycle/strategy'],
    ['--steps', 'reboot', 'lifecycle/step'],
  ])('%s %s is an error', async (option, value, code) => {
    const { status, error } = await run('lifecycle', fixture('x86/livepatch-7.3.ko'), option, value);
    expect(status).toBe(2);
    expect(error).toContain(code);
  });
});
