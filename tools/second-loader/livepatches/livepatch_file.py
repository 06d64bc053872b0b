# SPDX-License-Identifier: GPL-2.0
"""The object file of a livepatch, with the structures of klp_enable_patch() in its data."""

from dataclasses import dataclass, field

from .elf_writer import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_INFO_LINK,
    SHF_RELA_LIVEPATCH,
    SHF_WRITE,
    SHN_LIVEPATCH,
    SHN_UNDEF,
    SHT_NOBITS,
    SHT_PROGBITS,
    SHT_RELA,
    STB_LOCAL,
    STT_FUNC,
    STT_SECTION,
    ElfWriter,
    Record,
    Section,
    Symbol,
)
from .machines import Machine

# Sizes of the structures in include/linux/livepatch.h as amd64 builds of 6.1 have them, and offsets of pointers in them.
KLP_PATCH_SIZE, KLP_OBJECT_SIZE, KLP_FUNC_SIZE = 224, 176, 152

SECTIONS = {
    ".text": SHF_ALLOC | SHF_EXECINSTR,
    ".init.text": SHF_ALLOC | SHF_EXECINSTR,
    ".rodata": SHF_ALLOC,
    ".rodata.str1.1": SHF_ALLOC,
    ".data": SHF_ALLOC | SHF_WRITE,
    ".data..ro_after_init": SHF_ALLOC | SHF_WRITE,
}

# Sections that the linker script of modules makes: name, type, flags, content, alignment.
LINKER_SECTIONS = {
    "ppc64le": (
        (".toc", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, bytes(64), 256),
        (".stubs", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, b"", 8),
    ),
    "arm64": (
        (".plt", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, b"\0", 1),
        (".init.plt", SHT_PROGBITS, SHF_ALLOC, b"\0", 1),
        (".text.ftrace_trampoline", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, b"\0", 1),
        (".init.text.ftrace_trampoline", SHT_PROGBITS, SHF_ALLOC, b"\0", 1),
    ),
}


@dataclass
class Func:
    old_name: str
    old_sympos: int = 0


@dataclass
class Obj:
    name: str | None
    funcs: list[Func] = field(default_factory=list)


class LivepatchFile:
    def __init__(self, machine: Machine, name: str, objects: list[Obj], modinfo: bool = True):
        self.machine = machine
        self.objects = objects
        self.elf = ElfWriter(machine.machine, machine.byte_order, machine.elf_flags)
        self.by_name: dict[str, Section] = {}
        self.section_symbols: dict[str, Symbol] = {}
        self.symbols: dict[str, Symbol] = {}
        self.relocation_sections: dict[tuple[str, str], Section] = {}
        for section, flags in SECTIONS.items():
            self.add_section(section, SHT_PROGBITS, flags, align=16 if flags & SHF_EXECINSTR else 8)
        for section, kind, flags, content, align in LINKER_SECTIONS.get(machine.architecture, ()):
            self.add_section(section, kind, flags, content=bytearray(content), align=align)
        info = ["license=GPL", *(["livepatch=Y"] if modinfo else []), f"name={name}"]
        text = "".join(f"{entry}\0" for entry in info).encode()
        self.elf.section(".modinfo", SHT_PROGBITS, SHF_ALLOC, content=bytearray(text))
        this_module = self.elf.section(
            ".gnu.linkonce.this_module", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, content=bytearray(1024), align=64
        )
        self.this_module = self.elf.symbol("__this_module", this_module)
        # A function of every patch, so that no section is empty.
        self["text"].add(bytes(16), 16)
        self.add_structures()

    def __getitem__(self, name: str) -> Section:
        return self.by_name["." + name]

    def add_section(self, name: str, kind: int, flags: int, **more) -> Section:
        section = self.elf.section(name, kind, flags, **more)
        self.by_name[name] = section
        self.section_symbols[name] = self.elf.symbol("", section, binding=STB_LOCAL, kind=STT_SECTION)
        return section

    def add_structures(self) -> None:
        """struct klp_patch with its objects and functions, each list with an empty entry at its end."""
        data, strings = self["data"], self["rodata.str1.1"]

        def string(text: str) -> int:
            return strings.add(text.encode("latin-1") + b"\0")

        def pointer(at: int, section: str, offset: int) -> None:
            self.rela(".data", at, self.machine.pointer, self.section_symbols[section], offset)

        patch = data.add(bytes(KLP_PATCH_SIZE), 32)
        objects = data.add(bytes(KLP_OBJECT_SIZE * (len(self.objects) + 1)), 32)
        self.rela(".data", patch, self.machine.pointer, self.this_module, 0)
        pointer(patch + 8, ".data", objects)
        for i, obj in enumerate(self.objects):
            at = objects + KLP_OBJECT_SIZE * i
            funcs = data.add(bytes(KLP_FUNC_SIZE * (len(obj.funcs) + 1)), 32)
            if obj.name is not None:
                pointer(at, ".rodata.str1.1", string(obj.name))
            pointer(at + 8, ".data", funcs)
            for j, func in enumerate(obj.funcs):
                where = funcs + KLP_FUNC_SIZE * j
                pointer(where, ".rodata.str1.1", string(func.old_name))
                pointer(where + 8, ".text", 0)
                data.content[where + 16 : where + 24] = func.old_sympos.to_bytes(8, self.machine.byte_order)
        self.elf.symbol("livepatch_function", self["text"], kind=STT_FUNC)

    # Symbols

    def symbol(self, name: str, shndx: int | Section = SHN_UNDEF, **more) -> Symbol:
        if name not in self.symbols:
            self.symbols[name] = self.elf.symbol(name, shndx, **more)
        return self.symbols[name]

    def klp_symbol(self, obj: str, name: str, position: int | str = 0) -> Symbol:
        return self.symbol(f".klp.sym.{obj}.{name},{position}", SHN_LIVEPATCH)

    # Relocations

    def rela(self, section: str, offset: int, kind: int, symbol: Symbol | None, addend: int = 0) -> None:
        self.record(".rela" + section, section, 0, offset, kind, symbol, addend)

    def klp_rela(self, obj: str, section: str, offset: int, kind: int, symbol: Symbol | None, addend: int = 0) -> None:
        name = f".klp.rela.{obj}.{section}"
        self.record(name, section, SHF_RELA_LIVEPATCH | SHF_ALLOC, offset, kind, symbol, addend)

    def record(
        self, name: str, section: str, flags: int, offset: int, kind: int, symbol: Symbol | None, addend: int
    ) -> None:
        key = name, section
        if key not in self.relocation_sections:
            self.relocation_sections[key] = self.elf.section(
                name, SHT_RELA, SHF_INFO_LINK | flags, align=8, target=self.by_name[section]
            )
        self.relocation_sections[key].records.append(Record(offset, kind, symbol, addend))

    def build(self) -> bytes:
        return self.elf.build()
