import { appliesTo, type Architecture, type FinalizationOrder, type FinalizationStep } from '@kelp/core';
import type { Failure } from './failure.ts';
import type { FinalizationFacts, KernelFacts } from './kernel-facts.ts';

const check = 'orders';

/** What module_finalize() does is what its source says: the same functions in the same order, with the same sections. */
export function* checkOrders(architecture: Architecture, { finalizations }: KernelFacts): Generator<Failure> {
  const { finalization } = architecture;
  const steps = finalization.flatMap((order) => order.steps);
  const all = steps.filter(({ phase }) => phase === 'post_relocation');
  const others = steps.filter(({ phase }) => phase !== 'post_relocation');
  for (const facts of finalizations) {
    const order = finalization.find(({ applies }) => appliesTo(applies, facts.kernel));
    if (order === undefined)
      yield { check, message: `${facts.kernel.release}: no order of finalization steps` };
    else yield* compareOrder(order, all, others, facts, (name) => isGeneric(architecture, name));
  }
}

/** Code outside arch/ reads the section; what it is called is not said in arch/. */
function isGeneric(architecture: Architecture, name: string): boolean {
  const consumer = architecture.specialSection(name)?.consumer;
  return (
    consumer !== undefined && !consumer.file.startsWith('arch/') && !consumer.file.startsWith('kernel/trace/')
  );
}

function* compareOrder(
  { steps }: FinalizationOrder,
  all: readonly FinalizationStep[],
  others: readonly FinalizationStep[],
  { kernel, calls, sections, known, running }: FinalizationFacts,
  generic: (name: string) => boolean,
): Generator<Failure> {
  const { release } = kernel;
  const own = steps.filter(({ phase }) => phase === 'post_relocation');
  let at = 0;
  for (const step of own) {
    const feature = `step/${step.name}`;
    if (step.function !== 'module_finalize') {
      const found = calls.findIndex((call, index) => index >= at && sameFunction(call, step));
      if (found === -1)
        yield {
          check,
          feature,
          message: `${release}: ${step.function}() is not called, or not after the step before`,
        };
      else at = found;
    }
    const [name] = step.sections;
    const earlier = own.slice(0, own.indexOf(step)).find((one) => one.function === step.function);
    if (name !== undefined && sections.indexOf(name) < sections.indexOf(earlier?.sections[0] ?? ''))
      yield { check, feature, message: `${release}: not after ${earlier?.name}` };
    if (name !== undefined && !generic(name) && !known.some((one) => meets(name, one)))
      yield { check, feature, message: `${release}: nothing there looks for ${name}` };
  }
  const unknown = calls.find((call) => !own.some((step) => sameFunction(call, step)));
  if (unknown !== undefined)
    yield { check, message: `${release}: ${unknown}() is called, and no step has it` };
  const late = steps.filter(({ phase }) => phase !== 'post_relocation');
  const strange = late.find((step) => !running.includes(step.function));
  if (strange !== undefined)
    yield {
      check,
      feature: `step/${strange.name}`,
      message: `${release}: there is no ${strange.function}()`,
    };
  const missing = others.find(
    (step) => running.includes(step.function) && !late.some((one) => one.function === step.function),
  );
  if (missing !== undefined)
    yield {
      check,
      feature: `step/${missing.name}`,
      message: `${release}: ${missing.function}() is there, and no step has it`,
    };
  for (const step of all) {
    const feature = `step/${step.name}`;
    const name = step.sections.find((one) => sections.some((literal) => meets(one, literal)));
    if (name !== undefined && !own.some((one) => one.sections.includes(name)))
      yield { check, feature, message: `${release}: ${name} is looked for, and no step reads it` };
  }
}

/** `__pi_scs_patch` is scs_patch, compiled to run anywhere. */
function sameFunction(call: string, step: FinalizationStep): boolean {
  return call.replace(/^__pi_/u, '') === step.function;
}

/** `.s390_return*` is looked for by its beginning. */
function meets(name: string, literal: string): boolean {
  return name.endsWith('*') ? literal.startsWith(name.slice(0, -1)) : name === literal;
}

/** Names and places of steps that need no source to be judged. */
export function* checkStepNames(
  architecture: Architecture,
  facts: KernelFacts | undefined,
): Generator<Failure> {
  const { finalization } = architecture;
  const functions = new Set(facts?.finalizations.flatMap(({ calls, running }) => [...calls, ...running]));
  const patching = new Map<string, boolean>();
  for (const { steps, ftraceSections } of finalization) {
    if (architecture.ftraceSite !== undefined && ftraceSections.length === 0)
      yield { check, message: 'an order names no section of ftrace call sites' };
    for (const [index, step] of steps.entries()) {
      const feature = `step/${step.name}`;
      const unknown = step.sections.find((name) => !isKnown(architecture, name));
      if (unknown !== undefined) yield { check, feature, message: `no row has section ${unknown}` };
      if (facts !== undefined && step.function !== 'module_finalize' && !hasFunction(functions, step))
        yield { check, feature, message: `no kernel has ${step.function}()` };
      if (step.phase === 'post_relocation' && steps[index - 1]?.phase === 'run_time')
        yield {
          check,
          feature,
          message: `after ${steps[index - 1]?.name}, which takes place while the kernel runs`,
        };
      const patches = patching.get(step.name);
      if (patches !== undefined && patches !== (step.patch !== undefined))
        yield { check, feature, message: 'patches in some kernels only' };
      patching.set(step.name, step.patch !== undefined);
    }
  }
  yield* checkOwnSteps(finalization);
}

/** What module_finalize() does itself, without a function of its own, it does first, in all kernels. */
function* checkOwnSteps(finalization: Architecture['finalization']): Generator<Failure> {
  const own = (steps: readonly FinalizationStep[]): string =>
    steps.flatMap(({ name, function: called }) => (called === 'module_finalize' ? [name] : [])).join(', ');
  const names = new Set(finalization.map(({ steps }) => own(steps)));
  const late = finalization
    .flatMap(({ steps }) => steps.slice(1))
    .find((step) => step.function === 'module_finalize');
  if (names.size > 1) yield { check, message: `module_finalize() itself does ${[...names].join(' or ')}` };
  if (late !== undefined) yield { check, feature: `step/${late.name}`, message: 'not the first step' };
}

function isKnown(architecture: Architecture, name: string): boolean {
  const plain = name.endsWith('*') ? name.slice(0, -1) : name;
  const ordinary = plain === '.text' || architecture.specialSection(plain) !== undefined;
  return (
    ordinary || (plain !== name && architecture.specialSections.some((row) => row.name.startsWith(plain)))
  );
}

function hasFunction(functions: ReadonlySet<string>, step: FinalizationStep): boolean {
  return [...functions].some((one) => sameFunction(one, step));
}

/**
 * A step that patches and that the kernels before and after both take is not missing between, and two steps keep the order that they have
 * in both. It tells nothing of the first and the last kernels.
 */
export function* checkContinuity({ finalization }: Architecture): Generator<Failure> {
  for (const [index, order] of finalization.entries()) {
    const [before, after] = [finalization[index - 1], finalization[index + 1]];
    if (before === undefined || after === undefined) continue;
    const names = namesOf(order);
    const shared = namesOf(before).filter((name) => namesOf(after).includes(name));
    for (const name of shared.filter((one) => !names.includes(one)))
      yield { check, feature: `step/${name}`, message: 'missing between two kernels that have it' };
    const misplaced = shared.find((name, position) =>
      shared.slice(position + 1).some((other) => {
        const follows = (one: FinalizationOrder): boolean =>
          namesOf(one).indexOf(name) < namesOf(one).indexOf(other);
        return (
          names.includes(name) &&
          names.includes(other) &&
          follows(before) === follows(after) &&
          follows(order) !== follows(after)
        );
      }),
    );
    if (misplaced !== undefined)
      yield { check, feature: `step/${misplaced}`, message: 'in another place than before and after' };
  }
}

/** Other steps may come and go: a stable series takes some of them over. */
function namesOf({ steps }: FinalizationOrder): readonly string[] {
  return steps.flatMap(({ name, patch }) => (patch === undefined ? [] : [name]));
}
