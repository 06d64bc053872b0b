# SPDX-License-Identifier: GPL-2.0
"""arch/arm64/lib/insn.c: as much as the module loader calls."""

from .memory import align, s32, s64, u32

SZ_1M, SZ_4K, SZ_128M = 1 << 20, 1 << 12, 1 << 27

AARCH64_BREAK_FAULT = 0xD4202000

# enum aarch64_insn_imm_type: mask and shift.
AARCH64_INSN_IMM_26 = ((1 << 26) - 1, 0)
AARCH64_INSN_IMM_19 = ((1 << 19) - 1, 5)
AARCH64_INSN_IMM_16 = ((1 << 16) - 1, 5)
AARCH64_INSN_IMM_14 = ((1 << 14) - 1, 5)
AARCH64_INSN_IMM_12 = ((1 << 12) - 1, 10)
# Two fields: 2 low bits at 29, 19 high bits at 5.
AARCH64_INSN_IMM_ADR = "adr"


def align_down(value: int, to: int) -> int:
    return value // to * to


def aarch64_insn_encode_immediate(kind, insn: int, imm: int) -> int:
    if insn == AARCH64_BREAK_FAULT:
        return AARCH64_BREAK_FAULT
    if kind == AARCH64_INSN_IMM_ADR:
        immlo, immhi = imm & 3, imm >> 2 & 0x7FFFF
        return insn & ~(3 << 29 | 0x7FFFF << 5) | immlo << 29 | immhi << 5
    mask, shift = kind
    return insn & ~(mask << shift) | (imm & mask) << shift


def aarch64_insn_is_adrp(insn: int) -> bool:
    return insn & 0x9F000000 == 0x90000000


def aarch64_insn_adrp_get_offset(insn: int) -> int | None:
    """The offset as s32, which 21 bits shifted by 12 do not fit into. None is BUG_ON()."""
    if not aarch64_insn_is_adrp(insn):
        return None
    return s32((insn >> 5 & 0x7FFFF) << 2 + 12 | (insn >> 29 & 3) << 12)


def aarch64_insn_gen_adr_adrp(pc: int, addr: int, reg: int) -> int:
    """aarch64_insn_gen_adr() of type ADRP. The offset is cut to s32 before its range is looked at."""
    offset = s32((addr - align_down(pc, SZ_4K) & (1 << 64) - 1) >> 12)
    if offset < -SZ_1M or offset >= SZ_1M:
        return AARCH64_BREAK_FAULT
    return aarch64_insn_encode_immediate(AARCH64_INSN_IMM_ADR, 0x90000000 | reg, offset)


def aarch64_insn_gen_add_imm(reg: int, imm: int) -> int:
    """aarch64_insn_gen_add_sub_imm() of a 64-bit add to the register itself; `imm` is below 4096 here."""
    return aarch64_insn_encode_immediate(AARCH64_INSN_IMM_12, 0x91000000 | reg << 5 | reg, imm)


def aarch64_insn_gen_branch_reg(reg: int) -> int:
    return 0xD61F0000 | reg << 5


def aarch64_insn_gen_branch_imm(pc: int, addr: int) -> int:
    """A branch without link."""
    if pc & 3 or addr & 3:
        return AARCH64_BREAK_FAULT
    offset = s64(addr - pc)
    if offset < -SZ_128M or offset >= SZ_128M:
        return AARCH64_BREAK_FAULT
    return aarch64_insn_encode_immediate(AARCH64_INSN_IMM_26, 0x14000000, offset >> 2)


def aarch64_insn_decode_register_rd(insn: int) -> int:
    return insn & 0x1F
