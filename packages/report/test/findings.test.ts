import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import findingsSchema from '../schema/findings.schema.json' with { type: 'json' };
import {
  applyBaseline,
  findingJson,
  findingTables,
  githubAnnotations,
  githubSummary,
  needsAttention,
  parseBaseline,
  renderSarif,
  renderTerminal,
  type FindingReport,
} from '../src/index.ts';
import { hostile, sample } from './finding-samples.ts';

// The schema is of draft 4, and uses nothing that later drafts read in another way. One of its patterns is none with the flag u.
const { $schema: _draft, id: _id, ...sarifSchema } = schema;
const validateSarif = new Ajv({
  strict: false,
  allErrors: true,
  validateFormats: false,
  unicodeRegExp: false,
}).compile(sarifSchema);
const validateJson = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(
  findingsSchema,
);

function accepting(...accepted: readonly unknown[]): FindingReport {
  return applyBaseline(sample, parseBaseline(JSON.stringify({ schema: 1, accepted })));
}

const accepted = accepting(
  { rule: 'KLP702', object: 'ext4', section: '.text', reason: 'never unloaded' },
  { rule: 'KLP702', object: 'xfs', reason: 'gone' },
);

function sarif(report: FindingReport): unknown {
  const log: unknown = JSON.parse(renderSarif(report));
  expect([validateSarif(log), validateSarif.errors]).toEqual([true, null]);
  return log;
}

describe('SARIF', () => {
  it('is what the schema of OASIS allows, with every name escaped', () => {
    expect(sarif(sample)).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'kelp', rules: [{ id: 'KLP203', name: 'ObjectNotPatched' }, {}, {}] } },
          results: [
            {
              ruleId: 'KLP203',
              ruleIndex: 0,
              level: 'error',
              message: {
                text:
                  String.raw`no klp_object is named .text\[x\](y){{0}}|` +
                  '`' +
                  String.raw`%0A\\x0d\\x0a::error::\\x1b\[31m<b>,`,
              },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: 'out%20dir/patch%231.ko' },
                    region: { byteOffset: 80 },
                  },
                },
              ],
            },
            {
              level: 'warning',
              locations: [{ physicalLocation: { artifactLocation: { uri: 'file:///lib/patch.ko' } } }],
            },
            { level: 'note' },
          ],
        },
      ],
    });
  });

  it('keeps accepted findings as suppressed ones, and tells of stale entries', () => {
    expect(sarif(accepted)).toMatchObject({
      runs: [
        {
          results: [{}, { suppressions: [{ kind: 'external', justification: 'never unloaded' }] }, {}],
          invocations: [{ toolExecutionNotifications: [{ level: 'note' }, { level: 'warning' }] }],
        },
      ],
    });
  });

  it('is refused by the schema where it is wrong', () => {
    const log: unknown = JSON.parse(renderSarif(sample).replace('"level": "error"', '"level": "fatal"'));
    expect(validateSarif(log)).toBe(false);
  });

  it('has the same fingerprint when a finding moves inside its section', () => {
    const place = { section: hostile, offset: 99 };
    const moved = { ...sample, findings: sample.findings.slice(0, 1).map((one) => ({ ...one, place })) };
    const fingerprint = /"kelpFinding\/v1": (.*)/u;
    expect(fingerprint.exec(renderSarif(moved))?.[1]).toBe(fingerprint.exec(renderSarif(sample))?.[1]);
  });
});

describe('GitHub Actions', () => {
  it('one command for each finding, on one line, whatever the names', () => {
    const lines = githubAnnotations(sample).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toBe(
      '::error file=out dir/patch#1.ko,title=KLP203 Relocations wait for an object::' +
        String.raw`.text[x](y){0}|` +
        '`' +
        String.raw`%250A\x0d\x0a::error::\x1b[31m<b>,+0x10: xfs: .text[x](y){0}|` +
        '`' +
        String.raw`%250A\x0d\x0a::error::\x1b[31m<b>,: no klp_object is named .text[x](y){0}|` +
        '`' +
        String.raw`%250A\x0d\x0a::error::\x1b[31m<b>,`,
    );
    expect(lines[1]).toBe(
      '::warning file=/lib/patch.ko,title=KLP702 Slots keep addresses::.text+0x4: ext4: 2 of 3 relocations use a slot',
    );
    expect(lines[2]).toMatch(/^::notice file=patch\.ko,/u);
  });

  it('properties cannot end early', () => {
    const file = String.raw`a,title=b::c%` + '\n';
    const report = { ...sample, findings: sample.findings.slice(2).map((one) => ({ ...one, file })) };
    expect(githubAnnotations(report)).toContain(
      String.raw`::notice file=a%2Ctitle=b%3A%3Ac%25\x0a,title=KLP503`,
    );
  });

  it('accepted findings are no annotations, stale entries are', () => {
    const text = githubAnnotations(accepted);
    expect(text).not.toContain('KLP702 Slots');
    expect(text).toContain(
      '::warning title=stale baseline::KLP702 (gone) matches no finding; remove the entry\n',
    );
  });

  it('the summary is Markdown', () => {
    expect(githubSummary(accepted)).toMatch(
      /^# patch\.ko: livepatch for 7\.3\n\n1 error, 0 warnings, 1 note; 1 accepted\n/u,
    );
    expect(githubSummary(accepted)).not.toContain('\u001b');
  });
});

describe('a baseline', () => {
  it('matches what its members say, and counts what is left', () => {
    expect(accepted.findings.map((finding) => finding.accepted)).toEqual([
      undefined,
      'never unloaded',
      undefined,
    ]);
    expect(accepted.stale.map(({ reason }) => reason)).toEqual(['gone']);
    expect(needsAttention(accepted)).toBe(true);
    const all = accepting(
      { rule: 'KLP203', file: 'out dir/patch#1.ko', reason: 'a' },
      { rule: 'KLP702', reason: 'b' },
    );
    expect([all.stale, needsAttention(all)]).toEqual([[], false]);
    expect(needsAttention({ ...all, stale: accepted.stale })).toBe(true);
  });

  it.each([
    ['baseline/json', '{'],
    ['baseline/schema', '[]'],
    ['baseline/schema', '{"schema": 2, "accepted": []}'],
    ['baseline/entry', '{"schema": 1, "accepted": [{"reason": "x"}]}'],
    ['baseline/entry', '{"schema": 1, "accepted": [{"rule": "KLP1", "reason": "x", "offset": 3}]}'],
    ['baseline/entry', '{"schema": 1, "accepted": ["KLP1"]}'],
    ['baseline/reason', '{"schema": 1, "accepted": [{"rule": "KLP1"}]}'],
    ['baseline/reason', '{"schema": 1, "accepted": [{"rule": "KLP1", "reason": " "}]}'],
  ])('%s: %s', (code, text) => {
    expect(() => parseBaseline(text, 'b.json')).toThrowError(
      expect.objectContaining({ code, file: 'b.json' }),
    );
  });

  it('takes names for data', () => {
    const [entry] = parseBaseline(
      '{"schema": 1, "accepted": [{"rule": "KLP1", "__proto__": "x", "reason": "y"}]}',
    );
    expect([...(entry?.where ?? [])]).toEqual([['__proto__', 'x']]);
  });
});

describe('findings for people and programs', () => {
  it('the tables say what to do, what is accepted and what was not judged', () => {
    const text = renderTerminal(findingTables(accepted), { color: false });
    for (const part of [
      '1 error, 0 warnings, 1 note; 1 accepted',
      'Add a klp_object.',
      'never unloaded',
      'gone',
      'Symbols of',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('\u001b');
  });

  it('without findings there is no table', () => {
    const text = renderTerminal(findingTables({ ...sample, findings: [], notJudged: [] }), { color: false });
    expect(text).toBe('patch.ko: livepatch for 7.3\n\n0 errors, 0 warnings, 0 notes\n');
  });

  it('the JSON holds its schema', () => {
    const json: unknown = JSON.parse(
      JSON.stringify({ ...findingJson(accepted), file: 'x', architecture: 'x86', kernel: '7.3' }),
    );
    expect([validateJson(json), validateJson.errors]).toEqual([true, null]);
    expect(json).toMatchObject({
      findings: [
        { rule: 'KLP203', name: 'object-not-patched', section: hostile, offset: 16, fileOffset: 80 },
        { accepted: 'never unloaded' },
        { section: null },
      ],
    });
  });
});
