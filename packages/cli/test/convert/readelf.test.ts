import { spawnSync } from 'node:child_process';
import { dialectNames } from '@kelp/livepatch';
import { describe, expect, test } from 'vitest';
import { hasJudge, judgeEnvironment } from '../judges.ts';
import { TemporaryFolder } from '../temporary-folder.ts';
import { bytesOf, convert, converted, livepatches, symbols, unconverted } from './marked-fixture.ts';

const folder = new TemporaryFolder();

/** What readelf prints; a warning goes to the error stream. */
function readelf(option: string, bytes: Uint8Array): { readonly out: string; readonly error: string } {
  const file = folder.write('judged.ko', bytes);
  const { stdout, stderr } = spawnSync('readelf', [option, '-W', file], {
    encoding: 'utf8',
    env: judgeEnvironment,
  });
  return { out: stdout, error: stderr };
}

/** Livepatch relocations as readelf lists them, without the names of their sections, which dialects choose. */
function listedRelocations(bytes: Uint8Array): readonly string[] {
  const sections = readelf('-r', bytes).out.split('\n\n');
  const late = sections.filter((text) => text.includes("section '.klp.rela."));
  return late.map((text) => text.trim().split('\n').slice(2).join('\n')).toSorted();
}

describe.skipIf(!hasJudge('readelf'))('readelf reads what was converted', () => {
  test.each(livepatches.flatMap((name) => dialectNames.map((dialect) => [name, dialect] as const)))(
    '%s, marked in the dialect %s',
    (name, dialect) => {
      const result = converted(convert(unconverted(bytesOf(name), dialect), { symbols, dialect }));
      const { out, error } = readelf('-a', result);
      expect(error).toBe('');
      expect(out).not.toMatch(/warning|corrupt|<unknown|<no-/iu);
      expect(listedRelocations(result)).toEqual(listedRelocations(bytesOf(name)));
      expect(listedRelocations(result).length).toBeGreaterThan(2);
    },
  );
});
