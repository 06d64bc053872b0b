# SPDX-License-Identifier: GPL-2.0
"""arch/arm64/kernel/module-plts.c with asm/module.h"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .arm64_insn import (
    SZ_4K,
    aarch64_insn_adrp_get_offset,
    aarch64_insn_decode_register_rd,
    aarch64_insn_gen_add_imm,
    aarch64_insn_gen_adr_adrp,
    aarch64_insn_gen_branch_imm,
    aarch64_insn_gen_branch_reg,
    align_down,
)
from .elf import SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_RELA, SHT_SYMTAB, Rela
from .kernel import ENOEXEC, Kernel
from .memory import KernelDies, u64
from .module_names import module_init_layout_section
from .sort import sort

if TYPE_CHECKING:
    from .module import Module

R_AARCH64_JUMP26, R_AARCH64_CALL26 = 282, 283
R_AARCH64_ADR_PREL_PG_HI21, R_AARCH64_ADR_PREL_PG_HI21_NC = 275, 276

L1_CACHE_BYTES = 64
# struct plt_entry: adrp, add, br.
PLT_ENTRY_SIZE = 12
AARCH64_INSN_REG_16 = 16


@dataclass
class ModPltSec:
    plt_shndx: int = 0
    plt_num_entries: int = 0
    plt_max_entries: int = 0


def has_workaround_843419(kernel: Kernel) -> bool:
    """6.1 asks the configuration too, later ones have that in the capability."""
    if not kernel.since(6, 12) and not kernel.is_enabled("ARM64_ERRATUM_843419"):
        return False
    return kernel.workaround_843419


def is_forbidden_offset_for_adrp(kernel: Kernel, place: int) -> bool:
    return has_workaround_843419(kernel) and place & 0xFFF >= 0xFF8


def nr_ftrace_plts(kernel: Kernel) -> int:
    """6.1 has one for ftrace_caller and one for ftrace_regs_caller."""
    return 1 if kernel.since(6, 12) else 2


# ---- entries


def get_adrp_add_pair(dst: int, pc: int, reg: int) -> tuple[int, int]:
    return aarch64_insn_gen_adr_adrp(pc, dst, reg), aarch64_insn_gen_add_imm(reg, dst % SZ_4K)


def get_plt_entry(dst: int, pc: int) -> tuple[int, int, int]:
    return *get_adrp_add_pair(dst, pc, AARCH64_INSN_REG_16), aarch64_insn_gen_branch_reg(AARCH64_INSN_REG_16)


def store_plt_entry(kernel: Kernel, address: int, entry: tuple[int, int, int]) -> None:
    """A plain store of the structure, whatever state the module is in."""
    kernel.memory.memcpy(address, b"".join(kernel.memory.pack(word, 4) for word in entry))


def plt_entries_equal(kernel: Kernel, a: int, b: int) -> bool:
    load = kernel.memory.load
    if load(a + 4, 4) != load(b + 4, 4) or load(a + 8, 4) != load(b + 8, 4):
        return False
    p, q = align_down(a, SZ_4K), align_down(b, SZ_4K)
    if load(a, 4) == load(b, 4) and p == q:
        return True
    offsets = aarch64_insn_adrp_get_offset(load(a, 4)), aarch64_insn_adrp_get_offset(load(b, 4))
    if None in offsets:
        raise KernelDies("BUG_ON in aarch64_insn_adrp_get_offset", a, PLT_ENTRY_SIZE)
    return u64(p + offsets[0]) == u64(q + offsets[1])


def pltsec_of(me: "Module", loc: int) -> ModPltSec:
    return me.arch.init if me.within_module_init(loc) else me.arch.core


def module_emit_plt_entry(me: "Module", sechdrs, loc: int, val: int) -> int:
    kernel = me.kernel
    pltsec = pltsec_of(me, loc)
    plt = sechdrs[pltsec.plt_shndx].addr
    i = pltsec.plt_num_entries
    j = i - 1
    if is_forbidden_offset_for_adrp(kernel, plt + PLT_ENTRY_SIZE * i):
        i += 1
    address = plt + PLT_ENTRY_SIZE * i
    store_plt_entry(kernel, address, get_plt_entry(val, address))
    if j >= 0 and plt_entries_equal(kernel, address, plt + PLT_ENTRY_SIZE * j):
        return plt + PLT_ENTRY_SIZE * j
    pltsec.plt_num_entries += i - j
    if kernel.warn_on(pltsec.plt_num_entries > pltsec.plt_max_entries, "module_emit_plt_entry"):
        return 0
    return address


def module_emit_veneer_for_adrp(me: "Module", sechdrs, loc: int, val: int) -> int:
    kernel = me.kernel
    pltsec = pltsec_of(me, loc)
    plt = sechdrs[pltsec.plt_shndx].addr
    i = pltsec.plt_num_entries
    pltsec.plt_num_entries += 1
    if kernel.warn_on(pltsec.plt_num_entries > pltsec.plt_max_entries, "module_emit_veneer_for_adrp"):
        return 0
    if is_forbidden_offset_for_adrp(kernel, plt + PLT_ENTRY_SIZE * i):
        i = pltsec.plt_num_entries
        pltsec.plt_num_entries += 1
    rd = aarch64_insn_decode_register_rd(kernel.memory.load(loc, 4))
    address = plt + PLT_ENTRY_SIZE * i
    br = aarch64_insn_gen_branch_imm(address + 8, loc + 4)
    store_plt_entry(kernel, address, (*get_adrp_add_pair(val, address, rd), br))
    return address


# ---- counting


def cmp_rela(x: Rela, y: Rela) -> int:
    a, b = (x.type, x.sym, x.addend), (y.type, y.sym, y.addend)
    return -1 if a < b else 1 if a > b else 0


def duplicate_rel(relas: list[Rela], num: int) -> bool:
    return num > 0 and cmp_rela(relas[num], relas[num - 1]) == 0


def ffz(value: int) -> int:
    """The lowest bit that is 0."""
    bit = 0
    while value >> bit & 1:
        bit += 1
    return bit


def count_plts(me: "Module", relas: list[Rela], dstidx: int) -> int:
    kernel, dstsec = me.kernel, me.sechdrs[dstidx]
    ret = 0
    for i, rela in enumerate(relas):
        if rela.type in (R_AARCH64_JUMP26, R_AARCH64_CALL26):
            if not kernel.since(6, 12) and not kernel.is_enabled("RANDOMIZE_BASE"):
                continue
            if me.symtab[rela.sym].shndx == dstidx:
                continue
            if rela.addend != 0 or not duplicate_rel(relas, i):
                ret += 1
        elif rela.type in (R_AARCH64_ADR_PREL_PG_HI21, R_AARCH64_ADR_PREL_PG_HI21_NC):
            if not has_workaround_843419(kernel):
                continue
            min_align = 2 << ffz(rela.offset | 7)
            if min_align > SZ_4K:
                ret += 1
            else:
                dstsec.addralign = max(dstsec.addralign, min_align)
    if has_workaround_843419(kernel):
        per_page = SZ_4K // PLT_ENTRY_SIZE
        ret += (ret + per_page - 1) // per_page
    return ret


def branch_rela_needs_plt(me: "Module", rela: Rela, dstidx: int) -> bool:
    if me.symtab[rela.sym].shndx == dstidx:
        return False
    return rela.type in (R_AARCH64_JUMP26, R_AARCH64_CALL26)


def partition_branch_plt_relas(me: "Module", relas: list[Rela], dstidx: int) -> int:
    if not me.kernel.since(6, 12) and not me.kernel.is_enabled("RANDOMIZE_BASE"):
        return 0
    i, j = 0, len(relas) - 1
    while i < j:
        if branch_rela_needs_plt(me, relas[i], dstidx):
            i += 1
        elif branch_rela_needs_plt(me, relas[j], dstidx):
            relas[i], relas[j] = relas[j], relas[i]
        else:
            j -= 1
    return i


def module_frob_arch_sections(me: "Module") -> int:
    kernel, arch = me.kernel, me.arch
    arch.core, arch.init = ModPltSec(), ModPltSec()
    # Without it, 6.1 does not build this file.
    if not kernel.since(6, 12) and not kernel.is_enabled("ARM64_MODULE_PLTS"):
        return 0
    trampolines = []
    syms = False
    for i, shdr in enumerate(me.sechdrs):
        if shdr.name == b".plt":
            arch.core.plt_shndx = i
        elif shdr.name == b".init.plt":
            arch.init.plt_shndx = i
        elif shdr.name == b".text.ftrace_trampoline":
            trampolines.append(shdr)
        elif kernel.since(6, 12) and shdr.name == b".init.text.ftrace_trampoline":
            trampolines.append(shdr)
        elif shdr.type == SHT_SYMTAB:
            syms = True
    if not arch.core.plt_shndx or not arch.init.plt_shndx:
        kernel.pr_err("module PLT section(s) missing")
        return -ENOEXEC
    if not syms:
        kernel.pr_err("module symtab section missing")
        return -ENOEXEC
    core_plts = init_plts = 0
    for shdr in me.sechdrs:
        if shdr.type != SHT_RELA:
            continue
        dstidx = shdr.info
        dstsec = me.sechdrs[dstidx]
        if not dstsec.flags & SHF_EXECINSTR:
            continue
        nents = partition_branch_plt_relas(me, shdr.relas, dstidx)
        if nents:
            sort(shdr.relas, 0, nents, cmp_rela, kernel.since(6, 12))
        if not module_init_layout_section(kernel, dstsec.name):
            core_plts += count_plts(me, shdr.relas, dstidx)
        else:
            init_plts += count_plts(me, shdr.relas, dstidx)
    for pltsec, plts in ((arch.core, core_plts), (arch.init, init_plts)):
        become_code(me.sechdrs[pltsec.plt_shndx], L1_CACHE_BYTES, plts + 1)
        pltsec.plt_num_entries = 0
        pltsec.plt_max_entries = plts
    for tramp in trampolines:
        become_code(tramp, 4, nr_ftrace_plts(kernel))
    return 0


def become_code(shdr, addralign: int, entries: int) -> None:
    shdr.type = SHT_NOBITS
    shdr.flags = SHF_EXECINSTR | SHF_ALLOC
    shdr.addralign = addralign
    shdr.size = entries * PLT_ENTRY_SIZE
