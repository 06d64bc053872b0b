import { appliesTo, type Applicability, type Kernel } from '@kelp/core';

// Bits of the words that feature fixups test. Checked: 6.1, 6.12, 7.3.

/** A word of features. */
export type FeatureWord = 'CPU_FTR' | 'MMU_FTR' | 'FW_FEATURE';

/** One bit of a word and its name, without that of the word. */
type FeatureBit = readonly [bit: number, name: string, applies?: readonly Applicability[]];

/** arch/powerpc/include/asm/cputable.h of 64-bit kernels. */
const cpuFeatures: readonly FeatureBit[] = [
  [0, 'COHERENT_ICACHE'],
  [1, 'ALTIVEC'],
  [2, 'DBELL'],
  [3, 'CAN_NAP'],
  [4, 'DEBUG_LVL_EXC'],
  [6, 'FPU_UNAVAILABLE'],
  [7, 'LWSYNC'],
  [8, 'NOEXECUTE'],
  [9, 'EMB_HV'],
  [12, 'REAL_LE'],
  [13, 'HVMODE'],
  [15, 'ARCH_206'],
  [16, 'ARCH_207S'],
  [17, 'ARCH_300'],
  [18, 'MMCRA'],
  [19, 'CTRL'],
  [20, 'SMT'],
  [21, 'PAUSE_ZERO'],
  [22, 'PURR'],
  [23, 'CELL_TB_BUG'],
  [24, 'SPURR'],
  [25, 'DSCR'],
  [26, 'VSX'],
  [27, 'SAO'],
  [28, 'CP_USE_DCBTZ'],
  [29, 'UNALIGNED_LD_STD'],
  [30, 'ASYM_SMT'],
  [31, 'STCX_CHECKS_ADDRESS'],
  [32, 'POPCNTB'],
  [33, 'POPCNTD'],
  [35, 'VMX_COPY'],
  [36, 'TM'],
  [37, 'CFAR'],
  [39, 'DAWR'],
  [40, 'DABRX'],
  [41, 'PMAO_BUG'],
  [43, 'POWER9_DD2_1'],
  [44, 'P9_TM_HV_ASSIST'],
  [45, 'P9_TM_XER_SO_BUG'],
  [46, 'P9_TLBIE_STQ_BUG'],
  [47, 'P9_TIDR'],
  [48, 'P9_TLBIE_ERAT_BUG'],
  [49, 'P9_RADIX_PREFETCH_BUG'],
  [50, 'ARCH_31'],
  [51, 'DAWR1'],
  // Seen in 6.12, not in 6.1.
  [52, 'DEXCR_NPHIE', [{ since: '6.12' }]],
  // Seen in 7.3, not in 6.12.
  [53, 'P11_PVR', [{ since: '7.3' }]],
  [54, 'ARCH_32', [{ since: '7.3' }]],
];

/** arch/powerpc/include/asm/mmu.h. */
const mmuFeatures: readonly FeatureBit[] = [
  [0, 'HPTE_TABLE'],
  [1, 'TYPE_8xx'],
  // Seen in 6.1, not in 6.12.
  [2, 'TYPE_40x', [{ before: '6.12' }]],
  [3, 'TYPE_44x'],
  [4, 'TYPE_FSL_E'],
  [5, 'TYPE_47x'],
  [6, 'TYPE_RADIX'],
  // Seen in 6.12, not in 6.1.
  [9, 'BOOK3S_KUAP', [{ before: '6.12' }]],
  [9, 'KUAP', [{ since: '6.12' }]],
  [10, 'BOOK3S_KUEP'],
  [11, 'PKEY'],
  [12, 'GTSE'],
  [13, '68_BIT_VA'],
  [14, 'KERNEL_RO'],
  [15, 'TLBIE_CROP_VA'],
  [16, 'USE_HIGH_BATS'],
  [17, 'BIG_PHYS'],
  [18, 'USE_TLBIVAX_BCAST'],
  [19, 'USE_TLBILX'],
  [20, 'LOCK_BCAST_INVAL'],
  [21, 'NEED_DTLB_SW_LRU'],
  [25, 'NO_SLBIE_B'],
  [26, '16M_PAGE'],
  [27, 'TLBIEL'],
  [28, 'LOCKLESS_TLBIE'],
  [29, 'CI_LARGE_PAGE'],
  [30, '1T_SEGMENT'],
  [31, 'NX_DSI'],
];

/** arch/powerpc/include/asm/firmware.h. */
const firmwareFeatures: readonly FeatureBit[] = [
  [0, 'PFT'],
  [1, 'TCE'],
  [2, 'SPRG0'],
  [3, 'DABR'],
  [4, 'COPY'],
  [5, 'ASR'],
  [6, 'DEBUG'],
  [7, 'TERM'],
  [8, 'PERF'],
  [9, 'DUMP'],
  [10, 'INTERRUPT'],
  [11, 'MIGRATE'],
  [12, 'PERFMON'],
  [13, 'CRQ'],
  [14, 'VIO'],
  [15, 'RDMA'],
  [16, 'LLAN'],
  [17, 'BULK_REMOVE'],
  [18, 'XDABR'],
  [19, 'PUT_TCE_IND'],
  [20, 'SPLPAR'],
  [22, 'LPAR'],
  [23, 'PS3_LV1'],
  [24, 'HPT_RESIZE'],
  [25, 'CMO'],
  [26, 'VPHN'],
  [27, 'XCMO'],
  [28, 'OPAL'],
  [30, 'SET_MODE'],
  [31, 'BEST_ENERGY'],
  [32, 'FORM1_AFFINITY'],
  [33, 'PRRN'],
  [34, 'DRMEM_V2'],
  [35, 'DRC_INFO'],
  [36, 'BLOCK_REMOVE'],
  [37, 'PAPR_SCM'],
  [38, 'ULTRAVISOR'],
  [39, 'STUFF_TCE'],
  [40, 'RPT_INVALIDATE'],
  [41, 'FORM2_AFFINITY'],
  [42, 'ENERGY_SCALE_INFO'],
  [43, 'WATCHDOG'],
  // Seen in 6.12, not in 6.1.
  [44, 'PLPKS', [{ since: '6.12' }]],
];

const features: Readonly<Record<FeatureWord, readonly FeatureBit[]>> = {
  CPU_FTR: cpuFeatures,
  MMU_FTR: mmuFeatures,
  FW_FEATURE: firmwareFeatures,
};

/** The kernel's name of a bit, such as `CPU_FTR_ARCH_31`; `CPU_FTR bit 60` for one that has none. */
export function featureName(word: FeatureWord, bit: number, kernel: Kernel): string {
  const row = features[word].find(([number, , applies]) => number === bit && appliesTo(applies, kernel));
  return row === undefined ? `${word} bit ${bit}` : `${word}_${row[1]}`;
}
