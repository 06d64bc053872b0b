/**
 * Calls to these go through stubs that do not need the module's TOC, and no word after them is looked at:
 * is_mprofile_ftrace_call(). The kernel has the list with MPROFILE_KERNEL or ARCH_USING_PATCHABLE_FUNCTION_ENTRY, and
 * livepatch needs one of the two.
 */
export const ftraceCallers: ReadonlySet<string> = new Set(['_mcount', 'ftrace_caller', 'ftrace_regs_caller']);
