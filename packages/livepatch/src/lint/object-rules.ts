import { appliesTo, objectNameLimit, relocationsOf, symbolNameLimit, vmlinuxObject } from '@kelp/core';
import { STT_FUNC, type ObjectFile } from '@kelp/core/elf';
import type { LivepatchFunction, LivepatchObject } from '../livepatch-object.ts';
import type { LintContext } from './context.ts';
import { livepatchCore, quoted, type Hit, type LintRule, type Moment } from './rule.ts';
import { symbolFault, symbolLookup, type SymbolFault } from './symbol-fault.ts';

// Rules about klp_object and klp_func: KLP1.

const encoder = new TextEncoder();

/** KSYM_NAME_LEN - 1, by kernel: b8a94bfb3395 in 6.1. */
export function nameLimit({ kernel }: Pick<LintContext, 'kernel'>): number {
  return appliesTo([{ before: '6.1' }], kernel) ? 127 : symbolNameLimit;
}

export const objectRules: readonly LintRule[] = [
  {
    code: 'KLP101',
    name: 'object-name-length',
    severity: 'error',
    moment: 'enable',
    errno: 'EINVAL',
    title: 'The name of an object is too long',
    advice: `Give the name that the module has at run time; none has more than ${objectNameLimit} characters.`,
    source: livepatchCore('klp_init_object'),
    *check({ livepatch }) {
      for (const { name, place } of livepatch.objects) {
        const { length } = encoder.encode(name);
        if (length > objectNameLimit)
          yield { message: `the name has ${length} characters`, place, object: name };
      }
    },
  },
  {
    code: 'KLP102',
    name: 'object-name',
    severity: 'error',
    moment: 'never',
    title: 'No module can have the name of an object',
    advice:
      'Use the name at run time: without .ko, with underscores for dashes; NULL, not "vmlinux", is the kernel itself.',
    source: livepatchCore('klp_module_coming'),
    *check({ livepatch }) {
      for (const { name, isModule, place } of livepatch.objects) {
        if (isModule && name === vmlinuxObject)
          yield {
            message: 'a module named vmlinux is refused by the kernel, so that the object is never there',
            place,
            object: name,
          };
        else if (isModule && !/^\w+$/u.test(name))
          yield {
            message: `no module is named ${quoted(name)} at run time, so that the object is never there`,
            place,
            object: name,
          };
      }
    },
  },
  {
    code: 'KLP103',
    name: 'duplicate-object',
    severity: 'error',
    moment: 'enable',
    errno: 'EEXIST',
    title: 'Two klp_objects have one name',
    advice: 'Put all functions of an object into one klp_object.',
    source: livepatchCore('klp_init_object'),
    *check({ livepatch }) {
      const seen = new Set<string>();
      for (const { name, place } of livepatch.objects) {
        if (seen.has(name)) yield { message: `${quoted(name)} has a second klp_object`, place, object: name };
        seen.add(name);
      }
    },
  },
  {
    code: 'KLP104',
    name: 'incomplete-function',
    severity: 'error',
    moment: 'enable',
    errno: 'EINVAL',
    title: 'A klp_func names no function or no replacement',
    advice: 'Fill in old_name and new_func of every klp_func; an empty one ends the array.',
    source: livepatchCore('klp_check_patch'),
    check: (context) =>
      functionHits(context, (_object, { oldName, newFunction }) => {
        if (oldName === undefined) return { message: `old_name of ${quoted(newFunction ?? '')} is missing` };
        return newFunction === undefined ? { message: 'new_func is missing' } : undefined;
      }),
  },
  {
    code: 'KLP105',
    name: 'function-name-length',
    severity: 'error',
    moment: 'enable',
    errno: 'EINVAL',
    title: 'The name of a function is too long',
    advice: 'Give the name as it stands in kallsyms; the kernel has no longer ones.',
    source: livepatchCore('klp_init_func'),
    check: (context) =>
      functionHits(context, (_object, { oldName = '' }) => {
        const { length } = encoder.encode(oldName);
        return length > nameLimit(context)
          ? { message: `the name has ${length} characters, ${nameLimit(context)} are possible` }
          : undefined;
      }),
  },
  {
    code: 'KLP106',
    name: 'duplicate-function',
    severity: 'error',
    moment: 'enable',
    errno: 'EEXIST',
    title: 'A function is replaced twice',
    advice: 'Leave one klp_func for each function. A sympos of 0 and one of 1 mean the same function.',
    source: livepatchCore('klp_init_func'),
    *check(context) {
      const seen = new Set<string>();
      yield* functionHits(context, ({ name }, { oldName = '', position }) => {
        const key = `${name}\0${oldName}\0${position === 0n ? 1n : position}`;
        if (seen.has(key))
          return { message: `number ${position === 0n ? 1n : position} of the name is replaced twice` };
        seen.add(key);
        return undefined;
      });
    },
  },
  functionSymbolRule('KLP107', 'function-missing', 'A function is not in its object', 'missing'),
  functionSymbolRule('KLP108', 'function-ambiguous', 'A function is not unique in its object', 'ambiguous'),
  functionSymbolRule('KLP109', 'function-position', 'There are fewer functions of the name', 'position'),
  {
    code: 'KLP110',
    name: 'function-in-init',
    severity: 'warning',
    moment: 'target',
    errno: 'EINVAL',
    title: 'The position of a function depends on when its object is loaded',
    advice:
      'Rename one of the functions in the source of the module, or load the livepatch and the module in one fixed order only.',
    source: { file: 'kernel/module/kallsyms.c', symbol: 'module_kallsyms_on_each_symbol' },
    check: (context) =>
      functionHits(context, ({ name: object }, { oldName = '' }) => {
        const count = context.symbols.count(object, oldName);
        if (count === undefined || count.init === 0 || count.all === count.init) return undefined;
        return {
          message: `${count.init} of ${count.all} symbols of the name are in init memory and do not count once the module has finished its init`,
        };
      }),
  },
  {
    code: 'KLP111',
    name: 'function-not-traceable',
    severity: 'error',
    moment: 'target',
    errno: 'EINVAL',
    title: 'A function has no ftrace site',
    advice:
      'Patch the callers instead: the function is notrace, in a section that is not traced, or has no entry of its own.',
    source: { file: 'kernel/livepatch/patch.c', symbol: 'klp_patch_func' },
    check: untraceableHits,
  },
];

/** Hits about functions, with object, place and name filled in. */
function* functionHits(
  { livepatch }: LintContext,
  judge: (object: LivepatchObject, replaced: LivepatchFunction) => Hit | undefined,
): Generator<Hit> {
  for (const object of livepatch.objects) {
    for (const replaced of object.functions) {
      const hit = judge(object, replaced);
      if (hit !== undefined)
        yield { place: replaced.place, object: object.name, symbol: replaced.oldName ?? '', ...hit };
    }
  }
}

/** vmlinux is there when the livepatch is enabled; a module may come later, and is refused then. */
function momentOf({ isModule }: LivepatchObject): Moment {
  return isModule ? 'target' : 'enable';
}

function functionSymbolRule(code: string, name: string, title: string, kind: SymbolFault['kind']): LintRule {
  return {
    code,
    name,
    title,
    ...symbolLookup,
    check: (context) =>
      functionHits(context, (object, { oldName, position }) => {
        if (oldName === undefined) return undefined;
        const fault = symbolFault(context.symbols, object.name, oldName, position);
        return fault?.kind === kind ? { message: fault.message, moment: momentOf(object) } : undefined;
      }),
  };
}

const siteSections: ReadonlySet<string> = new Set(['__mcount_loc', '__patchable_function_entries']);

/** Bytes before a function at which its ftrace site may stand: room for a pointer to ftrace_ops. */
const beforeEntry = 16n;

function* untraceableHits(context: LintContext): Generator<Hit> {
  for (const [name, file] of context.modules) {
    const sites = ftraceSites(file);
    // A module that is built without ftrace tells nothing about its functions.
    if (sites.size === 0) continue;
    const symbols = file.symbols();
    for (const object of context.livepatch.objects.filter((one) => one.name === name && one.isModule)) {
      for (const { oldName, place } of object.functions) {
        for (let index = 1; index < (symbols?.count ?? 0); index++) {
          if (symbols === undefined || symbols.type(index) !== STT_FUNC || symbols.name(index) !== oldName)
            continue;
          const [value, size] = [symbols.value(index), symbols.size(index)];
          const inside = (sites.get(symbols.sectionIndex(index) ?? -1) ?? []).some(
            (site) => site >= value - beforeEntry && site < value + size,
          );
          if (!inside)
            yield {
              message: 'no entry of the table of call sites lies in the function',
              place,
              object: name,
              symbol: oldName,
            };
        }
      }
    }
  }
}

/** Places of ftrace sites, by section. */
function ftraceSites(file: ObjectFile): ReadonlyMap<number, readonly bigint[]> {
  const sites = new Map<number, bigint[]>();
  const symbols = file.symbols();
  for (const section of file.sections) {
    if (section.index === 0 || !siteSections.has(section.name) || symbols === undefined) continue;
    const records = relocationsOf(file, section);
    for (let index = 0; index < (records?.count ?? 0); index++) {
      if (records === undefined || records.symbol(index) >= symbols.count) continue;
      const target = symbols.sectionIndex(records.symbol(index));
      if (target === undefined) continue;
      const place = symbols.value(records.symbol(index)) + records.addend(index);
      const known = sites.get(target);
      if (known === undefined) sites.set(target, [place]);
      else known.push(place);
    }
  }
  return sites;
}
