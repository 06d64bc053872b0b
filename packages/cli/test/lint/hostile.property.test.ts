import { readFileSync } from 'node:fs';
import { isKelpError, parseKernel, requireArchitecture } from '@kelp/core';
import { parseObjectFile, SHF_ALLOC } from '@kelp/core/elf';
import { lint, lintReport } from '@kelp/livepatch';
import { findingJson, findingTables, githubAnnotations, renderSarif, renderTerminal } from '@kelp/report';
import { array, assert, constantFrom, integer, property, record, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { architectures } from '../../src/architectures.ts';
import { fixture } from '../run.ts';
import { findings, late } from './parts.ts';

const files = [
  'x86/livepatch-6.1',
  'ppc64le/livepatch-7.3',
  's390x/livepatch-7.3',
  'arm64/livepatch-7.3',
].map((name) => readFileSync(fixture(`${name}.ko`)));

/** Everything that is done with a file; what the file is to blame for is a KelpError. */
function lintBytes(bytes: Uint8Array): void {
  try {
    const object = parseObjectFile(bytes, 'patch.ko');
    const architecture = requireArchitecture(object, architectures);
    const result = lint({ object, architecture, kernel: parseKernel('7.3') });
    const tool = { name: 'kelp', version: '0.0.0', address: 'https://example.org' };
    const report = lintReport(result, object, { file: 'patch.ko', kernel: '7.3', tool });
    renderSarif(report);
    githubAnnotations(report);
    findingJson(report);
    findingTables(report);
  } catch (error) {
    if (!isKelpError(error)) throw error;
  }
}

describe('damaged livepatches', () => {
  it('end in findings or in a typed error', () => {
    const change = record({
      at: integer({ min: 0, max: 2 ** 30 }),
      value: constantFrom(0, 1, 4, 0x20, 0x7f, 0xff),
    });
    assert(
      property(
        constantFrom(...files.keys()),
        array(change, { minLength: 1, maxLength: 12 }),
        (index, changes) => {
          const bytes = Uint8Array.from(files[index] ?? []);
          // Headers, symbols and records stand at the end; half of the changes go there.
          for (const { at, value } of changes) {
            const place =
              at % 2 === 0 ? at % bytes.length : bytes.length - 1 - (at % Math.min(bytes.length, 4096));
            bytes[place] = value;
          }
          lintBytes(bytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('end in findings or in a typed error when they are cut off', () => {
    assert(
      property(constantFrom(...files.keys()), integer({ min: 0, max: 2 ** 30 }), (index, at) => {
        const file = files[index] ?? new Uint8Array(1);
        lintBytes(Uint8Array.from(file.subarray(0, at % file.length)));
      }),
      { numRuns: 25 },
    );
  });
});

describe('names that would break an output', () => {
  it('are found under their own name, whatever it is', () => {
    const name = string({ minLength: 1, maxLength: 40, unit: 'binary' }).filter(
      (text) => !text.includes('\0'),
    );
    assert(
      property(name, (text) => {
        const symbol = `.klp.sym.xfs.${text.replaceAll(/[,\ud800-\udfff]/gu, '_')},0`;
        const parts = {
          late: [late('.data.late', 8, 9, symbol)],
          sections: [{ name: '__ksymtab', flags: SHF_ALLOC, bytes: new Uint8Array(8) }],
        };
        const refused = findings('x86', parts).find(({ rule }) => rule.code === 'KLP401');
        expect(refused?.symbol).toBe(symbol);
      }),
      { numRuns: 25 },
    );
  });

  it.each(['__proto__', 'x'.repeat(511), '\u001b[31m', 'a.b-c', '](x)'])('%j', (name) => {
    const found = findings('x86', {
      objects: [{ name, functions: [{ oldName: name, position: 0n }] }],
      input: { symbols: new Map([[name, ['other']]]) },
    });
    expect(found.map(({ rule }) => rule.code)).toContain('KLP107');
    const text = renderTerminal(
      { title: 't', blocks: [{ kind: 'list', items: found.map(({ object = '' }) => object) }] },
      { color: false },
    );
    expect(text).not.toContain('\u001b');
  });
});
