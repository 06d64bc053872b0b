import {
  refusalMessage,
  type Architecture,
  type Errno,
  type Kernel,
  type LoaderStateChange,
} from '@kelp/core';
import type { LateOutcome, LoadRefusal, Mismatch, RelocationPlace } from '@kelp/loader';

/** Errors that a step can end with: those of the loader, and what the system calls for modules answer themselves. */
export type StepErrno = Errno | 'EAGAIN' | 'EEXIST';

/** The kernel did not do it. It undoes nothing, but it lives on. */
export interface StepRefusal {
  readonly status: 'refused';
  readonly errno: StepErrno;
  /** The kernel function that said so. */
  readonly moment: string;
  readonly reason: string;
  /** What the kernel's log says. Untrusted. */
  readonly messages: readonly string[];
  /** Section that was relocated. Untrusted. */
  readonly section?: string | undefined;
  readonly offset?: number | undefined;
  /** Untrusted. */
  readonly symbol?: string | undefined;
}

/** The kernel does not survive it. */
export interface StepFault {
  readonly status: 'fault';
  readonly address: bigint;
  readonly reason: string;
  readonly place: RelocationPlace | undefined;
}

/** How a step went. */
export type StepVerdict = StepFault | StepRefusal | { readonly status: 'done' } | StepSkipped;

/** Nothing to do, such as the removal of a module whose load was refused. */
export interface StepSkipped {
  readonly status: 'skipped';
  readonly reason: string;
}

/** What a step did to the relocations beside its verdict. */
export interface StepEffects {
  /** Relocations that were not written, and nobody was told. */
  readonly lost: readonly RelocationPlace[];
  /** Fields that clearing left, because they hold something else. */
  readonly mismatches: readonly Mismatch[];
  /** Of the loader's memory of the livepatch. */
  readonly state: readonly LoaderStateChange[];
}

export const noEffects: StepEffects = { lost: [], mismatches: [], state: [] };

export const done = { status: 'done' } as const;

/** Numbers of include/uapi/asm-generic/errno-base.h and errno.h, as messages print them. */
const errnoNumbers: ReadonlyMap<StepErrno, number> = new Map([
  ['ENOENT', 2],
  ['ENOEXEC', 8],
  ['EAGAIN', 11],
  ['EFAULT', 14],
  ['EEXIST', 17],
  ['EINVAL', 22],
  ['ENOMEM', 12],
  ['EPERM', 1],
]);

/** `-8` and the like. */
function errnoNumber(errno: StepErrno): string {
  const number = errnoNumbers.get(errno);
  return number === undefined ? errno : String(-number);
}

type Refusal = Pick<
  LoadRefusal,
  | 'cause'
  | 'errno'
  | 'message'
  | 'offset'
  | 'reason'
  | 'record'
  | 'section'
  | 'sum'
  | 'symbol'
  | 'type'
  | 'value'
>;

/** The refusal of a relocation as a verdict, with the words of the kernel's log. */
export function relocationRefusal(
  refusal: Refusal,
  moment: string,
  module: string,
  place: bigint | undefined,
  { architecture, kernel }: { readonly architecture: Architecture; readonly kernel: Kernel },
): StepRefusal {
  const { errno, reason, section, offset, symbol, message } = refusal;
  const said =
    message === undefined
      ? relocationMessage(refusal, module, place, architecture, kernel)
      : `livepatch: ${message}`;
  return {
    status: 'refused',
    errno,
    moment,
    reason,
    messages: said === undefined ? [] : [said],
    section,
    offset,
    symbol,
  };
}

function relocationMessage(
  { cause, type, value = 0n, sum = value, symbol = '', record }: Refusal,
  module: string,
  place: bigint | undefined,
  { livepatch }: Architecture,
  kernel: Kernel,
): string | undefined {
  if (livepatch === undefined || cause === undefined || type === undefined) return undefined;
  const values = new Map([
    ['module', module],
    ['type', String(type)],
    ['symbol', symbol],
    ['place', (place ?? 0n).toString(16)],
    ['value', BigInt.asUintN(64, value).toString(16)],
    ['sum', BigInt.asUintN(64, sum).toString(16)],
    ['section', String(record?.section ?? 0)],
    ['record', String(record?.index ?? 0)],
    ['signed', BigInt.asIntN(64, value).toString()],
  ]);
  const text = refusalMessage(livepatch, kernel, cause, type);
  if (text === undefined || text === '') return undefined;
  return text.replaceAll(/\{(\w+)\}/gu, (_all, name: string) => values.get(name) ?? '');
}

/** What klp_module_coming() says when it refuses a module. */
export function refusedModuleMessages(patch: string, module: string, errno: StepErrno): readonly string[] {
  return [
    `livepatch: failed to initialize patch '${patch}' for module '${module}' (${errnoNumber(errno)})`,
    `livepatch: patch '${patch}' failed for module '${module}', refusing to load module '${module}'`,
  ];
}

/** The verdict of applying relocations late. */
export function lateVerdict(
  outcome: LateOutcome,
  asRefusal: (refused: LateOutcome & { readonly status: 'refused' }) => StepRefusal,
): StepVerdict {
  switch (outcome.status) {
    case 'applied':
      return done;
    case 'refused':
      return asRefusal(outcome);
    case 'fault': {
      const { address, reason, place } = outcome;
      return { status: 'fault', address, reason, place };
    }
  }
}
