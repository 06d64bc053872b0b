# SPDX-License-Identifier: GPL-2.0
"""arch/powerpc/kernel/module_64.c, ELF ABI v2."""

from typing import TYPE_CHECKING

from .elf import SHN_ABS, SHN_LIVEPATCH, SHN_UNDEF, SHT_RELA, SHT_SYMTAB, Rela, Sym
from .kernel import EFAULT, ENOENT, ENOEXEC, Kernel
from .livepatch import Place
from .memory import align, s64, u32, u64
from .powerpc_patching import (
    instr_is_relative_link_branch,
    patch_instruction,
    patch_prefixed,
    patch_u32,
)
from .sort import sort

if TYPE_CHECKING:
    from .module import Module


class R:
    """Types of arch/powerpc/include/uapi/asm/elf.h."""

    PPC_REL24 = 10
    PPC64_ADDR32 = 1
    PPC64_REL32 = 26
    PPC64_ADDR64 = 38
    PPC64_REL64 = 44
    PPC64_TOC16 = 47
    PPC64_TOC16_LO = 48
    PPC64_TOC16_HA = 50
    PPC64_TOC = 51
    PPC64_TOC16_DS = 63
    PPC64_TOC16_LO_DS = 64
    PPC64_TOCSAVE = 109
    PPC64_REL24_NOTOC = 116
    PPC64_ENTRY = 118
    PPC64_PCREL34 = 132
    PPC64_GOT_PCREL34 = 133
    PPC64_REL16_LO = 250
    PPC64_REL16_HA = 252


# struct ppc64_stub_entry: 7 words of code, a magic number, the address of the function.
STUB_SIZE, STUB_MAGIC_OFFSET, STUB_FUNCDATA = 40, 28, 32
STUB_MAGIC = 0x73747562

PPC64_STUB_INSNS = (
    0x3D620000,  # addis r11,r2,0
    0x396B0000,  # addi r11,r11,0
    0xF8410018,  # std r2,24(r1)
    0xE98B0020,  # ld r12,32(r11)
    0x7D8903A6,  # mtctr r12
    0x4E800420,  # bctr
)
PPC64_STUB_INSNS_PCREL = (
    0x04100000,  # pld r12,0(pc), prefix
    0xE5800000,  # and suffix
    0x7D8903A6,  # mtctr r12
    0x4E800420,  # bctr
)

PPC_RAW_NOP = 0x60000000
PPC_INST_LD_TOC = 0xE8410018  # ld r2,24(r1)
PPC_LI_MASK = 0x03FFFFFC


def ppc_lo(value: int) -> int:
    return value & 0xFFFF


def ppc_ha(value: int) -> int:
    return (value + 0x8000) >> 16 & 0xFFFF


def imm_h18(value: int) -> int:
    return value >> 16 & 0x3FFFF


def pcrel(kernel: Kernel) -> bool:
    return kernel.since(6, 12) and kernel.is_enabled("PPC_KERNEL_PCREL")


def module_elf_check_arch(me: "Module") -> bool:
    """Since 6.12."""
    return not me.kernel.since(6, 12) or me.hdr.flags & 3 == 2


def module_init_section(name: bytes) -> bool:
    return False


def local_entry_offset(sym: Sym) -> int:
    return 1 << (sym.other >> 5 & 7) >> 2 << 2


# ---- sizes


def count_relocs(relas: list[Rela], r_type: int) -> int:
    # Both are unsigned int, and r_addend is compared with a signed 64-bit addend: a negative one never equals it.
    r_info = r_addend = 0
    count = 0
    for rela in relas:
        if rela.type == r_type and (r_info != rela.sym or r_addend != rela.addend):
            count += 1
            r_info = rela.sym
            r_addend = u32(rela.addend)
    return count


def count_pcpu_relocs(me: "Module", relas: list[Rela]) -> int:
    r_info = r_addend = 0
    count = 0
    for rela in relas:
        if me.symtab[rela.sym].shndx == me.arch.pcpu_section and (r_info != rela.sym or r_addend != rela.addend):
            count += 1
            r_info = rela.sym
            r_addend = u32(rela.addend)
    return count


def relacmp(x: Rela, y: Rela) -> int:
    """Descending: the first thing the function does is to swap its arguments."""
    a, b = (y.info, y.addend), (x.info, x.addend)
    return -1 if a < b else 1 if a > b else 0


def sort_relas(me: "Module", relas: list[Rela]) -> None:
    sort(relas, 0, len(relas), relacmp, me.kernel.since(6, 12))


def get_stubs_size(me: "Module") -> int:
    kernel = me.kernel
    # Up to 6.12 one stub more, so that the table ends with address 0.
    relocs = 0 if kernel.since(7, 2) else 1
    for shdr in me.sechdrs[1:]:
        if shdr.type == SHT_RELA:
            sort_relas(me, shdr.relas)
            relocs += count_relocs(shdr.relas, R.PPC_REL24)
            if pcrel(kernel):
                relocs += count_relocs(shdr.relas, R.PPC64_REL24_NOTOC)
    if kernel.is_enabled("DYNAMIC_FTRACE"):
        relocs += 1
    if kernel.is_enabled("DYNAMIC_FTRACE_WITH_REGS"):
        relocs += 1
    if kernel.since(7, 2) and kernel.is_enabled("PPC_FTRACE_OUT_OF_LINE"):
        for shdr in me.sechdrs[1:]:
            if shdr.name == b"__patchable_function_entries":
                me.arch.ool_stub_count = shdr.size // 8
                relocs += ool_stubs(me)
                break
    return relocs * STUB_SIZE


def ool_stubs(me: "Module") -> int:
    """Entries of the stub table that the out-of-line stubs of ftrace take: struct ftrace_ool_stub in asm/ftrace.h."""
    size = 24 if me.kernel.is_enabled("DYNAMIC_FTRACE_WITH_CALL_OPS") else 16
    return align(me.arch.ool_stub_count * size, STUB_SIZE) // STUB_SIZE


def get_got_size(me: "Module") -> int:
    relocs = 1
    for shdr in me.sechdrs[1:]:
        if shdr.type == SHT_RELA:
            sort_relas(me, shdr.relas)
            relocs += count_relocs(shdr.relas, R.PPC64_GOT_PCREL34)
            if me.kernel.is_enabled("SMP"):
                relocs += count_pcpu_relocs(me, shdr.relas)
    return relocs * 8


def dedotify(symtab: list[Sym]) -> None:
    for sym in symtab[1:]:
        if sym.shndx == SHN_UNDEF and sym.name.startswith(b"."):
            if sym.name[1:] == b"TOC.":
                sym.shndx = SHN_ABS
            sym.name = sym.name[1:]


def find_dot_toc(symtab: list[Sym]) -> Sym | None:
    return next((sym for sym in symtab[1:] if sym.shndx == SHN_ABS and sym.name == b"TOC."), None)


def module_frob_arch_sections(me: "Module") -> int:
    arch, with_pcrel = me.arch, pcrel(me.kernel)
    arch.stubs_section = arch.toc_section = arch.got_section = arch.pcpu_section = 0
    arch.stub_count = arch.ool_stub_count = 0
    arch.toc_fixed = False
    for i in range(1, len(me.sechdrs)):
        shdr = me.sechdrs[i]
        if shdr.name == b".stubs":
            arch.stubs_section = i
        elif with_pcrel and shdr.name == b".data..percpu":
            arch.pcpu_section = i
        elif with_pcrel and shdr.name == b".mygot":
            arch.got_section = i
            shdr.addralign = max(shdr.addralign, 8)
        elif not with_pcrel and shdr.name == b".toc":
            arch.toc_section = i
            shdr.addralign = max(shdr.addralign, 8)
        if not with_pcrel and shdr.type == SHT_SYMTAB:
            dedotify(me.symtab)
    if not arch.stubs_section:
        me.kernel.pr_err("doesn't contain .stubs")
        return -ENOEXEC
    if with_pcrel:
        if not arch.got_section:
            me.kernel.pr_err("doesn't contain .mygot")
            return -ENOEXEC
        me.sechdrs[arch.got_section].size = get_got_size(me)
    elif not arch.toc_section:
        arch.toc_section = arch.stubs_section
    me.sechdrs[arch.stubs_section].size = get_stubs_size(me)
    return 0


# ---- stubs


def is_mprofile_ftrace_call(kernel: Kernel, name: bytes) -> bool:
    patchable = kernel.since(6, 12) and kernel.is_enabled("ARCH_USING_PATCHABLE_FUNCTION_ENTRY")
    if not kernel.is_enabled("MPROFILE_KERNEL") and not patchable:
        return False
    if name == b"_mcount":
        return True
    if kernel.is_enabled("DYNAMIC_FTRACE"):
        if name == b"ftrace_caller":
            return True
        if kernel.is_enabled("DYNAMIC_FTRACE_WITH_REGS") and name == b"ftrace_regs_caller":
            return True
    return False


def create_ftrace_stub(entry: int, addr: int, me: "Module") -> bool:
    """Plain stores."""
    kernel, memory = me.kernel, me.kernel.memory
    if kernel.since(6, 12) and entry % 8:
        return False
    if pcrel(kernel):
        raise NotImplementedError("stubs of ftrace with PPC_KERNEL_PCREL")
    insns = (
        0xE98D0000 | kernel.paca_kernel_toc,  # ld r12,PACATOC(r13)
        0x3D8C0000,  # addis r12,r12,0
        0x398C0000,  # addi r12,r12,0
        0x7D8903A6,  # mtctr r12
        0x4E800420,  # bctr
    )
    for i, insn in enumerate(insns):
        memory.store(entry + 4 * i, insn, 4)
    reladdr = s64(addr - kernel.kernel_toc)
    if not -0x80000000 <= reladdr <= 0x7FFFFFFF:
        kernel.pr_err("address out of range of kernel_toc")
        return False
    memory.store(entry + 4, insns[1] | ppc_ha(reladdr), 4)
    memory.store(entry + 8, insns[2] | ppc_lo(reladdr), 4)
    memory.store(entry + STUB_FUNCDATA, addr, 8)
    memory.store(entry + STUB_MAGIC_OFFSET, STUB_MAGIC, 4)
    return True


def my_r2(sechdrs, me: "Module") -> int:
    return u64((sechdrs[me.arch.toc_section].addr & ~0xFF) + 0x8000)


def create_stub(sechdrs, entry: int, addr: int, me: "Module", name: bytes) -> bool:
    kernel, memory = me.kernel, me.kernel.memory
    if is_mprofile_ftrace_call(kernel, name):
        return create_ftrace_stub(entry, addr, me)
    if kernel.since(6, 12) and entry % 8:
        kernel.pr_err("address of stub entry is not 8-byte aligned")
        return False
    for i, insn in enumerate(PPC64_STUB_INSNS_PCREL if pcrel(kernel) else PPC64_STUB_INSNS):
        if patch_instruction(kernel, entry + 4 * i, insn):
            return False
    if pcrel(kernel):
        # Relative to the stub itself.
        prefix, suffix = memory.load(entry, 4), memory.load(entry + 4, 4)
        if patch_prefixed(kernel, entry, prefix | imm_h18(STUB_FUNCDATA), suffix | ppc_lo(STUB_FUNCDATA)):
            return False
    else:
        reladdr = s64(entry - my_r2(sechdrs, me))
        if not -0x80000000 <= reladdr <= 0x7FFFFFFF:
            kernel.pr_err("address of stub out of range of r2")
            return False
        if patch_instruction(kernel, entry, memory.load(entry, 4) | ppc_ha(reladdr)):
            return False
        if patch_instruction(kernel, entry + 4, memory.load(entry + 4, 4) | ppc_lo(reladdr)):
            return False
    # Words of func_desc_t and the magic: as instructions in 6.1, as data later.
    patch_word = patch_u32 if kernel.since(6, 12) else patch_instruction
    desc = memory.pack(addr, 8)
    for i in range(2):
        if patch_word(kernel, entry + STUB_FUNCDATA + 4 * i, int.from_bytes(desc[4 * i :][:4], kernel.byte_order)):
            return False
    return not patch_word(kernel, entry + STUB_MAGIC_OFFSET, STUB_MAGIC)


def stub_for_addr(sechdrs, addr: int, me: "Module", name: bytes) -> int:
    """Address of the stub, 0 for none. Capacity is looked at while searching only, never before writing."""
    kernel, arch = me.kernel, me.arch
    num_stubs = sechdrs[arch.stubs_section].size // STUB_SIZE
    stubs = sechdrs[arch.stubs_section].addr
    i = 0
    while True:
        if kernel.since(7, 2):
            if i >= arch.stub_count:
                break
        elif not kernel.memory.load(stubs + STUB_SIZE * i + STUB_FUNCDATA, 8):
            break
        if kernel.warn_on(i >= num_stubs, "stub_for_addr"):
            return 0
        if kernel.memory.load(stubs + STUB_SIZE * i + STUB_FUNCDATA, 8) == addr:
            return stubs + STUB_SIZE * i
        i += 1
    if not create_stub(sechdrs, stubs + STUB_SIZE * i, addr, me, name):
        return 0
    if kernel.since(7, 2):
        arch.stub_count += 1
    return stubs + STUB_SIZE * i


def got_for_addr(sechdrs, addr: int, me: "Module") -> int:
    """PPC_KERNEL_PCREL. A plain store."""
    memory = me.kernel.memory
    num_got = sechdrs[me.arch.got_section].size // 8
    got = sechdrs[me.arch.got_section].addr
    i = 0
    while found := memory.load(got + 8 * i, 8):
        if me.kernel.warn_on(i >= num_got, "got_for_addr"):
            return 0
        if found == addr:
            return got + 8 * i
        i += 1
    memory.store(got + 8 * i, addr, 8)
    return got + 8 * i


def restore_r2(name: bytes, instruction: int, me: "Module") -> bool:
    """True where the call may go on."""
    kernel, memory = me.kernel, me.kernel.memory
    if pcrel(kernel) or is_mprofile_ftrace_call(kernel, name):
        return True
    if not instr_is_relative_link_branch(memory.load(instruction - 4, 4)):
        return True
    insn_val = memory.load(instruction, 4)
    # Not in 6.1, which so refuses a call that it has seen before.
    if kernel.since(6, 12) and insn_val == PPC_INST_LD_TOC:
        return True
    if insn_val != PPC_RAW_NOP:
        kernel.pr_err(f"Expected nop after call, got {insn_val:08x}")
        return False
    return not patch_instruction(kernel, instruction, PPC_INST_LD_TOC)


# ---- relocation


def apply_relocate_add(sechdrs, symindex: int, relsec: int, me: "Module") -> int:
    if not pcrel(me.kernel) and not me.arch.toc_fixed:
        sym = find_dot_toc(me.symtab)
        if sym is not None:
            sym.value = my_r2(sechdrs, me)
        me.arch.toc_fixed = True
    for rela in sechdrs[relsec].relas:
        me.place = Place(relsec, rela)
        location = u64(sechdrs[sechdrs[relsec].info].addr + rela.offset)
        sym = me.symtab[rela.sym]
        error = apply_rela(sechdrs, rela, sym, location, u64(sym.value + rela.addend), me)
        if error:
            return error
    return 0


def apply_rela(sechdrs, rela: Rela, sym: Sym, location: int, value: int, me: "Module") -> int:
    """The switch of apply_relocate_add()."""
    kernel = me.kernel
    if pcrel(kernel):
        if rela.type in TOC_TYPES:
            return unknown(me, rela)
    elif rela.type in PCREL_TYPES:
        return unknown(me, rela)
    load, store = kernel.memory.load, kernel.memory.store
    match rela.type:
        case R.PPC64_ADDR32:
            store(location, value, 4)
        case R.PPC64_ADDR64:
            store(location, value, 8)
        case R.PPC64_TOC:
            store(location, my_r2(sechdrs, me), 8)
        case R.PPC64_TOC16:
            value = u64(value - my_r2(sechdrs, me))
            if u64(value + 0x8000) > 0xFFFF:
                kernel.pr_err("bad TOC16 relocation")
                return -ENOEXEC
            store(location, value, 2)
        case R.PPC64_TOC16_LO:
            store(location, value - my_r2(sechdrs, me), 2)
        case R.PPC64_TOC16_DS:
            value = u64(value - my_r2(sechdrs, me))
            if value & 3 or u64(value + 0x8000) > 0xFFFF:
                kernel.pr_err("bad TOC16_DS relocation")
                return -ENOEXEC
            store(location, load(location, 2) & ~0xFFFC | value & 0xFFFC, 2)
        case R.PPC64_TOC16_LO_DS:
            value = u64(value - my_r2(sechdrs, me))
            if value & 3:
                kernel.pr_err("bad TOC16_LO_DS relocation")
                return -ENOEXEC
            store(location, load(location, 2) & ~0xFFFC | value & 0xFFFC, 2)
        case R.PPC64_TOC16_HA:
            value = u64(value - my_r2(sechdrs, me))
            store(location, u64(value + 0x8000) >> 16, 2)
        case R.PPC_REL24 | R.PPC64_REL24_NOTOC:
            return apply_rel24(sechdrs, sym, location, value, me)
        case R.PPC64_REL64:
            store(location, value - location, 8)
        case R.PPC64_REL32:
            value = u64(value - location)
            if u64(value + 0x80000000) > 0xFFFFFFFF:
                kernel.pr_err("REL32 out of range")
                return -ENOEXEC
            store(location, value, 4)
        case R.PPC64_PCREL34:
            return apply_pcrel34(sechdrs, sym, location, value, me)
        case R.PPC64_TOCSAVE:
            pass
        case R.PPC64_ENTRY:
            apply_entry(sechdrs, location, me)
        case R.PPC64_REL16_HA:
            value = u64(value - location)
            store(location, u64(value + 0x8000) >> 16, 2)
        case R.PPC64_REL16_LO:
            store(location, value - location, 2)
        case R.PPC64_GOT_PCREL34:
            value = got_for_addr(sechdrs, value, me)
            if not value:
                return -ENOENT
            value = u64(value - location)
            store(location, load(location, 4) & ~0x3FFFF | value >> 16 & 0x3FFFF, 4)
            store(location + 4, load(location + 4, 4) & ~0xFFFF | value & 0xFFFF, 4)
        case _:
            return unknown(me, rela)
    return 0


# What CONFIG_PPC_KERNEL_PCREL compiles out, and in. Without it 6.1 has none of the second.
TOC_TYPES = (
    R.PPC64_TOC,
    R.PPC64_TOC16,
    R.PPC64_TOC16_LO,
    R.PPC64_TOC16_DS,
    R.PPC64_TOC16_LO_DS,
    R.PPC64_TOC16_HA,
    R.PPC64_TOCSAVE,
)
PCREL_TYPES = (R.PPC64_REL24_NOTOC, R.PPC64_PCREL34, R.PPC64_GOT_PCREL34)


def unknown(me: "Module", rela: Rela) -> int:
    me.kernel.pr_err(f"Unknown ADD relocation: {rela.type}")
    return -ENOEXEC


def apply_rel24(sechdrs, sym: Sym, location: int, value: int, me: "Module") -> int:
    kernel = me.kernel
    if sym.shndx in (SHN_UNDEF, SHN_LIVEPATCH):
        value = stub_for_addr(sechdrs, value, me, sym.name)
        if not value:
            return -ENOENT
        if not restore_r2(sym.name, location + 4, me):
            return -ENOEXEC
    else:
        value += local_entry_offset(sym)
    value = u64(value - location)
    if u64(value + 0x2000000) > 0x3FFFFFF or value & 3:
        kernel.pr_err("REL24 out of range")
        return -ENOEXEC
    insn = kernel.memory.load(location, 4) & ~PPC_LI_MASK | value & PPC_LI_MASK
    return -EFAULT if patch_instruction(kernel, location, insn) else 0


def apply_pcrel34(sechdrs, sym: Sym, location: int, absvalue: int, me: "Module") -> int:
    kernel, load = me.kernel, me.kernel.memory.load
    value = u64(absvalue - location)
    if u64(value + 0x200000000) > 0x3FFFFFFFF:
        if sym.shndx != me.arch.pcpu_section:
            kernel.pr_err("REL34 out of range")
            return -ENOEXEC
        value = got_for_addr(sechdrs, absvalue, me)
        if not value:
            return -ENOENT
        value = u64(value - location)
        pla, suffix = load(location, 4), load(location + 4, 4)
        if patch_prefixed(kernel, location, pla & ~0x02000000, suffix & ~0xF8000000 | 0xE4000000):
            return -EFAULT
    prefix, suffix = load(location, 4), load(location + 4, 4)
    if patch_prefixed(kernel, location, prefix & ~0x3FFFF | imm_h18(value), suffix & ~0xFFFF | ppc_lo(value)):
        return -EFAULT
    return 0


def apply_entry(sechdrs, location: int, me: "Module") -> None:
    if pcrel(me.kernel):
        return
    load, store = me.kernel.memory.load, me.kernel.memory.store
    value = u64(my_r2(sechdrs, me) - location)
    if u64(value + 0x80008000) > 0xFFFFFFFF:
        return
    if load(location, 4) & ~0xFFFC != 0xE84C0000:  # ld r2,...(r12)
        return
    if load(location + 4, 4) != 0x7C426214:  # add r2,r2,r12
        return
    store(location, 0x3C4C0000 | ppc_ha(value), 4)  # addis r2,r12,ha
    store(location + 4, 0x38420000 | ppc_lo(value), 4)  # addi r2,r2,lo


# ---- the end of loading


def setup_ftrace_ool_stubs(sechdrs, me: "Module") -> bool:
    """7.2 and later."""
    if not me.kernel.is_enabled("PPC_FTRACE_OUT_OF_LINE"):
        return True
    total_stubs = sechdrs[me.arch.stubs_section].size // STUB_SIZE
    num_stubs = ool_stubs(me)
    if me.kernel.warn_on(me.arch.stub_count + num_stubs > total_stubs, "setup_ftrace_ool_stubs"):
        return False
    me.arch.stub_count += num_stubs
    return True


def module_finalize(me: "Module") -> int:
    """module_finalize_ftrace(), which module_finalize() of arch/powerpc/kernel/module.c begins with."""
    kernel = me.kernel
    if not kernel.is_enabled("DYNAMIC_FTRACE"):
        return 0
    tramp = stub_for_addr(me.sechdrs, kernel.exports["ftrace_caller"], me, b"ftrace_caller")
    if kernel.is_enabled("DYNAMIC_FTRACE_WITH_REGS"):
        if not stub_for_addr(me.sechdrs, kernel.exports["ftrace_regs_caller"], me, b"ftrace_regs_caller"):
            return -ENOENT
    if not tramp:
        return -ENOENT
    if kernel.since(7, 2) and not setup_ftrace_ool_stubs(me.sechdrs, me):
        return -ENOENT
    return 0


def loader_state(me: "Module") -> dict:
    """`used`: stub_count, or up to 6.12 the stubs in front of the first one with address 0."""
    kernel, stubs = me.kernel, me.sechdrs[me.arch.stubs_section]
    used = me.arch.stub_count
    if not kernel.since(7, 2):
        while kernel.memory.load(stubs.addr + STUB_SIZE * used + STUB_FUNCDATA, 8):
            used += 1
    return {"stubs": {"slots": stubs.size // STUB_SIZE, "used": used}}
