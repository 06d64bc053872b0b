import {
  compileFormula,
  type ArchitectureDefinition,
  type AppliedRule,
  type Errno,
  type Field,
  type FieldPart,
  type RelocationRule,
  type RelocationType,
  type Step,
} from '@kelp/core';
import { wrongBounds } from './bounds.ts';
import { replaced, swapped, within, without, type Change, type Mutant } from './mutant.ts';

/** Every relocation row with one thing wrong. */
export function* relocationMutants(
  definition: ArchitectureDefinition,
  series: readonly string[],
): Generator<Mutant> {
  const types = definition.relocationTypes;
  for (const [index, type] of types.entries()) {
    const refuses = type.rules.every(({ verdict }) => verdict === 'refused');
    for (const { what, value } of wrongTypes(type, types[index + 1] ?? types[index - 1], series)) {
      yield {
        group: refuses ? 'refused rows' : 'accepted rows',
        name: `${type.name}: ${what}`,
        definition: { ...definition, relocationTypes: replaced(types, index, value) },
      };
    }
  }
}

function wrongTypes(
  type: RelocationType,
  neighbor: RelocationType | undefined,
  series: readonly string[],
): readonly Change<RelocationType>[] {
  const { number, name, rules } = type;
  return [
    { what: 'the number is one more', value: { ...type, number: number + 1 } },
    { what: 'the number is one less', value: { ...type, number: number - 1 } },
    { what: 'the number is far off', value: { ...type, number: number + 1000 } },
    { what: 'the name is misspelled', value: { ...type, name: `${name}X` } },
    ...(neighbor === undefined
      ? []
      : [{ what: "the name is the neighbor's", value: { ...type, name: neighbor.name } }]),
    ...rules.flatMap((rule, index) => [
      // Where no rule holds the type is refused: a missing refusal among several rules changes nothing.
      ...(rule.verdict === 'refused' && rules.length > 1
        ? []
        : [{ what: `rule ${index} is missing`, value: { ...type, rules: without(rules, index) } }]),
      ...within(wrongRules(rule, series), rules.length > 1 ? `rule ${index}: ` : '', (value) => ({
        ...type,
        rules: replaced(rules, index, value),
      })),
    ]),
  ];
}

function wrongRules(rule: RelocationRule, series: readonly string[]): readonly Change<RelocationRule>[] {
  const { source } = rule;
  const common = rule.applies === undefined ? { source } : { source, applies: rule.applies };
  const bounds = within(wrongBounds(rule.applies, series), '', (applies) =>
    applies === undefined ? rule : { ...rule, applies },
  );
  const ignored: Change<RelocationRule> = { what: 'it is ignored', value: { ...common, verdict: 'ignored' } };
  const refused: Change<RelocationRule> = {
    what: 'it is refused',
    value: { ...common, verdict: 'refused', errno: 'ENOEXEC' },
  };
  if (rule.verdict === 'ignored') return [refused, ...bounds];
  if (rule.verdict === 'refused')
    return [ignored, { what: 'another error', value: { ...rule, errno: otherErrno(rule.errno) } }];
  return [
    ignored,
    refused,
    ...bounds,
    // A rule without steps stores nothing: value and field show nowhere.
    ...(rule.steps.length === 0 ? [] : within(wrongFormulas(rule), '', (formula) => ({ ...rule, formula }))),
    ...(rule.steps.length === 0 ? [] : within(wrongFields(rule.field), '', (field) => ({ ...rule, field }))),
    ...within(wrongSteps(rule.steps), '', (steps) => ({ ...rule, steps })),
  ];
}

function otherErrno(errno: Errno): Errno {
  return errno === 'EPERM' ? 'EFAULT' : 'EPERM';
}

/** A sign turned round, a letter left out, a half of the value instead of all of it. */
function wrongFormulas({ formula }: AppliedRule): readonly Change<AppliedRule['formula']>[] {
  const { text } = formula;
  const texts = [
    ...[...text.matchAll(/ [+-] /gu)].map(({ 0: sign, index }) => {
      const other = sign === ' + ' ? ' - ' : ' + ';
      return text.slice(0, index) + other + text.slice(index + sign.length);
    }),
    ...[...text.matchAll(/ [+-] [A-Z]+(?![A-Za-z(])/gu)].map(
      ({ 0: term, index }) => text.slice(0, index) + text.slice(index + term.length),
    ),
    // The field cuts lo() off by itself.
    ...[...text.matchAll(/\b(?:ha|Page)(?=\()/gu)].map(
      ({ 0: name, index }) => text.slice(0, index) + text.slice(index + name.length),
    ),
  ];
  return texts.map((one) => ({ what: `the formula is ${one}`, value: compileFormula(one) }));
}

function wrongFields(field: Field): readonly Change<Field>[] {
  const { size, shift, parts, byteOrder } = field;
  const sizes = ([1, 2, 4, 8] as const).filter((other) => other === size * 2 || other === size / 2);
  return [
    ...sizes.map((other) => ({ what: `the field has ${other} bytes`, value: { ...field, size: other } })),
    { what: 'one more bit is shifted out', value: { ...field, shift: shift + 1 } },
    ...(shift > 0 ? [{ what: 'one bit less is shifted out', value: { ...field, shift: shift - 1 } }] : []),
    ...parts.flatMap((part, index) =>
      within(wrongParts(part), parts.length > 1 ? `part ${index}: ` : '', (value) => ({
        ...field,
        parts: replaced(parts, index, value),
      })),
    ),
    ...(size > 1 && byteOrder !== undefined
      ? [
          {
            what: 'the other byte order',
            value: { ...field, byteOrder: byteOrder === 'big' ? 'little' : 'big' } as const,
          },
        ]
      : []),
  ];
}

function wrongParts(part: FieldPart): readonly Change<FieldPart>[] {
  return (['at', 'width', 'from'] as const).flatMap((member) => [
    { what: `${member} is one more`, value: { ...part, [member]: part[member] + 1 } },
    { what: `${member} is one less`, value: { ...part, [member]: part[member] - 1 } },
  ]);
}

function wrongSteps(steps: readonly Step[]): readonly Change<readonly Step[]>[] {
  return steps.flatMap((step, index) => [
    { what: `without its ${step.kind}`, value: without(steps, index) },
    // The order of two checks shows nowhere: both refuse with the same error.
    ...(index + 1 < steps.length && !(isCheck(step) && isCheck(steps[index + 1]))
      ? [{ what: `${steps[index + 1]?.kind} before ${step.kind}`, value: swapped(steps, index) }]
      : []),
    ...within(wrongStep(step), '', (value) => replaced(steps, index, value)),
  ]);
}

function isCheck(step: Step | undefined): boolean {
  return step !== undefined && step.kind !== 'write' && step.kind !== 'special';
}

function wrongStep(step: Step): readonly Change<Step>[] {
  if (step.kind === 'write' || step.kind === 'special') return [];
  const error = { what: `another error of ${step.kind}`, value: { ...step, errno: otherErrno(step.errno) } };
  if (step.kind === 'existing-zero') return [error];
  if (step.kind === 'aligned') {
    return [
      error,
      { what: 'half the alignment', value: { ...step, to: step.to / 2 } },
      { what: 'twice the alignment', value: { ...step, to: step.to * 2 } },
    ];
  }
  const { min, max } = step;
  const other = min < 0n ? { min: 0n, max: max - min } : { min: -(max + 1n) / 2n, max: max / 2n };
  return [
    error,
    { what: 'the range begins one earlier', value: { ...step, min: min - 1n } },
    { what: 'the range begins one later', value: { ...step, min: min + 1n } },
    { what: 'the range ends one earlier', value: { ...step, max: max - 1n } },
    { what: 'the range ends one later', value: { ...step, max: max + 1n } },
    { what: 'the other sign', value: { ...step, ...other } },
  ];
}
