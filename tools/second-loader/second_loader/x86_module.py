# SPDX-License-Identifier: GPL-2.0
"""arch/x86/kernel/module.c"""

from typing import TYPE_CHECKING

from .kernel import ENOEXEC, UNFORMED
from .livepatch import Place
from .memory import s32, s64, u32, u64

if TYPE_CHECKING:
    from .module import Module

class R:
    """Types of arch/x86/include/asm/elf.h."""

    X86_64_NONE = 0
    X86_64_64 = 1
    X86_64_PC32 = 2
    X86_64_PLT32 = 4
    X86_64_32 = 10
    X86_64_32S = 11
    X86_64_PC64 = 24


def module_frob_arch_sections(me: "Module") -> int:
    """The weak one of kernel/module/main.c."""
    return 0


def module_finalize(me: "Module") -> int:
    return 0


def apply_relocate_add(sechdrs, symindex: int, relsec: int, me: "Module") -> int:
    if not me.kernel.since(6, 12):
        return apply_relocate_add_6_1(sechdrs, symindex, relsec, me)
    return write_relocate_add(sechdrs, symindex, relsec, me, True)


def clear_relocate_add(sechdrs, symindex: int, relsec: int, me: "Module") -> None:
    """Since 6.12. What it returns is not looked at."""
    write_relocate_add(sechdrs, symindex, relsec, me, False)


def writer(me: "Module"):
    """memcpy() while the module is UNFORMED, text_poke() afterwards."""
    memory = me.kernel.memory
    write = memory.memcpy if me.state == UNFORMED else memory.poke
    return lambda loc, val, size: write(loc, memory.pack(val, size))


def write_relocate_add(sechdrs, symindex: int, relsec: int, me: "Module", apply: bool) -> int:
    """__write_relocate_add() of 6.12 and later: the range is checked first, then what is there, then it is written."""
    memory, write = me.kernel.memory, writer(me)
    for rel in sechdrs[relsec].relas:
        me.place = Place(relsec, rel)
        loc = u64(sechdrs[sechdrs[relsec].info].addr + rel.offset)
        val = u64(me.symtab[rel.sym].value + rel.addend)
        match rel.type:
            case R.X86_64_NONE:
                continue
            case R.X86_64_64:
                size = 8
            case R.X86_64_32:
                if val != u32(val):
                    return overflow(me, val)
                size = 4
            case R.X86_64_32S:
                if s64(val) != s32(val):
                    return overflow(me, val)
                size = 4
            case R.X86_64_PC32 | R.X86_64_PLT32:
                val = u64(val - loc)
                size = 4
            case R.X86_64_PC64:
                val = u64(val - loc)
                size = 8
            case _:
                me.kernel.pr_err(f"Unknown rela relocation: {rel.type}")
                return -ENOEXEC
        if apply:
            if memory.read(loc, size) != bytes(size):
                me.kernel.pr_err(f"Invalid relocation target, existing value is nonzero for type {rel.type}")
                return -ENOEXEC
            write(loc, val, size)
        else:
            if memory.read(loc, size) != memory.pack(val, size):
                me.kernel.warnings.append("existing value does not match expected value")
                return -ENOEXEC
            write(loc, 0, size)
    return 0


def apply_relocate_add_6_1(sechdrs, symindex: int, relsec: int, me: "Module") -> int:
    """__apply_relocate_add() of 6.1: what is there is checked first, then it is written, then the range is checked."""
    memory, write = me.kernel.memory, writer(me)
    for rel in sechdrs[relsec].relas:
        me.place = Place(relsec, rel)
        loc = u64(sechdrs[sechdrs[relsec].info].addr + rel.offset)
        val = u64(me.symtab[rel.sym].value + rel.addend)
        match rel.type:
            case R.X86_64_NONE:
                pass
            case R.X86_64_64:
                if memory.load(loc, 8) != 0:
                    return invalid_relocation(me, rel)
                write(loc, val, 8)
            case R.X86_64_32:
                if memory.load(loc, 4) != 0:
                    return invalid_relocation(me, rel)
                write(loc, val, 4)
                if val != memory.load(loc, 4):
                    return overflow(me, val)
            case R.X86_64_32S:
                if memory.load(loc, 4) != 0:
                    return invalid_relocation(me, rel)
                write(loc, val, 4)
                if s64(val) != s32(memory.load(loc, 4)):
                    return overflow(me, val)
            case R.X86_64_PC32 | R.X86_64_PLT32:
                # The range check of this version is compiled out.
                if memory.load(loc, 4) != 0:
                    return invalid_relocation(me, rel)
                write(loc, u64(val - loc), 4)
            case R.X86_64_PC64:
                if memory.load(loc, 8) != 0:
                    return invalid_relocation(me, rel)
                write(loc, u64(val - loc), 8)
            case _:
                me.kernel.pr_err(f"Unknown rela relocation: {rel.type}")
                return -ENOEXEC
    return 0


def invalid_relocation(me: "Module", rel) -> int:
    me.kernel.pr_err(f"Skipping invalid relocation target, existing value is nonzero for type {rel.type}")
    return -ENOEXEC


def overflow(me: "Module", val: int) -> int:
    me.kernel.pr_err(f"overflow in relocation, val {val:x}")
    return -ENOEXEC


def loader_state(me: "Module") -> dict:
    """Nothing but the bytes."""
    return {}
