# SPDX-License-Identifier: GPL-2.0
"""arch/s390/kernel/module.c"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .elf import SHN_UNDEF, SHN_ABS, SHT_RELA, SHT_SYMTAB, Rela
from .kernel import ENOEXEC, UNFORMED, Kernel
from .livepatch import Place
from .memory import align, s64, u64

if TYPE_CHECKING:
    from .module import Module

PLT_ENTRY_SIZE = 22
UNUSED = (1 << 64) - 1


class R:
    """Types of arch/s390/include/asm/elf.h, as they are numbered there."""

    (NONE, _8, _12, _16, _32, PC32, GOT12, GOT32, PLT32) = range(9)
    (COPY, GLOB_DAT, JMP_SLOT, RELATIVE) = range(9, 13)
    (GOTOFF32, GOTPC, GOT16, PC16, PC16DBL, PLT16DBL, PC32DBL, PLT32DBL, GOTPCDBL) = range(13, 22)
    (_64, PC64, GOT64, PLT64, GOTENT, GOTOFF16, GOTOFF64) = range(22, 29)
    (GOTPLT12, GOTPLT16, GOTPLT32, GOTPLT64, GOTPLTENT, PLTOFF16, PLTOFF32, PLTOFF64) = range(29, 37)
    (_20, GOT20, GOTPLT20) = range(57, 60)


@dataclass
class ModArchSyminfo:
    got_offset: int = UNUSED
    plt_offset: int = UNUSED
    got_initialized: int = 0
    plt_initialized: int = 0


def expoline(kernel: Kernel) -> bool:
    return kernel.is_enabled("EXPOLINE") and not kernel.nospec_disable


def check_rela(rela: Rela, me: "Module") -> None:
    info = me.arch.syminfo[rela.sym]
    match rela.type:
        case (
            R.GOT12
            | R.GOT16
            | R.GOT20
            | R.GOT32
            | R.GOT64
            | R.GOTENT
            | R.GOTPLT12
            | R.GOTPLT16
            | R.GOTPLT20
            | R.GOTPLT32
            | R.GOTPLT64
            | R.GOTPLTENT
        ):
            if info.got_offset == UNUSED:
                info.got_offset = me.arch.got_size
                me.arch.got_size += 8
        case R.PLT16DBL | R.PLT32DBL | R.PLT32 | R.PLT64 | R.PLTOFF16 | R.PLTOFF32 | R.PLTOFF64:
            if info.plt_offset == UNUSED:
                info.plt_offset = me.arch.plt_size
                me.arch.plt_size += PLT_ENTRY_SIZE


def module_frob_arch_sections(me: "Module") -> int:
    arch = me.arch
    if not any(shdr.type == SHT_SYMTAB for shdr in me.sechdrs):
        me.kernel.pr_err("no symbol table")
        return -ENOEXEC
    arch.syminfo = []
    for sym in me.symtab:
        if sym.shndx == SHN_UNDEF and sym.name == b"_GLOBAL_OFFSET_TABLE_":
            sym.shndx = SHN_ABS
        arch.syminfo.append(ModArchSyminfo())
    arch.got_size = arch.plt_size = 0
    for shdr in me.sechdrs:
        if shdr.type == SHT_RELA:
            for rela in shdr.relas:
                check_rela(rela, me)
    # mem[MOD_TEXT] since 6.12, core_layout in 6.1; nothing is in it yet.
    mod_mem = me.text
    mod_mem.size = align(mod_mem.size, 4)
    arch.got_offset = mod_mem.size
    mod_mem.size += arch.got_size
    arch.plt_offset = mod_mem.size
    if arch.plt_size:
        if expoline(me.kernel):
            arch.plt_size += PLT_ENTRY_SIZE
        mod_mem.size += arch.plt_size
    return 0


def apply_rela_bits(loc: int, val: int, sign: int, bits: int, shift: int, me: "Module") -> int:
    val = u64(val)
    if val & (1 << shift) - 1:
        return -ENOEXEC
    if sign:
        val = s64(val) >> shift
        if not -(1 << bits - 1) <= val <= (1 << bits - 1) - 1:
            return -ENOEXEC
    else:
        val >>= shift
        if val > (1 << bits) - 1:
            return -ENOEXEC
    load = me.kernel.memory.load
    if bits == 8:
        write(me, loc, val, 1)
    elif bits == 12:
        write(me, loc, val & 0xFFF | load(loc, 2) & 0xF000, 2)
    elif bits == 16:
        write(me, loc, val, 2)
    elif bits == 20:
        write(me, loc, (val & 0xFFF) << 16 | (val & 0xFF000) >> 4 | load(loc, 4) & 0xF00000FF, 4)
    elif bits == 32:
        write(me, loc, val, 4)
    elif bits == 64:
        write(me, loc, val, 8)
    return 0


def write(me: "Module", dest: int, val: int, size: int) -> None:
    write_bytes(me, dest, me.kernel.memory.pack(val, size))


def write_bytes(me: "Module", dest: int, content: bytes) -> None:
    """memcpy() while the module is UNFORMED, s390_kernel_write() afterwards."""
    memory = me.kernel.memory
    (memory.memcpy if me.state == UNFORMED else memory.poke)(dest, content)


def apply_rela(rela: Rela, base: int, me: "Module") -> int:
    arch = me.arch
    loc = u64(base + rela.offset)
    info = arch.syminfo[rela.sym]
    val = me.symtab[rela.sym].value
    addend = rela.addend
    area = me.text.base
    rc = -ENOEXEC
    match rela.type:
        case R.NONE:
            rc = 0
        case R._8 | R._12 | R._16 | R._20 | R._32 | R._64:
            val += addend
            match rela.type:
                case R._8:
                    rc = apply_rela_bits(loc, val, 0, 8, 0, me)
                case R._12:
                    rc = apply_rela_bits(loc, val, 0, 12, 0, me)
                case R._16:
                    rc = apply_rela_bits(loc, val, 0, 16, 0, me)
                case R._20:
                    rc = apply_rela_bits(loc, val, 1, 20, 0, me)
                case R._32:
                    rc = apply_rela_bits(loc, val, 0, 32, 0, me)
                case R._64:
                    rc = apply_rela_bits(loc, val, 0, 64, 0, me)
        case R.PC16 | R.PC16DBL | R.PC32DBL | R.PC32 | R.PC64:
            val += addend - loc
            match rela.type:
                case R.PC16:
                    rc = apply_rela_bits(loc, val, 1, 16, 0, me)
                case R.PC16DBL:
                    rc = apply_rela_bits(loc, val, 1, 16, 1, me)
                case R.PC32DBL:
                    rc = apply_rela_bits(loc, val, 1, 32, 1, me)
                case R.PC32:
                    rc = apply_rela_bits(loc, val, 1, 32, 0, me)
                case R.PC64:
                    rc = apply_rela_bits(loc, val, 1, 64, 0, me)
        case (
            R.GOT12
            | R.GOT16
            | R.GOT20
            | R.GOT32
            | R.GOT64
            | R.GOTENT
            | R.GOTPLT12
            | R.GOTPLT20
            | R.GOTPLT16
            | R.GOTPLT32
            | R.GOTPLT64
            | R.GOTPLTENT
        ):
            if info.got_initialized == 0:
                write(me, area + arch.got_offset + info.got_offset, val, 8)
                info.got_initialized = 1
            val = info.got_offset + addend
            match rela.type:
                case R.GOT12 | R.GOTPLT12:
                    rc = apply_rela_bits(loc, val, 0, 12, 0, me)
                case R.GOT16 | R.GOTPLT16:
                    rc = apply_rela_bits(loc, val, 0, 16, 0, me)
                case R.GOT20 | R.GOTPLT20:
                    rc = apply_rela_bits(loc, val, 1, 20, 0, me)
                case R.GOT32 | R.GOTPLT32:
                    rc = apply_rela_bits(loc, val, 0, 32, 0, me)
                case R.GOT64 | R.GOTPLT64:
                    rc = apply_rela_bits(loc, val, 0, 64, 0, me)
                case R.GOTENT | R.GOTPLTENT:
                    # 6.1 leaves got_offset out.
                    val += area - loc
                    if me.kernel.since(6, 12):
                        val += arch.got_offset
                    rc = apply_rela_bits(loc, val, 1, 32, 1, me)
        case R.PLT16DBL | R.PLT32DBL | R.PLT32 | R.PLT64 | R.PLTOFF16 | R.PLTOFF32 | R.PLTOFF64:
            if info.plt_initialized == 0:
                write_plt_entry(area + arch.plt_offset, info, val, me)
                info.plt_initialized = 1
            if rela.type in (R.PLTOFF16, R.PLTOFF32, R.PLTOFF64):
                val = arch.plt_offset - arch.got_offset + info.plt_offset + addend
            else:
                direct = (rela.type == R.PLT16DBL and u64(val - loc + 0xFFFF) < 0x1FFFFE) or (
                    rela.type == R.PLT32DBL and u64(val - loc + 0xFFFFFFFF) < 0x1FFFFFFFE
                )
                if not direct:
                    val = area + arch.plt_offset + info.plt_offset
                val += addend - loc
            match rela.type:
                case R.PLT16DBL:
                    rc = apply_rela_bits(loc, val, 1, 16, 1, me)
                case R.PLTOFF16:
                    rc = apply_rela_bits(loc, val, 0, 16, 0, me)
                case R.PLT32DBL:
                    rc = apply_rela_bits(loc, val, 1, 32, 1, me)
                case R.PLT32 | R.PLTOFF32:
                    rc = apply_rela_bits(loc, val, 0, 32, 0, me)
                case R.PLT64 | R.PLTOFF64:
                    rc = apply_rela_bits(loc, val, 0, 64, 0, me)
        case R.GOTOFF16 | R.GOTOFF32 | R.GOTOFF64:
            val = val + addend - (area + arch.got_offset)
            match rela.type:
                case R.GOTOFF16:
                    rc = apply_rela_bits(loc, val, 0, 16, 0, me)
                case R.GOTOFF32:
                    rc = apply_rela_bits(loc, val, 0, 32, 0, me)
                case R.GOTOFF64:
                    rc = apply_rela_bits(loc, val, 0, 64, 0, me)
        case R.GOTPC | R.GOTPCDBL:
            val = area + arch.got_offset + addend - loc
            match rela.type:
                case R.GOTPC:
                    rc = apply_rela_bits(loc, val, 1, 32, 0, me)
                case R.GOTPCDBL:
                    rc = apply_rela_bits(loc, val, 1, 32, 1, me)
        case R.COPY | R.GLOB_DAT | R.JMP_SLOT | R.RELATIVE:
            return -ENOEXEC
        case _:
            me.kernel.pr_err(f"unknown relocation: {rela.type}")
            return -ENOEXEC
    if rc:
        me.kernel.pr_err(f"relocation error (r_type {rela.type}, value {u64(val):#x})")
    return rc


def write_plt_entry(plt_base: int, info: ModArchSyminfo, val: int, me: "Module") -> None:
    ip = plt_base + info.plt_offset
    insn = bytearray(PLT_ENTRY_SIZE)
    insn[0:4] = bytes.fromhex("0d10e310")  # basr 1,0
    insn[4:8] = bytes.fromhex("100c0004")  # lg 1,12(1)
    if expoline(me.kernel):
        jump_r1 = plt_base + me.arch.plt_size - PLT_ENTRY_SIZE
        insn[8:10] = bytes.fromhex("c0f4")  # brcl 0xf,__jump_r1
        insn[10:14] = me.kernel.memory.pack((jump_r1 - (ip + 8)) // 2, 4)
    else:
        # br %r1. Bytes 12 and 13 come from the stack as they are; 0 stands for them here.
        insn[8:12] = bytes.fromhex("07f10000")
    insn[14:22] = me.kernel.memory.pack(val, 8)
    write_bytes(me, ip, bytes(insn))


def apply_relocate_add(sechdrs, symindex: int, relsec: int, me: "Module") -> int:
    base = sechdrs[sechdrs[relsec].info].addr
    for rela in sechdrs[relsec].relas:
        me.place = Place(relsec, rela)
        rc = apply_rela(rela, base, me)
        if rc:
            return rc
    return 0


def module_finalize(me: "Module") -> int:
    arch = me.arch
    if expoline(me.kernel) and arch.plt_size:
        ij = me.text.base + arch.plt_offset + arch.plt_size - PLT_ENTRY_SIZE
        # exrl %r0,.+10; j .; br %r1
        me.kernel.memory.memcpy(ij, bytes.fromhex("c6000000" "0005a7f4" "000007f1"))
    return 0


def loader_state(me: "Module") -> dict:
    """Symbols by index that have a slot or an entry."""
    return {
        "got_offset": me.arch.got_offset,
        "plt_offset": me.arch.plt_offset,
        "syminfo": {
            str(index): {
                "got": None if info.got_offset == UNUSED else [info.got_offset, info.got_initialized],
                "plt": None if info.plt_offset == UNUSED else [info.plt_offset, info.plt_initialized],
            }
            for index, info in enumerate(me.arch.syminfo)
            if info.got_offset != UNUSED or info.plt_offset != UNUSED
        },
    }
