# SPDX-License-Identifier: GPL-2.0
"""A second loader: late livepatch relocation as the kernel's own sources do it.

It exists to judge Kelp and shares nothing with it: no table, no code, no generated file. Each module follows one
source file of the kernel, function by function under the kernel's names, so that the two can be read side by side:

    module.py                 kernel/module/main.c, strict_rwx.c, livepatch.c, kallsyms.c
    livepatch.py              kernel/livepatch/core.c
    sort.py, scan.py          lib/sort.c; sscanf() of lib/vsprintf.c
    x86_module.py             arch/x86/kernel/module.c
    powerpc_module_64.py      arch/powerpc/kernel/module_64.c
    powerpc_patching.py       arch/powerpc/lib/code-patching.c
    s390_module.py            arch/s390/kernel/module.c
    arm64_module.py           arch/arm64/kernel/module.c
    arm64_module_plts.py      arch/arm64/kernel/module-plts.c
    arm64_insn.py             arch/arm64/lib/insn.c

The sources read are those of Debian's linux-source 6.1.176, 6.12.117, 7.2.13 and 7.3~rc7. Other versions are refused:
nobody has read their sources. Finalization (alternatives, return thunks, ftrace sites ...) is left out, apart from what
the files above write themselves: stubs, PLT entries and thunks for ftrace and expolines.
"""
