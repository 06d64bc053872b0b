import {
  appliesTo,
  bootMessages,
  cpuinfoValues,
  vulnerabilities,
  type Applicability,
  type Kernel,
  type MachineAccount,
  type MachineFact,
} from '@kelp/core';

// Features that arch/x86/kernel/cpu/bugs.c turns on and off, by what the same file shows in
// /sys/devices/system/cpu/vulnerabilities. Checked: 6.1, 6.12, 7.3.

/** What a mitigation does to the features. */
interface Mitigation {
  /** File of the vulnerability. */
  readonly file: string;
  /** Matches what the file says while the mitigation is in force. */
  readonly says: RegExp;
  readonly applies?: readonly Applicability[];
  readonly on?: readonly string[];
  /** Turned off again, whoever has turned it on: setup_clear_cpu_cap(). */
  readonly off?: readonly string[];
  /** May be on or off: the file does not tell. */
  readonly unsure?: readonly string[];
  /** set_return_thunk(). */
  readonly returnThunk?: string;
  /** Hexadecimal family of the CPU that the row is for. */
  readonly family?: number;
  /** The row is for all other families. */
  readonly exceptFamily?: number;
}

const safeRet = /safe ret/iu;
/** Zen 3 and Zen 4. */
const aliasFamily = 0x19;
const to612: readonly Applicability[] = [{ before: '6.13' }];
/** CLEAR_CPU_BUF_VM for Intel's vulnerabilities: seen in 7.3, not in 6.12. */
const from73: readonly Applicability[] = [{ since: '7.3' }];
const clearsBuffers = /^(?:Mitigation|Vulnerable): Clear CPU buffers/u;

/** In the order of cpu_select_mitigations(): of several return thunks the last counts. */
const mitigations: readonly Mitigation[] = [
  {
    file: 'spectre_v2',
    says: /^Mitigation: Retpolines/u,
    on: ['RETPOLINE', 'RSB_CTXSW', 'RSB_VMEXIT'],
  },
  {
    file: 'spectre_v2',
    says: /^Vulnerable: LFENCE/u,
    on: ['RETPOLINE', 'RETPOLINE_LFENCE', 'RSB_CTXSW', 'RSB_VMEXIT'],
  },
  { file: 'spectre_v2', says: /^Mitigation: IBRS/u, on: ['KERNEL_IBRS', 'RSB_CTXSW', 'RSB_VMEXIT'] },
  { file: 'spectre_v2', says: /^Mitigation: Enhanced \/ Automatic IBRS \+ Retpolines/u, on: ['RETPOLINE'] },
  {
    file: 'spectre_v2',
    says: /^(?:Mitigation: Enhanced \/ Automatic IBRS \+ LFENCE|Vulnerable: eIBRS\+LFENCE)/u,
    on: ['RETPOLINE', 'RETPOLINE_LFENCE'],
  },
  {
    file: 'spectre_v2',
    says: /^Mitigation: Enhanced .*PBRSB-eIBRS: SW sequence/u,
    on: ['RSB_VMEXIT_LITE'],
  },
  // This text leaves out all that others say behind the mitigation.
  {
    file: 'spectre_v2',
    says: /^Vulnerable: eIBRS(?:\+LFENCE)? with unprivileged eBPF/u,
    unsure: [
      'RSB_VMEXIT_LITE',
      'USE_IBPB',
      'CLEAR_BHB_HW',
      'CLEAR_BHB_LOOP',
      'CLEAR_BHB_LOOP_ON_VMEXIT',
      'CLEAR_BHB_VMEXIT',
    ],
  },
  { file: 'spectre_v2', says: /IBPB: (?:always-on|conditional)/u, applies: to612, on: ['USE_IBPB'] },
  { file: 'spectre_v2', says: /IBPB: disabled/u, applies: to612, unsure: ['USE_IBPB'] },
  { file: 'spectre_v2', says: /BHI: BHI_DIS_S/u, on: ['CLEAR_BHB_HW'] },
  {
    file: 'spectre_v2',
    says: /BHI: SW loop, KVM: SW loop/u,
    applies: to612,
    on: ['CLEAR_BHB_LOOP', 'CLEAR_BHB_LOOP_ON_VMEXIT'],
  },
  {
    file: 'spectre_v2',
    says: /BHI: SW loop, KVM: SW loop/u,
    applies: from73,
    on: ['CLEAR_BHB_LOOP', 'CLEAR_BHB_VMEXIT'],
  },
  {
    file: 'spectre_v2',
    says: /BHI: Vulnerable, KVM: SW loop/u,
    applies: to612,
    on: ['CLEAR_BHB_LOOP_ON_VMEXIT'],
  },
  { file: 'spectre_v2', says: /BHI: Vulnerable, KVM: SW loop/u, applies: from73, on: ['CLEAR_BHB_VMEXIT'] },
  {
    file: 'retbleed',
    says: /untrained return thunk/u,
    on: ['RETHUNK', 'UNRET'],
    returnThunk: 'retbleed_return_thunk',
  },
  {
    file: 'retbleed',
    says: /^Mitigation: Stuffing/u,
    on: ['RETHUNK', 'CALL_DEPTH'],
    returnThunk: 'call_depth_return_thunk',
  },
  {
    file: 'retbleed',
    says: /^Mitigation: IBPB/u,
    on: ['ENTRY_IBPB', 'IBPB_ON_VMEXIT'],
    off: ['UNRET', 'RETHUNK', 'RSB_VMEXIT'],
  },
  // The thunks are used for branches unless those are retpolines.
  {
    file: 'indirect_target_selection',
    says: /^Mitigation: Aligned branch\/return thunks/u,
    on: ['RETHUNK', 'INDIRECT_THUNK_ITS'],
    returnThunk: 'its_return_thunk',
  },
  {
    file: 'indirect_target_selection',
    says: /^Mitigation: Retpolines, Stuffing RSB/u,
    on: ['RETHUNK', 'CALL_DEPTH'],
    returnThunk: 'call_depth_return_thunk',
  },
  {
    file: 'spec_rstack_overflow',
    says: safeRet,
    family: aliasFamily,
    on: ['RETHUNK', 'UNRET', 'SRSO_ALIAS'],
    returnThunk: 'srso_alias_return_thunk',
  },
  {
    file: 'spec_rstack_overflow',
    says: safeRet,
    exceptFamily: aliasFamily,
    on: ['RETHUNK', 'UNRET', 'SRSO'],
    returnThunk: 'srso_return_thunk',
  },
  {
    file: 'spec_rstack_overflow',
    says: /^Mitigation: IBPB(?! on VMEXIT)/u,
    on: ['ENTRY_IBPB', 'IBPB_ON_VMEXIT'],
    off: ['UNRET', 'RETHUNK', 'RSB_VMEXIT'],
  },
  {
    file: 'spec_rstack_overflow',
    says: /^Mitigation: IBPB on VMEXIT/u,
    on: ['IBPB_ON_VMEXIT'],
    off: ['RSB_VMEXIT'],
  },
  { file: 'vmscape', says: /IBPB before exit to userspace/u, on: ['IBPB_EXIT_TO_USER'] },
  { file: 'mds', says: clearsBuffers, on: ['CLEAR_CPU_BUF'] },
  { file: 'tsx_async_abort', says: clearsBuffers, on: ['CLEAR_CPU_BUF'] },
  // Only where a guest may do what is meant, unless the CPU has one of the other two as well.
  { file: 'mmio_stale_data', says: clearsBuffers, unsure: ['CLEAR_CPU_BUF'] },
  { file: 'reg_file_data_sampling', says: /^Mitigation: Clear Register File/u, on: ['CLEAR_CPU_BUF'] },
  {
    file: 'tsa',
    says: /^Mitigation: Clear CPU buffers(?:: user\/kernel boundary)?$/u,
    on: ['CLEAR_CPU_BUF'],
  },
  { file: 'tsa', says: /^Mitigation: Clear CPU buffers(?:: VM)?$/u, on: ['CLEAR_CPU_BUF_VM'] },
  // A guest does it on the off-chance that the host has the microcode.
  { file: 'tsa', says: /attempted, no microcode/u, unsure: ['CLEAR_CPU_BUF', 'CLEAR_CPU_BUF_VM'] },
  { file: 'mds', says: clearsBuffers, applies: from73, on: ['CLEAR_CPU_BUF_VM'] },
  { file: 'tsx_async_abort', says: clearsBuffers, applies: from73, on: ['CLEAR_CPU_BUF_VM'] },
  {
    file: 'mmio_stale_data',
    says: clearsBuffers,
    applies: from73,
    unsure: ['CLEAR_CPU_BUF_VM', 'CLEAR_CPU_BUF_VM_MMIO'],
  },
  {
    file: 'reg_file_data_sampling',
    says: /^Mitigation: Clear Register File/u,
    applies: from73,
    on: ['CLEAR_CPU_BUF_VM'],
  },
];

/** Features that need another one: the thunks of ITS are for indirect branches, which retpolines replace. */
const exclusions: readonly { readonly feature: string; readonly unless: string }[] = [
  { feature: 'INDIRECT_THUNK_ITS', unless: 'RETPOLINE' },
];

const source = 'vulnerabilities.txt';

/**
 * Features and the return thunk, by the mitigations that are in force. A feature that none of them turns on is off: the
 * kernel has no other place that does. Newer kernels print the return thunk, too.
 */
export function mitigationFacts(account: MachineAccount, kernel: Kernel): readonly MachineFact[] {
  const texts = vulnerabilities(account);
  if (texts === undefined || texts.size === 0) return [];
  const family = Number(cpuinfoValues(account, 'cpu family')[0] ?? Number.NaN);
  const known = mitigations.filter(({ applies }) => appliesTo(applies, kernel));
  const inForce = known.filter((one) => one.says.test(texts.get(one.file) ?? '') && isForFamily(one, family));
  const on = names(inForce, 'on');
  for (const { feature, unless } of exclusions) if (on.has(unless)) on.delete(feature);
  const off = names(inForce, 'off');
  const unsure = names(inForce, 'unsure');
  const all = new Set([...names(known, 'on'), ...names(known, 'unsure')]);
  return [
    ...[...all]
      .filter((id) => on.has(id) || off.has(id) || !unsure.has(id))
      .map((id): MachineFact => {
        return { kind: 'feature', id, answer: on.has(id) && !off.has(id) ? 'on' : 'off', source };
      }),
    returnThunkFact(account, off.has('RETHUNK') ? [] : inForce),
  ];
}

/** set_return_thunk(): the last call counts. */
function returnThunkFact(account: MachineAccount, inForce: readonly Mitigation[]): MachineFact {
  const expected = inForce.findLast((one) => one.returnThunk !== undefined)?.returnThunk;
  const message = bootMessages(account)
    ?.matches(/active return thunk: (\w+)/u)
    .at(-1)?.[1];
  const fact = { kind: 'kernel-chosen', id: 'x86_return_thunk' } as const;
  if (expected === undefined || message === undefined) return { ...fact, answer: expected ?? 'none', source };
  return { ...fact, answer: message, source: 'dmesg.txt' };
}

function isForFamily(one: Mitigation, family: number): boolean {
  if (one.family !== undefined) return one.family === family;
  return one.exceptFamily === undefined || one.exceptFamily !== family;
}

function names(rows: readonly Mitigation[], member: 'off' | 'on' | 'unsure'): Set<string> {
  return new Set(rows.flatMap((row) => row[member] ?? []));
}
