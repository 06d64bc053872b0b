import { renderTerminal } from '@kelp/report';
import { describe, expect, test } from 'vitest';
import { loadJson, loadReport } from '../src/load-report.ts';
import { loadToy } from './memory-of.ts';

describe('a load', () => {
  const loaded = loadToy();

  test('as data', () => {
    expect(loadJson('toy.ko', loaded)).toMatchObject({
      schema: 1,
      file: 'toy.ko',
      refused: null,
      written: [
        { cause: 'relocation', bytes: 7, writes: 1 },
        { cause: 'seal', bytes: 1, writes: 1 },
      ],
      open: [],
      findings: [],
    });
  });

  test('on a terminal', () => {
    const shown = renderTerminal(loadReport('toy.ko', loaded), { width: undefined, color: false });
    expect(shown).toContain('Loaded.');
    expect(shown).toMatch(/^ +text +\.text +0x10000 +48$/mu);
    expect(shown).toMatch(/^ +relocation +7 +1$/mu);
  });
});

test('a refusal tells place, symbol and reason, with what control characters its names have', () => {
  const loaded = {
    ...loadToy(),
    refused: {
      phase: 'relocate' as const,
      errno: 'ENOEXEC' as const,
      section: '.te\u001bxt',
      offset: 255,
      symbol: 'far',
      reason: 'too far',
    },
  };
  const shown = renderTerminal(loadReport('toy.ko', loaded), { width: undefined, color: false });
  expect(shown).toContain(String.raw`Refused with ENOEXEC in phase relocate: .te\x1bxt: 0xff: far: too far`);
  expect(loadJson('toy.ko', loaded)).toMatchObject({ refused: { errno: 'ENOEXEC', offset: 255 } });
});
