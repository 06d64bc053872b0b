import { padding, pcRelative32, pointer, u16, u8, type EntryLayout, type SpecialSection } from '@kelp/core';

// Tables for which module_finalize() in arch/x86/kernel/module.c rewrites code, before the module's text becomes
// read-only. Objtool writes the lists of sites.

const alternativeHeader = 'arch/x86/include/asm/alternative.h';

/** Table of 32-bit references to instructions or functions, declared as an array of s32. */
function siteList(declaration: string): readonly EntryLayout[] {
  return [{ size: 4, fields: { site: pcRelative32(0) }, structure: `${alternativeHeader} ${declaration}` }];
}

/** Tables of code that module_finalize() patches. */
export const patchedCodeSections: readonly SpecialSection[] = [
  // Alternatives and what came before them.
  {
    name: '.altinstructions',
    layouts: [
      {
        applies: [{ before: '6.3' }],
        size: 12,
        // Bit 15 of cpuid inverts the test.
        fields: { instrOffset: pcRelative32(0), replOffset: pcRelative32(4), cpuid: u16(8), instrlen: u8(10), replacementlen: u8(11) },
        structure: `${alternativeHeader} struct alt_instr`,
      },
      {
        // Bit 0 of flags inverts the test, bit 1 asks for a direct call.
        applies: [{ since: '6.3' }],
        size: 14,
        fields: {
          instrOffset: pcRelative32(0),
          replOffset: pcRelative32(4),
          cpuid: u16(8),
          flags: u16(10),
          instrlen: u8(12),
          replacementlen: u8(13),
        },
        structure: `${alternativeHeader} struct alt_instr`,
      },
    ],
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'apply_alternatives' },
    phase: 'post_relocation',
    patchesCode: true,
    effect:
      'Copies the replacement over the instruction where the CPU has the feature, rebases pc-relative operands, pads with nops. Where no feature matches, the nops of the original are still merged.',
    hazard: {
      level: 'high',
      reason:
        'The table is local, but a replacement may refer to a symbol of the target module: it is copied with displacement 0, and the late relocation reaches the copy source only. One against the overwritten original is refused, as the bytes are not zero any more.',
    },
  },
  {
    name: '.altinstr_replacement',
    layouts: [],
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'apply_alternatives' },
    phase: 'post_relocation',
    effect: 'Replacement code, reached through .altinstructions; a replacement of length 0 shares the address of the next one.',
    hazard: { level: 'high', reason: 'Copied before late relocations are written: they change the copy source, not the code that runs.' },
  },
  {
    name: '.altinstr_aux',
    layouts: [],
    phase: 'never',
    effect: 'Fallback of static_cpu_has() until alternatives have run; a loaded module never reaches it.',
    hazard: { level: 'none', reason: 'Unreachable in a loaded module.' },
  },
  {
    name: '.parainstructions',
    applies: [{ before: '6.8' }],
    config: 'PARAVIRT',
    layouts: [
      {
        // The last entry is not padded.
        applies: [{ before: '6.1' }],
        size: 16,
        lastSize: 12,
        fields: { instr: pointer(0), type: u8(8), len: u8(9), clobber: u16(10), pad: padding(12, 4) },
        structure: 'arch/x86/include/asm/paravirt_types.h struct paravirt_patch_site',
      },
      {
        // Seen in 6.1, not in 5.10.
        applies: [{ since: '6.1', before: '6.8' }],
        size: 16,
        fields: { instr: pointer(0), type: u8(8), len: u8(9), pad: padding(10, 6) },
        structure: 'arch/x86/include/asm/paravirt_types.h struct paravirt_patch_site',
      },
    ],
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'apply_paravirt' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'Turns an indirect call through pv_ops into a direct call, inline code or nops. Later kernels do it with alternatives.',
    hazard: { level: 'high', reason: 'The call is rewritten before late relocations are written; pv_ops itself is exported by vmlinux.' },
  },
  {
    name: '.smp_locks',
    applies: [{ before: '7.3' }],
    config: 'SMP',
    layouts: [{ size: 4, fields: { site: pcRelative32(0) }, structure: `${alternativeHeader} LOCK_PREFIX` }],
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'alternatives_smp_module_add' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'On a machine that booted with one CPU, turns lock prefixes into ds prefixes, and back when a second CPU comes up.',
    hazard: { level: 'none', reason: 'The sites lie in the module itself, and one byte without a relocation changes.' },
  },

  // Mitigations of speculative execution and control-flow integrity.
  {
    name: '.retpoline_sites',
    config: 'RETPOLINE (MITIGATION_RETPOLINE since 6.9) and OBJTOOL',
    layouts: siteList('__retpoline_sites'),
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'apply_retpolines' },
    phase: 'post_relocation',
    patchesCode: true,
    effect:
      'Turns calls and jumps to __x86_indirect_thunk_REG into indirect branches where retpolines are not in force, or aims them at the thunk of the mitigation in use.',
    hazard: { level: 'low', reason: 'The thunks are exported by vmlinux: ordinary relocations, written in time.' },
  },
  {
    name: '.return_sites',
    config: 'RETHUNK (MITIGATION_RETHUNK since 6.9) and OBJTOOL',
    layouts: siteList('__return_sites'),
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'apply_returns' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'Turns jumps to __x86_return_thunk into returns, or aims them at the return thunk of the mitigation in use.',
    hazard: { level: 'low', reason: 'The thunk is exported by vmlinux: an ordinary relocation, written in time.' },
  },
  {
    name: '.call_sites',
    applies: [{ since: '6.2' }],
    config: 'CALL_THUNKS, for MITIGATION_CALL_DEPTH_TRACKING',
    layouts: siteList('struct callthunk_sites'),
    consumer: { file: 'arch/x86/kernel/callthunks.c', symbol: 'callthunks_patch_module_calls' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'With call depth tracking on, writes the accounting code into the padding before each call target and aims the call at it.',
    hazard: {
      level: 'low',
      reason: 'A call whose relocation is not written yet is left alone with a warning, and later runs without accounting.',
    },
  },
  {
    name: '.ibt_endbr_seal',
    applies: [{ since: '5.18' }],
    config: 'X86_KERNEL_IBT',
    layouts: siteList('__ibt_endbr_seal'),
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'apply_seal_endbr' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'Overwrites the endbr64 of functions whose address nobody takes; named apply_ibt_endbr() in older kernels.',
    hazard: { level: 'low', reason: 'A livepatch that starts to call a sealed function indirectly gets a control protection fault.' },
  },
  {
    name: '.cfi_sites',
    applies: [{ since: '6.2' }],
    config: 'CFI (CFI_CLANG in older kernels) and FINEIBT',
    layouts: siteList('__cfi_sites'),
    consumer: { file: 'arch/x86/kernel/alternative.c', symbol: 'apply_fineibt' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'Rewrites the type checks before functions and at the callers listed in .retpoline_sites.',
    hazard: { level: 'low', reason: 'The sites lie in the module itself.' },
  },
];
