import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { members, readJson } from '../src/json.ts';
import { packageFolders, packageOf, readSourceFiles, repository } from '../src/source-files.ts';

const root = readJson(`${repository}package.json`);

describe.each(packageFolders)('packages/%s', (folder) => {
  const manifest = readJson(`${repository}packages/${folder}/package.json`);

  test('is named after its folder and has the common fields', () => {
    expect(manifest).toMatchObject({
      name: `@kelp/${folder}`,
      license: 'MIT',
      type: 'module',
      sideEffects: false,
      repository: { directory: `packages/${folder}` },
      engines: root['engines'],
    });
    expect(manifest['description']).toBeTypeOf('string');
  });

  test.each(['LICENSE', 'README.md', 'tsconfig.json', 'tsup.config.ts'])('has %s', (file) => {
    expect(existsSync(`${repository}packages/${folder}/${file}`)).toBe(true);
  });

  test('has tests', () => {
    // vitest.config.ts leaves out folders without tests; this is where they are missed.
    const path = `${repository}packages/${folder}/test`;
    const files = existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [];
    expect(files.filter((name) => name.endsWith('.test.ts'))).not.toEqual([]);
  });

  test('lists every package its sources import, and only those', () => {
    const declared = [
      ...Object.keys(members(manifest['dependencies'])),
      ...Object.keys(members(manifest['peerDependencies'])),
    ];
    const imported = readSourceFiles([folder], 'src')
      .flatMap((file) => file.imports.map(packageOf))
      .filter((name) => name !== undefined && name !== `@kelp/${folder}` && !hasTypesOnly(name));
    expect(new Set(imported)).toEqual(new Set(declared));
  });
});

test('every package has the license of the repository', () => {
  const license = readFileSync(`${repository}LICENSE`, 'utf8');
  for (const folder of packageFolders) {
    expect(readFileSync(`${repository}packages/${folder}/LICENSE`, 'utf8')).toBe(license);
  }
});

/** A name that only @types has declares the types of a file format: no package of that name is there to import. */
function hasTypesOnly(name: string): boolean {
  const folder = `${repository}node_modules`;
  return existsSync(`${folder}/@types/${name}`) && !existsSync(`${folder}/${name}`);
}
