import type { Applicability } from '@kelp/core';

/**
 * Names of the CPU features and CPU bugs that alternatives test, without X86_FEATURE_ and X86_BUG_: 32 bits a word,
 * four a line. `.` is a free bit.
 *
 * /proc/cpuinfo shows a feature under its name in lower case, or under what stands behind the slash; where nothing
 * does, it is not shown.
 *
 * From arch/x86/include/asm/cpufeatures.h of 6.1, 6.12 and 7.3. Bits whose name changed stand in {@link renamedFeatures}.
 */
export const featureWords: readonly (readonly [word: number, names: string])[] = [
  // CPUID 1, EDX.
  [
    0,
    `
      FPU  VME     DE        PSE
      TSC  MSR     PAE       MCE
      CX8  APIC    .         SEP
      MTRR PGE     MCA       CMOV
      PAT  PSE36   PN        CLFLUSH
      .    DS/dts  ACPI      MMX
      FXSR XMM/sse XMM2/sse2 SELFSNOOP/ss
      HT   ACC/tm  IA64      PBE
    `,
  ],
  // CPUID 0x80000001, EDX: AMD.
  [
    1,
    `
      .  .        .               .
      .  .        .               .
      .  .        .               SYSCALL
      .  .        .               .
      .  .        .               MP
      NX .        MMXEXT          .
      .  FXSR_OPT GBPAGES/pdpe1gb RDTSCP
      .  LM       3DNOWEXT        3DNOW
    `,
  ],
  // CPUID 0x80860001: Transmeta. Free in newer kernels.
  [
    2,
    `
      RECOVERY LONGRUN . LRTI
      .        .       . .
      .        .       . .
      .        .       . .
      .        .       . .
      .        .       . .
      .        .       . .
      .        .       . .
    `,
  ],
  // Linux's own.
  [
    3,
    `
      CXMMX        K6_MTRR    CYRIX_ARR      CENTAUR_MCR
      K8/          ZEN5/      .              P4/
      CONSTANT_TSC UP         ART            ARCH_PERFMON
      PEBS         BTS        SYSCALL32/     .
      REP_GOOD     AMD_LBR_V2 .              ACC_POWER
      NOPL         ALWAYS/    XTOPOLOGY      TSC_RELIABLE
      NONSTOP_TSC  CPUID      EXTD_APICID    AMD_DCM
      APERFMPERF   RAPL       NONSTOP_TSC_S3 TSC_KNOWN_FREQ
    `,
  ],
  // CPUID 1, ECX.
  [
    4,
    `
      XMM3/pni           PCLMULQDQ DTES64 MWAIT/monitor
      DSCPL/ds_cpl       VMX       SMX    EST
      TM2                SSSE3     CID    SDBG
      FMA                CX16      XTPR   PDCM
      .                  PCID      DCA    XMM4_1/sse4_1
      XMM4_2/sse4_2      X2APIC    MOVBE  POPCNT
      TSC_DEADLINE_TIMER AES       XSAVE  OSXSAVE/
      AVX                F16C      RDRAND HYPERVISOR
    `,
  ],
  // CPUID 0xc0000001, EDX: Centaur, Zhaoxin.
  [
    5,
    `
      SM2    SM2_EN  XSTORE/rng XSTORE_EN/rng_en
      CCS    CCS_EN  XCRYPT/ace XCRYPT_EN/ace_en
      ACE2   ACE2_EN PHE        PHE_EN
      PMM    PMM_EN  .          .
      .      .       .          .
      .      .       RNG2       RNG2_EN
      .      PHE2    PHE2_EN    RSA
      RSA_EN .       .          .
    `,
  ],
  // CPUID 0x80000001, ECX: AMD.
  [
    6,
    `
      LAHF_LM       CMP_LEGACY SVM     EXTAPIC
      CR8_LEGACY    ABM        SSE4A   MISALIGNSSE
      3DNOWPREFETCH OSVW       IBS     XOP
      SKINIT        WDT        .       LWP
      FMA4          TCE        .       NODEID_MSR
      .             TBM        TOPOEXT PERFCTR_CORE
      PERFCTR_NB    .          BPEXT   PTSC
      PERFCTR_LLC   MWAITX     .       .
    `,
  ],
  // Linux's own, of CPUID bits scattered over many leaves.
  [
    7,
    `
      RING3MWAIT     CPUID_FAULT   CPB           EPB
      CAT_L3         CAT_L2        CDP_L3        .
      HW_PSTATE      PROC_FEEDBACK XCOMPACTED/   PTI
      KERNEL_IBRS/   RSB_VMEXIT/   INTEL_PPIN    CDP_L2
      MSR_SPEC_CTRL/ SSBD          MBA           RSB_CTXSW/
      PERFMON_V2     USE_IBPB/     USE_IBRS_FW/  SPEC_STORE_BYPASS_DISABLE/
      LS_CFG_SSBD/   IBRS          IBPB          STIBP
      ZEN/           L1TF_PTEINV/  IBRS_ENHANCED MSR_IA32_FEAT_CTL/
    `,
  ],
  // Linux's own: virtualization.
  [
    8,
    `
      TPR_SHADOW .                 .         .
      .          COHERENCY_SFW_NO/ .         .
      .          .                 .         .
      .          .                 .         VMMCALL
      XENPV/     EPT_AD            VMCALL/   VMW_VMMCALL/
      PVUNLOCK/  VCPUPREEMPT/      TDX_GUEST .
      .          .                 .         .
      .          .                 .         .
    `,
  ],
  // CPUID 7.0, EBX.
  [
    9,
    `
      FSGSBASE TSC_ADJUST    SGX              BMI1
      HLE      AVX2          FDP_EXCPTN_ONLY/ SMEP
      BMI2     ERMS          INVPCID          RTM
      CQM      ZERO_FCS_FDS/ MPX              RDT_A
      AVX512F  AVX512DQ      RDSEED           ADX
      SMAP     AVX512IFMA    .                CLFLUSHOPT
      CLWB     INTEL_PT      AVX512PF         AVX512ER
      AVX512CD SHA_NI        AVX512BW         AVX512VL
    `,
  ],
  // CPUID 0xd.1, EAX: XSAVE.
  [
    10,
    `
      XSAVEOPT XSAVEC XGETBV1 XSAVES
      XFD/     .      .       .
      .        .      .       .
      .        .      .       .
      .        .      .       .
      .        .      .       .
      .        .      .       .
      .        .      .       .
    `,
  ],
  // Linux's own.
  [
    11,
    `
      CQM_LLC            CQM_OCCUP_LLC        CQM_MBM_TOTAL     CQM_MBM_LOCAL
      FENCE_SWAPGS_USER/ FENCE_SWAPGS_KERNEL/ SPLIT_LOCK_DETECT PER_THREAD_MBA/
      SGX1/              SGX2/                ENTRY_IBPB/       RRSBA_CTRL/
      RETPOLINE/         RETPOLINE_LFENCE/    RETHUNK/          UNRET/
      USE_IBPB_FW/       RSB_VMEXIT_LITE/     .                 CALL_DEPTH/
      MSR_TSX_CTRL/      SMBA/                BMEC/             USER_SHSTK
      SRSO/              SRSO_ALIAS/          IBPB_ON_VMEXIT/   APIC_MSRS_FENCE/
      ZEN2/              ZEN3/                ZEN4/             ZEN1/
    `,
  ],
  // CPUID 7.1, EAX.
  [
    12,
    `
      SHA512/           SM3/        SM4/  .
      AVX_VNNI          AVX512_BF16 LASS  CMPCCXADD/
      ARCH_PERFMON_EXT/ .           FZRM/ FSRS/
      FSRC/             .           .     .
      .                 FRED        LKGS/ WRMSRNS/
      .                 AMX_FP16/   .     AVX_IFMA/
      .                 .           LAM   .
      .                 .           .     MOVRS/
    `,
  ],
  // CPUID 0x80000008, EBX: AMD.
  [
    13,
    `
      CLZERO          IRPERF               XSAVEERPTR    INVLPGB/
      RDPRU           .                    .             .
      .               WBNOINVD             .             .
      AMD_IBPB/       .                    AMD_IBRS/     AMD_STIBP/
      .               AMD_STIBP_ALWAYS_ON/ .             AMD_IBRS_SAME_MODE/
      EFER_LMSLE_MBZ/ .                    .             AMD_PPIN
      AMD_SSBD/       VIRT_SSBD            AMD_SSB_NO/   CPPC
      AMD_PSFD/       BTC_NO/              AMD_IBPB_RET/ BRS
    `,
  ],
  // CPUID 6, EAX: thermal and power management.
  [
    14,
    `
      DTHERM     IDA            ARAT    .
      PLN        .              PTS     HWP
      HWP_NOTIFY HWP_ACT_WINDOW HWP_EPP HWP_PKG_REQ
      .          .              .       HWP_HIGHEST_PERF_CHANGE/
      .          .              .       HFI
      .          .              .       .
      DPTI/      .              .       .
      .          .              .       .
    `,
  ],
  // CPUID 0x8000000a, EDX: AMD SVM.
  [
    15,
    `
      NPT                  LBRV                 SVML/svm_lock NRIPS/nrip_save
      TSCRATEMSR/tsc_scale VMCBCLEAN/vmcb_clean FLUSHBYASID   DECODEASSISTS
      .                    .                    PAUSEFILTER   .
      PFTHRESHOLD          AVIC                 .             V_VMSAVE_VMLOAD
      VGIF                 GMET/                X2AVIC        .
      V_SPEC_CTRL          .                    .             .
      .                    VNMI                 .             .
      SVME_ADDR_CHK/       BUS_LOCK_THRESHOLD/  IDLE_HLT/     .
    `,
  ],
  // CPUID 7.0, ECX.
  [
    16,
    `
      .               AVX512VBMI UMIP             PKU
      OSPKE           WAITPKG    AVX512_VBMI2     SHSTK/
      GFNI            VAES       VPCLMULQDQ       AVX512_VNNI
      AVX512_BITALG   TME        AVX512_VPOPCNTDQ .
      LA57            .          .                .
      .               .          RDPID            .
      BUS_LOCK_DETECT CLDEMOTE   .                MOVDIRI
      MOVDIR64B       ENQCMD     SGX_LC           .
    `,
  ],
  // CPUID 0x80000007, EBX: AMD RAS.
  [
    17,
    `
      OVERFLOW_RECOV SUCCOR CPPC_PERF_PRIO/ SMCA
      .              .      .               .
      .              .      .               .
      .              .      .               .
      .              .      .               .
      .              .      .               .
      .              .      .               .
      .              .      .               .
    `,
  ],
  // CPUID 7.0, EDX.
  [
    18,
    `
      .                   .                 AVX512_4VNNIW      AVX512_4FMAPS
      FSRM                .                 .                  .
      AVX512_VP2INTERSECT SRBDS_CTRL/       MD_CLEAR           RTM_ALWAYS_ABORT/
      .                   TSX_FORCE_ABORT/  SERIALIZE          HYBRID_CPU/
      TSXLDTRK            .                 PCONFIG            ARCH_LBR
      IBT                 .                 AMX_BF16           AVX512_FP16
      AMX_TILE            AMX_INT8          SPEC_CTRL/         INTEL_STIBP/
      FLUSH_L1D           ARCH_CAPABILITIES CORE_CAPABILITIES/ SPEC_CTRL_SSBD/
    `,
  ],
  // CPUID 0x8000001f, EAX: AMD memory encryption.
  [
    19,
    `
      SME             SEV        VM_PAGE_FLUSH/       SEV_ES
      SEV_SNP         .          .                    .
      SNP_SECURE_TSC/ V_TSC_AUX/ SME_COHERENT/        .
      .               .          DEBUG_SWAP           .
      .               .          .                    .
      .               RMPREAD/   .                    SEGMENTED_RMP/
      .               .          .                    ALLOWED_SEV_FEATURES/
      SVSM            .          HV_INUSE_WR_ALLOWED/ .
    `,
  ],
  // CPUID 0x80000021, EAX: AMD.
  [
    20,
    `
      NO_NESTED_DATA_BP/ WRMSR_XX_BASE_NS/ LFENCE_RDTSC/        .
      TLBSYNC_SFW_NO/    VERW_CLEAR/       NULL_SEL_CLR_BASE/   .
      AUTOIBRS/          NO_SMM_CTL_MSR/   .                    .
      .                  .                 .                    .
      .                  GP_ON_USER_CPUID/ .                    .
      PREFETCHI/         .                 .                    AVX512_BMM/
      ERAPS/             .                 .                    SBPB/
      IBPB_BRTYPE/       SRSO_NO/          SRSO_USER_KERNEL_NO/ SRSO_BP_SPEC_REDUCE/
    `,
  ],
  // Linux's own.
  [
    21,
    `
      AMD_LBR_PMC_FREEZE CLEAR_BHB_LOOP/   BHI_CTRL/           CLEAR_BHB_HW/
      .                  .                 .                   AMD_WORKLOAD_CLASS/
      PREFER_YMM/        APX/              INDIRECT_THUNK_ITS/ TSA_SQ_NO/
      TSA_L1_NO/         CLEAR_CPU_BUF_VM/ IBPB_EXIT_TO_USER/  ABMC/
      MSR_IMM/           SGX_EUPDATESVN/   SDCIAE/             CLEAR_CPU_BUF_VM_MMIO/
      X2AVIC_EXT/        .                 .                   .
      .                  .                 .                   .
      .                  .                 .                   .
    `,
  ],
  // Bugs, first word.
  [
    22,
    `
      F00F                  FDIV              COMA         AMD_TLB_MMATCH/tlb_mmatch
      AMD_APIC_C1E/apic_c1e 11AP              FXSAVE_LEAK  CLFLUSH_MONITOR
      SYSRET_SS_ATTRS       ESPFIX/           NULL_SEG     SWAPGS_FENCE
      MONITOR               AMD_E400          CPU_MELTDOWN SPECTRE_V1
      SPECTRE_V2            SPEC_STORE_BYPASS L1TF         MDS
      MSBDS_ONLY            SWAPGS            TAA          ITLB_MULTIHIT
      SRBDS                 MMIO_STALE_DATA   MMIO_UNKNOWN RETBLEED
      EIBRS_PBRSB           SMT_RSB           GDS          TDX_PW_MCE
    `,
  ],
  // Bugs, second word.
  [
    23,
    `
      SRSO            DIV0 RFDS    BHI
      IBPB_NO_RET     .    .       ITS
      ITS_NATIVE_ONLY TSA  VMSCAPE SEAMRET_INVD_VMCS
      TLBI            .    .       .
      .               .    .       .
      .               .    .       .
      .               .    .       .
      .               .    .       .
    `,
  ],
];

/** A name that a bit has in some kernels. */
export interface RenamedFeature {
  readonly word: number;
  readonly bit: number;
  /** As in {@link featureWords}. */
  readonly name: string;
  readonly applies: readonly Applicability[];
}

/** Seen in 6.1 only; which releases after it have the name is not known. */
const in61: readonly Applicability[] = [{ before: '6.2' }];
/** Seen in 6.12, not in 6.1. */
const from612: readonly Applicability[] = [{ since: '6.12' }];
/** Seen in 6.1 and 6.12, not in 7.3. */
const to612: readonly Applicability[] = [{ before: '6.13' }];
/** Seen in 6.12, neither in 6.1 nor in 7.3. */
const in612: readonly Applicability[] = [{ since: '6.12', before: '6.13' }];
/** Seen in 7.3, not in 6.12. */
const from73: readonly Applicability[] = [{ since: '7.3' }];

/** Bits that were given to another feature. Between the releases that were looked at, such a bit has no name here. */
export const renamedFeatures: readonly RenamedFeature[] = [
  { word: 3, bit: 6, name: 'P3/', applies: to612 },
  { word: 3, bit: 6, name: 'ZEN6/', applies: from73 },
  { word: 3, bit: 15, name: 'SYSENTER32/', applies: to612 },
  { word: 3, bit: 15, name: 'SYSFAST32/', applies: from73 },
  { word: 3, bit: 18, name: 'LFENCE_RDTSC/', applies: in61 },
  { word: 3, bit: 18, name: 'CLEAR_CPU_BUF/', applies: from612 },
  { word: 7, bit: 7, name: 'INVPCID_SINGLE', applies: in61 },
  { word: 7, bit: 7, name: 'TDX_HOST_PLATFORM', applies: from612 },
  { word: 8, bit: 1, name: 'VNMI', applies: in61 },
  { word: 8, bit: 1, name: 'FLEXPRIORITY', applies: from612 },
  { word: 8, bit: 2, name: 'FLEXPRIORITY', applies: in61 },
  { word: 8, bit: 2, name: 'EPT', applies: from612 },
  { word: 8, bit: 3, name: 'EPT', applies: in61 },
  { word: 8, bit: 3, name: 'VPID', applies: from612 },
  { word: 8, bit: 4, name: 'VPID', applies: in61 },
  { word: 8, bit: 4, name: 'COHERENCY_SFW_NO/', applies: from612 },
  { word: 11, bit: 18, name: 'CLEAR_CPU_BUF/', applies: in61 },
  { word: 11, bit: 18, name: 'SGX_EDECCSSA/', applies: from612 },
  { word: 21, bit: 4, name: 'CLEAR_BHB_LOOP_ON_VMEXIT/', applies: to612 },
  { word: 21, bit: 4, name: 'CLEAR_BHB_VMEXIT/', applies: from73 },
  { word: 21, bit: 5, name: 'INDIRECT_THUNK_ITS/', applies: in61 },
  { word: 21, bit: 5, name: 'FAST_CPPC/', applies: in612 },
  { word: 21, bit: 5, name: 'AMD_FAST_CPPC/', applies: from73 },
  { word: 21, bit: 6, name: 'INDIRECT_THUNK_ITS/', applies: in612 },
  { word: 21, bit: 6, name: 'AMD_HTR_CORES/', applies: from73 },
  { word: 23, bit: 5, name: 'ITS', applies: to612 },
  { word: 23, bit: 5, name: 'SPECTRE_V2_USER', applies: from73 },
  { word: 23, bit: 6, name: 'ITS_NATIVE_ONLY', applies: to612 },
  { word: 23, bit: 6, name: 'OLD_MICROCODE', applies: from73 },
];
