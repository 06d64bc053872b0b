import type { ArchitectureDefinition, FinalizationOrder, FinalizationStep } from '@kelp/core';
import { wrongBounds } from './bounds.ts';
import { replaced, swapped, within, without, type Change, type Mutant } from './mutant.ts';

/** Every order of finalization steps with one thing wrong. */
export function* stepMutants(
  definition: ArchitectureDefinition,
  series: readonly string[],
): Generator<Mutant> {
  const orders = definition.finalization;
  for (const [index, order] of orders.entries()) {
    for (const { what, value } of wrongOrders(order, series)) {
      yield {
        group: 'patch steps',
        name: `order ${index}: ${what}`,
        definition: { ...definition, finalization: replaced(orders, index, value) },
      };
    }
  }
}

function wrongOrders(
  order: FinalizationOrder,
  series: readonly string[],
): readonly Change<FinalizationOrder>[] {
  const { applies, steps } = order;
  return [
    ...within(wrongBounds(applies, series), '', (value) =>
      value === undefined ? order : { ...order, applies: value },
    ),
    ...within(wrongLists(steps), '', (value) => ({ ...order, steps: value })),
    { what: 'no list of ftrace call sites', value: { ...order, ftraceSections: [] } },
  ];
}

function wrongLists(steps: readonly FinalizationStep[]): readonly Change<readonly FinalizationStep[]>[] {
  return steps.flatMap((step, index) => [
    { what: `${step.name} is missing`, value: without(steps, index) },
    ...(index + 1 < steps.length
      ? [{ what: `${steps[index + 1]?.name} before ${step.name}`, value: swapped(steps, index) }]
      : []),
    ...within(wrongSteps(step), `${step.name}: `, (value) => replaced(steps, index, value)),
  ]);
}

function wrongSteps(step: FinalizationStep): readonly Change<FinalizationStep>[] {
  const { patch, inHeaderOrder, ...rest } = step;
  const [first, ...others] = step.sections;
  return [
    { what: 'another function', value: { ...step, function: `${step.function}_x` } },
    ...(first === undefined
      ? []
      : [{ what: `not in ${first}`, value: { ...step, sections: [`${first}x`, ...others] } }]),
    ...(patch === undefined
      ? []
      : [
          {
            what: 'patches nothing',
            value: { ...rest, ...(inHeaderOrder === undefined ? {} : { inHeaderOrder }) },
          },
        ]),
  ];
}
