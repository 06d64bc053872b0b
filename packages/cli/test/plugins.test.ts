import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SHF_ALLOC, SHT_PROGBITS, SHT_RELA, writeObjectFile } from '@kelp/core/elf';
import { beforeEach, describe, expect, test } from 'vitest';
import { architectures, coverageSubjects, usePlugins } from '../src/architectures.ts';
import { fixture, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const plugin = fileURLToPath(new URL('../../../tools/workspace/external/my-arch.mjs', import.meta.url));
const folder = new TemporaryFolder();

const modinfo = Buffer.from('license=GPL\0vermagic=6.12.107 SMP\0');
const bytes = writeObjectFile({
  machine: 65,
  byteOrder: 'little',
  sections: [
    { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: modinfo },
    { name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(16) },
    {
      name: '.rela.text',
      type: SHT_RELA,
      info: 2,
      relocations: [{ offset: 4, type: 1, symbol: 1, addend: 0n }],
    },
  ],
  symbols: [{ name: 'target', section: 2 }],
});

beforeEach(async () => {
  await usePlugins([]);
});

describe('kelp --plugin', () => {
  test('inspects a module of an architecture that the command does not know', async () => {
    const module = folder.write('toy.ko', bytes);
    expect(await run('inspect', module)).toMatchObject({ status: 2 });
    const inspected = await json('--plugin', plugin, 'inspect', module);
    expect(member(inspected, 'architecture')).toBe('pdp11');
    expect((await run('--plugin', plugin, 'inspect', module)).out).toContain('R_PDP11_REL32');
  });

  test('explains and lists it, with nothing shown of it', async () => {
    expect((await run('--plugin', plugin, 'explain', 'R_PDP11_REL32')).out).toContain('S + A - P');
    const rows = list(await json('--plugin', plugin, 'matrix', '--architecture', 'pdp-11'), 'rows');
    expect(rows.length).toBeGreaterThan(20);
    expect(JSON.stringify(rows)).not.toMatch(/"flags":\["/u);
  });

  test('lasts for one run', async () => {
    await run('--plugin', plugin, 'explain', 'REL32');
    const { status, error } = await run('explain', '--architecture', 'pdp11', 'REL32');
    expect(status).toBe(2);
    expect(error).toContain('architecture "pdp11" is none of');
  });

  test('takes a definition as well as an architecture, and the evidence beside it', async () => {
    const { relocationType: _type, specialSection: _section, ...definition } = await definitionOf(plugin);
    const own = folder.write(
      'own.mjs',
      `export default ${JSON.stringify({ ...definition, relocationTypes: [], specialSections: [] })};`,
    );
    folder.write(
      'evidence.json',
      JSON.stringify({ schema: 1, architecture: 'pdp11', code: 'x', records: [] }),
    );
    await usePlugins([own]);
    expect(architectures.at(-1)?.id).toBe('pdp11');
    expect(coverageSubjects().at(-1)?.evidence.code).toBe('x');
  });

  test.each([
    ['a file that is not there', 'missing.mjs', undefined, 'plugin/unreadable'],
    ['a module without architectures', 'empty.mjs', 'export const x = 1;', 'plugin/no-architecture'],
    [
      'a table that contradicts itself',
      'wrong.mjs',
      'const row = { number: 1, name: "R", rules: [] }; export const a = { id: "a", title: "a", aliases: [], elf: { machine: 1, byteOrder: "little" }, abi: "", relocationTypes: [row, row], specialSections: [], finalization: [], support: { capabilities: [], tools: [] } };',
      'architecture/invalid',
    ],
    [
      'a name that is taken',
      'taken.mjs',
      'export const a = { id: "amd64", title: "a", aliases: [], elf: { machine: 1, byteOrder: "little" }, abi: "", relocationTypes: [], specialSections: [], finalization: [], support: { capabilities: [], tools: [] } };',
      'plugin/conflict',
    ],
  ])('%s is an error', async (_what, name, content, code) => {
    const path = content === undefined ? join(folder.path, name) : folder.write(name, content);
    const { status, error } = await run('--plugin', path, 'inspect', fixture('x86/hello-6.1.ko'));
    expect(status).toBe(2);
    expect(error).toContain(code);
  });
});

async function definitionOf(path: string): Promise<Record<string, unknown>> {
  const module: unknown = await import(path);
  return Object.fromEntries(Object.entries(Object(member(module, 'pdp11'))));
}
