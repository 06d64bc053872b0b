# SPDX-License-Identifier: GPL-2.0
"""kernel/module/main.c with strict_rwx.c, livepatch.c and kallsyms.c: a livepatch module on its way into the kernel."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

from .elf import (
    ET_REL,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_RELA_LIVEPATCH,
    SHF_RO_AFTER_INIT,
    SHF_WRITE,
    SHN_ABS,
    SHN_COMMON,
    SHN_LIVEPATCH,
    SHN_UNDEF,
    SHT_NOBITS,
    SHT_REL,
    SHT_RELA,
    STB_WEAK,
    ObjectFile,
)
from .kernel import COMING, ENOENT, ENOEXEC, LIVE, UNFORMED, Kernel, Refused
from .livepatch import Place, klp_apply_section_relocs
from .memory import Region, align, u64
from .module_names import module_init_layout_section

# enum mod_mem_type of include/linux/module.h (6.12 and later), in its order.
MOD_TEXT, MOD_DATA, MOD_RODATA, MOD_RO_AFTER_INIT = "text", "data", "rodata", "ro_after_init"
MOD_INIT_TEXT, MOD_INIT_DATA, MOD_INIT_RODATA = "init_text", "init_data", "init_rodata"
# struct module_layout of 6.1.
CORE_LAYOUT, INIT_LAYOUT = "core", "init"


@dataclass
class ModuleMemory:
    """struct module_memory, or struct module_layout in 6.1."""

    size: int = 0
    base: int = 0
    text_size: int = 0
    ro_size: int = 0
    ro_after_init_size: int = 0
    region: Region | None = None


class Module:
    """struct module of a livepatch, with its load_info."""

    def __init__(self, kernel: Kernel, name: str, data: bytes):
        self.kernel = kernel
        self.name = name
        self.state = UNFORMED
        self.file = ObjectFile(data)
        self.hdr = self.file.hdr
        self.sechdrs = self.file.sechdrs
        self.symindex = self.file.symindex
        self.symtab = self.file.symbols
        self.pcpu = self.find_sec(b".data..percpu")
        self.klp = False
        self.percpu = 0
        self.arch = SimpleNamespace()
        self.mem: dict[str, ModuleMemory] = {}
        self.place: Place | None = None

    def find_sec(self, name: bytes) -> int:
        """find_sec(): the first allocated section of that name, 0 for none."""
        for i in range(1, len(self.sechdrs)):
            if self.sechdrs[i].flags & SHF_ALLOC and self.sechdrs[i].name == name:
                return i
        return 0

    @property
    def text(self) -> ModuleMemory:
        """Where code goes."""
        return self.mem[MOD_TEXT if self.kernel.since(6, 12) else CORE_LAYOUT]

    def kallsyms(self) -> Iterator[tuple[bytes, int]]:
        """All symbols but undefined ones: add_kallsyms() keeps every symbol of a livepatch."""
        return ((sym.name, sym.value) for sym in self.symtab if sym.shndx != SHN_UNDEF)

    def within_module_init(self, address: int) -> bool:
        return any(
            memory.base <= address < memory.base + memory.size
            for kind, memory in self.mem.items()
            if kind.startswith("init")
        )


# ---- before anything is placed


def elf_validity_check(me: Module) -> None:
    hdr, kernel = me.hdr, me.kernel
    if hdr.type != ET_REL or hdr.machine != kernel.machine:
        kernel.pr_err("not an object file of this machine")
        raise Refused(-ENOEXEC, "elf_validity_check")
    # module_elf_check_arch(): the weak one accepts everything, powerpc has its own since 6.12.
    check_arch = getattr(kernel.arch, "module_elf_check_arch", None)
    if check_arch is not None and not check_arch(me):
        raise Refused(-ENOEXEC, "module_elf_check_arch")
    if not me.symindex:
        kernel.pr_err("no symbol table")
        raise Refused(-ENOEXEC, "elf_validity_check")


def check_modinfo_livepatch(me: Module) -> None:
    if me.file.modinfo(b"livepatch") is None:
        return
    if not me.kernel.have_livepatch():
        me.kernel.pr_err("livepatch support is disabled")
        raise Refused(-ENOEXEC, "check_modinfo_livepatch")
    me.klp = True


def rewrite_section_headers(me: Module) -> None:
    names = [b"__versions", b".modinfo"]
    if me.kernel.since(7, 2):
        names += [b"__version_ext_crcs", b"__version_ext_names"]
    for name in names:
        me.sechdrs[me.find_sec(name)].flags &= ~SHF_ALLOC


def module_enforce_rwx_sections(me: Module) -> None:
    if not me.kernel.is_enabled("STRICT_MODULE_RWX"):
        return
    shf_wx = SHF_WRITE | SHF_EXECINSTR
    for shdr in me.sechdrs:
        if shdr.flags & shf_wx == shf_wx:
            me.kernel.pr_err(f"section {shdr.name.decode('latin-1')} is writable and executable")
            raise Refused(-ENOEXEC, "module_enforce_rwx_sections")


def module_mark_ro_after_init(me: Module) -> None:
    names = [b".data..ro_after_init", b"__jump_table"]
    if not me.kernel.since(7, 2):
        # Part of layout_and_allocate() still.
        for name in names:
            if ndx := me.find_sec(name):
                me.sechdrs[ndx].flags |= SHF_RO_AFTER_INIT
        return
    # HAVE_STATIC_CALL_INLINE: of the four, x86-64 alone.
    if me.kernel.architecture == "x86":
        names.append(b".static_call_sites")
    for shdr in me.sechdrs[1:]:
        if shdr.name in names:
            shdr.flags |= SHF_RO_AFTER_INIT


# ---- layout


# Flags a section must have and must not have, round by round. ARCH_SHF_SMALL is 0 on the four architectures.
MASKS = (
    (SHF_EXECINSTR | SHF_ALLOC, 0),
    (SHF_ALLOC, SHF_WRITE),
    (SHF_RO_AFTER_INIT | SHF_ALLOC, 0),
    (SHF_WRITE | SHF_ALLOC, 0),
    (SHF_ALLOC, 0),
)
CORE_M_TO_MEM_TYPE = (MOD_TEXT, MOD_RODATA, MOD_RO_AFTER_INIT, MOD_DATA, MOD_DATA)
INIT_M_TO_MEM_TYPE = (MOD_INIT_TEXT, MOD_INIT_RODATA, None, MOD_INIT_DATA, MOD_INIT_DATA)


def layout_sections(me: Module) -> dict[int, tuple[str, int]]:
    """Memory and offset of each section; what sh_entsize holds in the kernel."""
    return layout_by_type(me) if me.kernel.since(6, 12) else layout_by_rounds(me)


def get_offset(memory: ModuleMemory, shdr) -> int:
    """module_get_offset() and module_get_offset_and_type(); arch_mod_section_prepend() is 0 on the four."""
    offset = align(memory.size, shdr.addralign or 1)
    memory.size = offset + shdr.size
    return offset


def matches(shdr, m: int) -> bool:
    required, excluded = MASKS[m]
    return shdr.flags & required == required and not shdr.flags & excluded


def layout_by_type(me: Module) -> dict[int, tuple[str, int]]:
    """__layout_sections() of 6.12 and later."""
    placed: dict[int, tuple[str, int]] = {}
    for is_init, types in ((False, CORE_M_TO_MEM_TYPE), (True, INIT_M_TO_MEM_TYPE)):
        for m, kind in enumerate(types):
            for i, shdr in enumerate(me.sechdrs):
                if not matches(shdr, m) or i in placed or is_init != module_init_layout_section(me.kernel, shdr.name):
                    continue
                if me.kernel.warn_on(kind is None, "__layout_sections"):
                    continue
                placed[i] = (kind, get_offset(me.mem[kind], shdr))
    for memory in me.mem.values():
        memory.size = align(memory.size, me.kernel.page_size)
    return placed


def layout_by_rounds(me: Module) -> dict[int, tuple[str, int]]:
    """layout_sections() of 6.1: all rounds grow one area. data_layout is core_layout on the four architectures."""
    strict = me.kernel.is_enabled("STRICT_MODULE_RWX")
    placed: dict[int, tuple[str, int]] = {}
    for is_init, kind in ((False, CORE_LAYOUT), (True, INIT_LAYOUT)):
        layout = me.mem[kind]
        for m in range(len(MASKS)):
            for i, shdr in enumerate(me.sechdrs):
                if matches(shdr, m) and i not in placed and is_init == module_init_layout_section(me.kernel, shdr.name):
                    placed[i] = (kind, get_offset(layout, shdr))
            # strict_align()
            if m != 3 and not (is_init and m == 2) and strict:
                layout.size = align(layout.size, me.kernel.page_size)
            if m == 0:
                layout.text_size = layout.size
            elif m == 1:
                layout.ro_size = layout.size
            elif m == 2:
                layout.ro_after_init_size = layout.ro_size if is_init else layout.size
    return placed


class Placement:
    """Where the kernel's allocator put the memories of a module: a base for each, or the addresses of its sections."""

    def __init__(self, memories: dict[str, int], sections: dict[str, int]):
        self.memories = memories
        self.sections = sections

    def base(self, me: Module, kind: str, placed: dict[int, tuple[str, int]]) -> int:
        if kind in self.memories:
            return self.memories[kind]
        bases = {
            self.sections[me.sechdrs[i].name.decode()] - offset
            for i, (where, offset) in placed.items()
            if where == kind and me.sechdrs[i].size and me.sechdrs[i].name.decode() in self.sections
        }
        if len(bases) > 1:
            raise ValueError(f"the given addresses contradict the layout of {kind}")
        return bases.pop() if bases else 0


def move_module(me: Module, placed: dict[int, tuple[str, int]], placement: Placement) -> None:
    kernel = me.kernel
    for kind, memory in me.mem.items():
        if not memory.size:
            continue
        memory.base = placement.base(me, kind, placed)
        # One page more than the layout asks for where 6.1 without strict protection does not round.
        memory.region = kernel.memory.map(f"{me.name}:{kind}", memory.base, align(memory.size, kernel.page_size))
    for i, shdr in enumerate(me.sechdrs):
        if not shdr.flags & SHF_ALLOC:
            continue
        kind, offset = placed[i]
        shdr.addr = me.mem[kind].base + offset
        if shdr.type != SHT_NOBITS:
            content = me.file.pack_relas(shdr) if shdr.type == SHT_RELA else shdr.content
            kernel.memory.memcpy(shdr.addr, content)


def layout_and_allocate(me: Module, placement: Placement) -> None:
    error = me.kernel.arch.module_frob_arch_sections(me)
    if error < 0:
        raise Refused(error, "module_frob_arch_sections")
    module_enforce_rwx_sections(me)
    if me.pcpu:
        me.sechdrs[me.pcpu].flags &= ~SHF_ALLOC
    module_mark_ro_after_init(me)
    placed = layout_sections(me)
    move_module(me, placed, placement)


# ---- symbols and relocations


def ignore_undef_symbol(kernel: Kernel, name: bytes) -> bool:
    return kernel.architecture == "x86" and name == b"_GLOBAL_OFFSET_TABLE_"


def simplify_symbols(me: Module) -> None:
    ret = 0
    for sym in me.symtab[1:]:
        if sym.shndx == SHN_COMMON:
            if not sym.name.startswith(b"__gnu_lto"):
                ret = -ENOEXEC
        elif sym.shndx in (SHN_ABS, SHN_LIVEPATCH):
            pass
        elif sym.shndx == SHN_UNDEF:
            exported = me.kernel.exports.get(sym.name.decode("latin-1"))
            if exported is not None:
                sym.value = exported
            elif sym.info >> 4 != STB_WEAK and not ignore_undef_symbol(me.kernel, sym.name):
                me.kernel.pr_err(f"unknown symbol {sym.name.decode('latin-1')}")
                ret = -ENOENT
        elif sym.shndx >= len(me.sechdrs):
            ret = -ENOEXEC
        elif sym.shndx == me.pcpu:
            sym.value = u64(sym.value + me.percpu)
        else:
            sym.value = u64(sym.value + me.sechdrs[sym.shndx].addr)
    if ret < 0:
        raise Refused(ret, "simplify_symbols")


def apply_relocations(me: Module) -> None:
    for i in range(1, len(me.sechdrs)):
        shdr = me.sechdrs[i]
        infosec = shdr.info
        if infosec >= len(me.sechdrs):
            continue
        if not me.sechdrs[infosec].flags & SHF_ALLOC:
            if not me.kernel.since(7, 2) or not infosec or infosec != me.pcpu:
                continue
        error = 0
        if shdr.flags & SHF_RELA_LIVEPATCH:
            # The stub of include/linux/livepatch.h does nothing.
            if me.kernel.have_livepatch():
                error = klp_apply_section_relocs(me, i, None)
        elif shdr.type == SHT_REL:
            error = -ENOEXEC
        elif shdr.type == SHT_RELA:
            error = me.kernel.arch.apply_relocate_add(me.sechdrs, me.symindex, i, me)
        if error < 0:
            raise Refused(error, "apply_relocations")


def post_relocation(me: Module) -> None:
    # Of module_finalize() no more than what the architecture's files above write themselves.
    error = me.kernel.arch.module_finalize(me)
    if error < 0:
        raise Refused(error, "module_finalize")


# ---- protection


def set_memory_ro(me: Module, kind: str, start: int, end: int) -> None:
    memory = me.mem[kind]
    if memory.region is not None and start < end:
        memory.region.read_only.append((memory.base + start, memory.base + end))


def module_enable_ro(me: Module, after_init: bool) -> None:
    """module_enable_ro() of 6.1; module_enable_text_rox(), ..._rodata_ro() and ..._rodata_ro_after_init() of later ones."""
    if not me.kernel.is_enabled("STRICT_MODULE_RWX"):
        return
    if me.kernel.since(6, 12):
        kinds = (MOD_RO_AFTER_INIT,) if after_init else (MOD_TEXT, MOD_INIT_TEXT, MOD_RODATA, MOD_INIT_RODATA)
        for kind in kinds:
            set_memory_ro(me, kind, 0, me.mem[kind].size)
        return
    core = me.mem[CORE_LAYOUT]
    if after_init:
        set_memory_ro(me, CORE_LAYOUT, core.ro_size, core.ro_after_init_size)
        return
    for kind in (CORE_LAYOUT, INIT_LAYOUT):
        set_memory_ro(me, kind, 0, me.mem[kind].ro_size)


def complete_formation(me: Module) -> None:
    module_enable_ro(me, False)
    me.state = COMING


def do_init_module(me: Module) -> None:
    """What is left to do after the init function has returned."""
    me.state = LIVE
    module_enable_ro(me, True)
    for kind, memory in me.mem.items():
        if kind.startswith("init") and memory.region is not None:
            me.kernel.memory.unmap(memory.region)
            memory.region = None
            memory.base = memory.size = 0


def free_module(me: Module) -> None:
    for memory in me.mem.values():
        if memory.region is not None:
            me.kernel.memory.unmap(memory.region)
            memory.region = None


def load_module(me: Module, placement: Placement) -> None:
    """load_module() until the init function is called: the module is COMING then."""
    kernel = me.kernel
    kinds = (MOD_TEXT, MOD_DATA, MOD_RODATA, MOD_RO_AFTER_INIT, MOD_INIT_TEXT, MOD_INIT_DATA, MOD_INIT_RODATA)
    if not kernel.since(6, 12):
        kinds = (CORE_LAYOUT, INIT_LAYOUT)
    me.mem = {kind: ModuleMemory() for kind in kinds}
    elf_validity_check(me)
    check_modinfo_livepatch(me)
    rewrite_section_headers(me)
    layout_and_allocate(me, placement)
    simplify_symbols(me)
    apply_relocations(me)
    me.place = None
    post_relocation(me)
    complete_formation(me)
