# SPDX-License-Identifier: GPL-2.0
"""arch/arm64/kernel/module.c"""

from typing import TYPE_CHECKING

from .arm64_insn import (
    AARCH64_INSN_IMM_12,
    AARCH64_INSN_IMM_14,
    AARCH64_INSN_IMM_16,
    AARCH64_INSN_IMM_19,
    AARCH64_INSN_IMM_26,
    AARCH64_INSN_IMM_ADR,
    aarch64_insn_encode_immediate,
    aarch64_insn_gen_branch_imm,
)
from .arm64_module_plts import (
    PLT_ENTRY_SIZE,
    get_plt_entry,
    is_forbidden_offset_for_adrp,
    module_emit_plt_entry,
    module_emit_veneer_for_adrp,
    module_frob_arch_sections,
    nr_ftrace_plts,
    store_plt_entry,
)
from .elf import Rela
from .kernel import ENOEXEC, ERANGE, UNFORMED
from .livepatch import Place
from .memory import s64, u64

if TYPE_CHECKING:
    from .module import Module

__all__ = ["apply_relocate_add", "loader_state", "module_finalize", "module_frob_arch_sections"]


class R:
    """Types of arch/arm64/include/asm/elf.h; R_ARM_NONE is a type of its own there."""

    ARM_NONE = 0
    AARCH64_NONE = 256
    (ABS64, ABS32, ABS16, PREL64, PREL32, PREL16) = range(257, 263)
    (MOVW_UABS_G0, MOVW_UABS_G0_NC, MOVW_UABS_G1, MOVW_UABS_G1_NC) = range(263, 267)
    (MOVW_UABS_G2, MOVW_UABS_G2_NC, MOVW_UABS_G3) = range(267, 270)
    (MOVW_SABS_G0, MOVW_SABS_G1, MOVW_SABS_G2) = range(270, 273)
    (LD_PREL_LO19, ADR_PREL_LO21, ADR_PREL_PG_HI21, ADR_PREL_PG_HI21_NC) = range(273, 277)
    (ADD_ABS_LO12_NC, LDST8_ABS_LO12_NC, TSTBR14, CONDBR19) = range(277, 281)
    (JUMP26, CALL26) = range(282, 284)
    (LDST16_ABS_LO12_NC, LDST32_ABS_LO12_NC, LDST64_ABS_LO12_NC) = range(284, 287)
    (MOVW_PREL_G0, MOVW_PREL_G0_NC, MOVW_PREL_G1, MOVW_PREL_G1_NC) = range(287, 291)
    (MOVW_PREL_G2, MOVW_PREL_G2_NC, MOVW_PREL_G3) = range(291, 294)
    LDST128_ABS_LO12_NC = 299


# enum aarch64_reloc_op
RELOC_OP_ABS, RELOC_OP_PREL, RELOC_OP_PAGE = "abs", "prel", "page"
# enum aarch64_insn_movw_imm_type
MOVNZ, MOVKZ = "movnz", "movkz"

U16_MAX, U32_MAX = 0xFFFF, 0xFFFFFFFF
S16_MIN, S16_MAX, S32_MIN, S32_MAX = -0x8000, 0x7FFF, -0x80000000, 0x7FFFFFFF


def do_reloc(op: str, place: int, val: int) -> int:
    """As s64."""
    if op == RELOC_OP_ABS:
        return s64(val)
    if op == RELOC_OP_PREL:
        return s64(val - place)
    return s64((val & ~0xFFF) - (place & ~0xFFF))


def write_place(me: "Module", place: int, val: int, size: int) -> None:
    """WRITE_PLACE() since 7.2: aarch64_insn_copy() for a module that is not UNFORMED. A plain store before."""
    memory = me.kernel.memory
    if not me.kernel.since(7, 2) or me.state == UNFORMED:
        memory.store(place, val, size)
        return
    # aarch64_insn_copy() returns NULL, which nobody looks at.
    if place & 3:
        return
    memory.poke(place, memory.pack(val, size))


def reloc_data(op: str, place: int, val: int, length: int, me: "Module") -> int:
    """Written first, checked afterwards."""
    sval = do_reloc(op, place, val)
    write_place(me, place, sval, length // 8)
    if length == 16:
        low, high = (0, U16_MAX) if op == RELOC_OP_ABS else (S16_MIN, S16_MAX)
    elif length == 32:
        low, high = (0, U32_MAX) if op == RELOC_OP_ABS else (S32_MIN, S32_MAX)
    else:
        return 0
    return 0 if low <= sval <= high else -ERANGE


def reloc_insn_movw(op: str, place: int, val: int, lsb: int, imm_type: str, me: "Module") -> int:
    insn = me.kernel.memory.load(place, 4)
    sval = do_reloc(op, place, val)
    imm = u64(sval >> lsb)
    if imm_type == MOVNZ:
        insn &= ~(3 << 29)
        if sval >= 0:
            insn |= 2 << 29  # MOVZ
        else:
            imm = u64(~imm)  # MOVN
    insn = aarch64_insn_encode_immediate(AARCH64_INSN_IMM_16, insn, imm)
    write_place(me, place, insn, 4)
    return -ERANGE if imm > U16_MAX else 0


def reloc_insn_imm(op: str, place: int, val: int, lsb: int, length: int, imm_type, me: "Module") -> int:
    insn = me.kernel.memory.load(place, 4)
    sval = do_reloc(op, place, val) >> lsb
    imm_mask = (1 << lsb + length) - 1 >> lsb
    insn = aarch64_insn_encode_immediate(imm_type, insn, sval & imm_mask)
    write_place(me, place, insn, 4)
    sval = s64(sval & ~(imm_mask >> 1)) >> length - 1
    return -ERANGE if u64(sval + 1) >= 2 else 0


def reloc_insn_adrp(me: "Module", sechdrs, place: int, val: int) -> int:
    kernel = me.kernel
    if not is_forbidden_offset_for_adrp(kernel, place):
        return reloc_insn_imm(RELOC_OP_PAGE, place, val, 12, 21, AARCH64_INSN_IMM_ADR, me)
    # ADR if it reaches.
    if not reloc_insn_imm(RELOC_OP_PREL, place, val & ~0xFFF, 0, 21, AARCH64_INSN_IMM_ADR, me):
        insn = kernel.memory.load(place, 4) & ~(1 << 31)
    else:
        val = module_emit_veneer_for_adrp(me, sechdrs, place, val & ~0xFFF)
        if not val:
            return -ENOEXEC
        insn = aarch64_insn_gen_branch_imm(place, val)
    write_place(me, place, insn, 4)
    return 0


# Types that reloc_data(), reloc_insn_movw() and reloc_insn_imm() are called for with constants alone: these constants,
# and whether the range is checked (overflow_check).
DATA = {
    R.ABS64: (RELOC_OP_ABS, 64, False),
    R.ABS32: (RELOC_OP_ABS, 32, True),
    R.ABS16: (RELOC_OP_ABS, 16, True),
    R.PREL64: (RELOC_OP_PREL, 64, False),
    R.PREL32: (RELOC_OP_PREL, 32, True),
    R.PREL16: (RELOC_OP_PREL, 16, True),
}
MOVW = {
    R.MOVW_UABS_G0_NC: (RELOC_OP_ABS, 0, MOVKZ, False),
    R.MOVW_UABS_G0: (RELOC_OP_ABS, 0, MOVKZ, True),
    R.MOVW_UABS_G1_NC: (RELOC_OP_ABS, 16, MOVKZ, False),
    R.MOVW_UABS_G1: (RELOC_OP_ABS, 16, MOVKZ, True),
    R.MOVW_UABS_G2_NC: (RELOC_OP_ABS, 32, MOVKZ, False),
    R.MOVW_UABS_G2: (RELOC_OP_ABS, 32, MOVKZ, True),
    R.MOVW_UABS_G3: (RELOC_OP_ABS, 48, MOVKZ, False),
    R.MOVW_SABS_G0: (RELOC_OP_ABS, 0, MOVNZ, True),
    R.MOVW_SABS_G1: (RELOC_OP_ABS, 16, MOVNZ, True),
    R.MOVW_SABS_G2: (RELOC_OP_ABS, 32, MOVNZ, True),
    R.MOVW_PREL_G0_NC: (RELOC_OP_PREL, 0, MOVKZ, False),
    R.MOVW_PREL_G0: (RELOC_OP_PREL, 0, MOVNZ, True),
    R.MOVW_PREL_G1_NC: (RELOC_OP_PREL, 16, MOVKZ, False),
    R.MOVW_PREL_G1: (RELOC_OP_PREL, 16, MOVNZ, True),
    R.MOVW_PREL_G2_NC: (RELOC_OP_PREL, 32, MOVKZ, False),
    R.MOVW_PREL_G2: (RELOC_OP_PREL, 32, MOVNZ, True),
    R.MOVW_PREL_G3: (RELOC_OP_PREL, 48, MOVNZ, False),
}
IMM = {
    R.LD_PREL_LO19: (RELOC_OP_PREL, 2, 19, AARCH64_INSN_IMM_19, True),
    R.ADR_PREL_LO21: (RELOC_OP_PREL, 0, 21, AARCH64_INSN_IMM_ADR, True),
    R.ADD_ABS_LO12_NC: (RELOC_OP_ABS, 0, 12, AARCH64_INSN_IMM_12, False),
    R.LDST8_ABS_LO12_NC: (RELOC_OP_ABS, 0, 12, AARCH64_INSN_IMM_12, False),
    R.LDST16_ABS_LO12_NC: (RELOC_OP_ABS, 1, 11, AARCH64_INSN_IMM_12, False),
    R.LDST32_ABS_LO12_NC: (RELOC_OP_ABS, 2, 10, AARCH64_INSN_IMM_12, False),
    R.LDST64_ABS_LO12_NC: (RELOC_OP_ABS, 3, 9, AARCH64_INSN_IMM_12, False),
    R.LDST128_ABS_LO12_NC: (RELOC_OP_ABS, 4, 8, AARCH64_INSN_IMM_12, False),
    R.TSTBR14: (RELOC_OP_PREL, 2, 14, AARCH64_INSN_IMM_14, True),
    R.CONDBR19: (RELOC_OP_PREL, 2, 19, AARCH64_INSN_IMM_19, True),
}


def apply_relocate_add(sechdrs, symindex: int, relsec: int, me: "Module") -> int:
    for rel in sechdrs[relsec].relas:
        me.place = Place(relsec, rel)
        loc = u64(sechdrs[sechdrs[relsec].info].addr + rel.offset)
        val = u64(me.symtab[rel.sym].value + rel.addend)
        error = apply_rela(sechdrs, rel, loc, val, me)
        if error:
            return error
    return 0


def apply_rela(sechdrs, rel: Rela, loc: int, val: int, me: "Module") -> int:
    """The switch of apply_relocate_add() with the overflow check behind it."""
    overflow_check = True
    if rel.type in (R.ARM_NONE, R.AARCH64_NONE):
        ovf = 0
    elif rel.type in DATA:
        op, length, overflow_check = DATA[rel.type]
        ovf = reloc_data(op, loc, val, length, me)
    elif rel.type in MOVW:
        op, lsb, imm_type, overflow_check = MOVW[rel.type]
        ovf = reloc_insn_movw(op, loc, val, lsb, imm_type, me)
    elif rel.type in IMM:
        op, lsb, length, imm_type, overflow_check = IMM[rel.type]
        ovf = reloc_insn_imm(op, loc, val, lsb, length, imm_type, me)
    elif rel.type in (R.ADR_PREL_PG_HI21_NC, R.ADR_PREL_PG_HI21):
        overflow_check = rel.type == R.ADR_PREL_PG_HI21
        ovf = reloc_insn_adrp(me, sechdrs, loc, val)
        if ovf and ovf != -ERANGE:
            return ovf
    elif rel.type in (R.JUMP26, R.CALL26):
        ovf = reloc_insn_imm(RELOC_OP_PREL, loc, val, 2, 26, AARCH64_INSN_IMM_26, me)
        if ovf == -ERANGE and module_plts(me):
            val = module_emit_plt_entry(me, sechdrs, loc, val)
            if not val:
                return -ENOEXEC
            ovf = reloc_insn_imm(RELOC_OP_PREL, loc, val, 2, 26, AARCH64_INSN_IMM_26, me)
    else:
        me.kernel.pr_err(f"unsupported RELA relocation: {rel.type}")
        return -ENOEXEC
    if overflow_check and ovf == -ERANGE:
        me.kernel.pr_err(f"overflow in relocation type {rel.type} val {val:x}")
        return -ENOEXEC
    return 0


def module_plts(me: "Module") -> bool:
    return me.kernel.since(6, 12) or me.kernel.is_enabled("ARM64_MODULE_PLTS")


def find_section(me: "Module", name: bytes):
    return next((shdr for shdr in me.sechdrs if shdr.name == name), None)


def module_finalize(me: "Module") -> int:
    """module_init_ftrace_plt(), the last thing module_finalize() does."""
    kernel = me.kernel
    if not module_plts(me) or not kernel.is_enabled("DYNAMIC_FTRACE"):
        return 0
    names = [b".text.ftrace_trampoline"]
    if kernel.since(6, 12):
        names.append(b".init.text.ftrace_trampoline")
    for name in names:
        s = find_section(me, name)
        if s is None:
            return -ENOEXEC
        for index in range(nr_ftrace_plts(kernel)):
            if index == 1 and not kernel.is_enabled("DYNAMIC_FTRACE_WITH_REGS"):
                continue
            # FTRACE_ADDR and FTRACE_REGS_ADDR
            target = kernel.exports[("ftrace_caller", "ftrace_regs_caller")[index]]
            address = s.addr + PLT_ENTRY_SIZE * index
            store_plt_entry(kernel, address, get_plt_entry(target, address))
    return 0


def loader_state(me: "Module") -> dict:
    return {
        "plts": {
            name: {"used": pltsec.plt_num_entries, "max": pltsec.plt_max_entries}
            for name, pltsec in (("core", me.arch.core), ("init", me.arch.init))
        }
    }
