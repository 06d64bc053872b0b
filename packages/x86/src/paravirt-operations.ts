import { appliesTo, type Applicability, type Kernel } from '@kelp/core';

/** A function pointer of pv_ops. */
interface ParavirtOperation {
  readonly member: string;
  /** The function it names where nothing virtualizes: {@link nothing} for one that does nothing. */
  readonly native: string;
  readonly applies?: readonly Applicability[];
}

/** paravirt_nop: calls of it are replaced by nops. */
export const nothing = 'paravirt_nop';

/** Seen in 6.1, not in 6.12. */
const in61: readonly Applicability[] = [{ before: '6.2' }];
/** Seen in 6.12, not in 6.1. */
const from612: readonly Applicability[] = [{ since: '6.2' }];
/** Seen in 6.12, not in 7.3. */
const to612: readonly Applicability[] = [{ before: '6.13' }];
/** Seen in 6.12, neither in 6.1 nor in 7.3. */
const in612: readonly Applicability[] = [{ since: '6.2', before: '6.13' }];
/** Seen in 7.3, not in 6.12. */
const from73: readonly Applicability[] = [{ since: '6.13' }];

/**
 * struct paravirt_patch_template in order, as kernels with PARAVIRT_XXL have it, and its initial values:
 * arch/x86/include/asm/paravirt_types.h, arch/x86/kernel/paravirt.c. They only serve as the first guess of what a
 * pointer holds, so that other configurations and releases in between, in which places differ, do no harm.
 */
const operations: readonly ParavirtOperation[] = [
  { member: 'cpu.io_delay', native: 'native_io_delay', applies: to612 },
  { member: 'cpu.get_debugreg', native: 'pv_native_get_debugreg' },
  { member: 'cpu.set_debugreg', native: 'pv_native_set_debugreg' },
  { member: 'cpu.read_cr0', native: 'native_read_cr0' },
  { member: 'cpu.write_cr0', native: 'native_write_cr0' },
  { member: 'cpu.write_cr4', native: 'native_write_cr4' },
  { member: 'cpu.load_tr_desc', native: 'native_load_tr_desc' },
  { member: 'cpu.load_gdt', native: 'native_load_gdt' },
  { member: 'cpu.load_idt', native: 'native_load_idt' },
  { member: 'cpu.set_ldt', native: 'native_set_ldt' },
  { member: 'cpu.store_tr', native: 'native_store_tr' },
  { member: 'cpu.load_tls', native: 'native_load_tls' },
  { member: 'cpu.load_gs_index', native: 'native_load_gs_index' },
  { member: 'cpu.write_ldt_entry', native: 'native_write_ldt_entry' },
  { member: 'cpu.write_gdt_entry', native: 'native_write_gdt_entry' },
  { member: 'cpu.write_idt_entry', native: 'native_write_idt_entry' },
  { member: 'cpu.alloc_ldt', native: nothing },
  { member: 'cpu.free_ldt', native: nothing },
  { member: 'cpu.load_sp0', native: 'native_load_sp0' },
  { member: 'cpu.invalidate_io_bitmap', native: 'native_tss_invalidate_io_bitmap' },
  { member: 'cpu.update_io_bitmap', native: 'native_tss_update_io_bitmap' },
  { member: 'cpu.wbinvd', native: 'native_wbinvd', applies: in61 },
  { member: 'cpu.wbinvd', native: 'pv_native_wbinvd', applies: in612 },
  { member: 'cpu.cpuid', native: 'native_cpuid' },
  { member: 'cpu.read_msr', native: 'native_read_msr' },
  { member: 'cpu.write_msr', native: 'native_write_msr' },
  { member: 'cpu.read_msr_safe', native: 'native_read_msr_safe' },
  { member: 'cpu.write_msr_safe', native: 'native_write_msr_safe' },
  { member: 'cpu.read_pmc', native: 'native_read_pmc' },
  { member: 'cpu.start_context_switch', native: nothing },
  { member: 'cpu.end_context_switch', native: nothing },
  { member: 'irq.save_fl', native: 'native_save_fl', applies: in61 },
  { member: 'irq.save_fl', native: 'pv_native_save_fl', applies: from612 },
  { member: 'irq.irq_disable', native: 'pv_native_irq_disable' },
  { member: 'irq.irq_enable', native: 'pv_native_irq_enable' },
  { member: 'irq.safe_halt', native: 'native_safe_halt', applies: in61 },
  { member: 'irq.safe_halt', native: 'pv_native_safe_halt', applies: from612 },
  { member: 'irq.halt', native: 'native_halt' },
  { member: 'mmu.flush_tlb_user', native: 'native_flush_tlb_local' },
  { member: 'mmu.flush_tlb_kernel', native: 'native_flush_tlb_global' },
  { member: 'mmu.flush_tlb_one_user', native: 'native_flush_tlb_one_user' },
  { member: 'mmu.flush_tlb_multi', native: 'native_flush_tlb_multi' },
  { member: 'mmu.tlb_remove_table', native: 'tlb_remove_page', applies: in61 },
  { member: 'mmu.tlb_remove_table', native: 'native_tlb_remove_table', applies: in612 },
  { member: 'mmu.exit_mmap', native: nothing },
  { member: 'mmu.notify_page_enc_status_changed', native: nothing },
  { member: 'mmu.read_cr2', native: 'pv_native_read_cr2' },
  { member: 'mmu.write_cr2', native: 'pv_native_write_cr2' },
  { member: 'mmu.read_cr3', native: '__native_read_cr3', applies: to612 },
  { member: 'mmu.read_cr3', native: 'pv_native_read_cr3', applies: from73 },
  { member: 'mmu.write_cr3', native: 'native_write_cr3', applies: to612 },
  { member: 'mmu.write_cr3', native: 'pv_native_write_cr3', applies: from73 },
  { member: 'mmu.enter_mmap', native: nothing, applies: from612 },
  { member: 'mmu.activate_mm', native: nothing, applies: in61 },
  { member: 'mmu.dup_mmap', native: nothing, applies: in61 },
  { member: 'mmu.pgd_alloc', native: '__paravirt_pgd_alloc' },
  { member: 'mmu.pgd_free', native: nothing },
  { member: 'mmu.alloc_pte', native: nothing },
  { member: 'mmu.alloc_pmd', native: nothing },
  { member: 'mmu.alloc_pud', native: nothing },
  { member: 'mmu.alloc_p4d', native: nothing },
  { member: 'mmu.release_pte', native: nothing },
  { member: 'mmu.release_pmd', native: nothing },
  { member: 'mmu.release_pud', native: nothing },
  { member: 'mmu.release_p4d', native: nothing },
  { member: 'mmu.set_pte', native: 'native_set_pte' },
  { member: 'mmu.set_pmd', native: 'native_set_pmd' },
  { member: 'mmu.ptep_modify_prot_start', native: '__ptep_modify_prot_start' },
  { member: 'mmu.ptep_modify_prot_commit', native: '__ptep_modify_prot_commit' },
  { member: 'mmu.pte_val', native: '_paravirt_ident_64' },
  { member: 'mmu.make_pte', native: '_paravirt_ident_64' },
  { member: 'mmu.pgd_val', native: '_paravirt_ident_64' },
  { member: 'mmu.make_pgd', native: '_paravirt_ident_64' },
  { member: 'mmu.set_pud', native: 'native_set_pud' },
  { member: 'mmu.pmd_val', native: '_paravirt_ident_64' },
  { member: 'mmu.make_pmd', native: '_paravirt_ident_64' },
  { member: 'mmu.pud_val', native: '_paravirt_ident_64' },
  { member: 'mmu.make_pud', native: '_paravirt_ident_64' },
  { member: 'mmu.set_p4d', native: 'native_set_p4d' },
  { member: 'mmu.p4d_val', native: '_paravirt_ident_64' },
  { member: 'mmu.make_p4d', native: '_paravirt_ident_64' },
  { member: 'mmu.set_pgd', native: 'native_set_pgd' },
  { member: 'mmu.lazy_mode_flush', native: nothing, applies: from73 },
  { member: 'mmu.lazy_mode.enter', native: nothing, applies: to612 },
  { member: 'mmu.lazy_mode.leave', native: nothing, applies: to612 },
  { member: 'mmu.lazy_mode.flush', native: nothing, applies: to612 },
  { member: 'mmu.set_fixmap', native: 'native_set_fixmap' },
  { member: 'lock.queued_spin_lock_slowpath', native: 'native_queued_spin_lock_slowpath', applies: to612 },
  {
    member: 'lock.queued_spin_unlock',
    native: '__raw_callee_save___native_queued_spin_unlock',
    applies: to612,
  },
  { member: 'lock.wait', native: nothing, applies: to612 },
  { member: 'lock.kick', native: nothing, applies: to612 },
  {
    member: 'lock.vcpu_is_preempted',
    native: '__raw_callee_save___native_vcpu_is_preempted',
    applies: to612,
  },
];

/**
 * The function that a pointer of pv_ops names on bare hardware.
 *
 * @param index - its number in the structure.
 */
export function nativeFunction(index: number, kernel: Kernel): string | undefined {
  return operations.filter(({ applies }) => appliesTo(applies, kernel))[index]?.native;
}
