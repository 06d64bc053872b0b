# SPDX-License-Identifier: GPL-2.0
"""arch/powerpc/lib/code-patching.c with asm/inst.h: writes of instructions, which protection does not stop.

With STRICT_KERNEL_RWX the page is mapped a second time and written there; without, module text is writable anyway. So
both are the same write here. One page is mapped, so that no write can go over its end.
"""

from typing import TYPE_CHECKING

from .kernel import EINVAL, EPERM

if TYPE_CHECKING:
    from .kernel import Kernel

OP_PREFIX = 1
BRANCH_SET_LINK, BRANCH_ABSOLUTE = 0x1, 0x2


def patch_mem(kernel: "Kernel", addr: int, val: int, size: int) -> int:
    """__patch_instruction() in 6.1, patch_mem() in later ones."""
    if addr % kernel.page_size + size > kernel.page_size:
        return -EPERM
    kernel.memory.poke(addr, kernel.memory.pack(val, size))
    return 0


def ppc_inst_prefixed(instr: int) -> bool:
    return instr >> 26 == OP_PREFIX


def ppc_inst_as_ulong(kernel: "Kernel", prefix: int, suffix: int) -> int:
    return suffix << 32 | prefix if kernel.byte_order == "little" else prefix << 32 | suffix


def patch_instruction(kernel: "Kernel", addr: int, instr: int) -> int:
    """Of an instruction that ppc_inst() made. A word that looks like a prefix is written with a suffix of 0."""
    if ppc_inst_prefixed(instr):
        return patch_mem(kernel, addr, ppc_inst_as_ulong(kernel, instr, 0), 8)
    return patch_mem(kernel, addr, instr, 4)


def patch_prefixed(kernel: "Kernel", addr: int, prefix: int, suffix: int) -> int:
    """patch_instruction() of what ppc_inst_prefix() made."""
    if ppc_inst_prefixed(prefix):
        return patch_mem(kernel, addr, ppc_inst_as_ulong(kernel, prefix, suffix), 8)
    return patch_mem(kernel, addr, prefix, 4)


def patch_u32(kernel: "Kernel", addr: int, val: int) -> int:
    """Since 6.12."""
    return -EINVAL if addr % 4 else patch_mem(kernel, addr, val, 4)


def instr_is_relative_branch(instr: int) -> bool:
    # I-form and B-form.
    return not instr & BRANCH_ABSOLUTE and instr >> 26 in (18, 16)


def instr_is_relative_link_branch(instr: int) -> bool:
    return instr_is_relative_branch(instr) and bool(instr & BRANCH_SET_LINK)
