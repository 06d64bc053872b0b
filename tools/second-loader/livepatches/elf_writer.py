# SPDX-License-Identifier: GPL-2.0
"""ELF64 object files with what a livepatch is made of."""

import struct
from dataclasses import dataclass, field

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS = 1, 2, 3, 4, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_INFO_LINK = 0x1, 0x2, 0x4, 0x40
SHF_RELA_LIVEPATCH = 0x00100000
SHN_UNDEF, SHN_LIVEPATCH, SHN_ABS = 0, 0xFF20, 0xFFF1
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STT_NOTYPE, STT_FUNC, STT_SECTION = 0, 2, 3


@dataclass
class Symbol:
    name: str
    shndx: "int | Section"
    value: int = 0
    binding: int = STB_GLOBAL
    kind: int = STT_NOTYPE
    other: int = 0


@dataclass
class Record:
    offset: int
    type: int
    symbol: Symbol | None
    addend: int = 0


@dataclass
class Section:
    name: str
    type: int
    flags: int
    content: bytearray = field(default_factory=bytearray)
    align: int = 1
    target: "Section | None" = None
    """What a RELA section relocates."""
    records: list[Record] = field(default_factory=list)

    def add(self, content: bytes, align: int = 1) -> int:
        """Appends, and tells the offset."""
        self.content += bytes(-len(self.content) % align)
        self.content += content
        self.align = max(self.align, align)
        return len(self.content) - len(content)


class Strings:
    def __init__(self) -> None:
        self.content = bytearray(b"\0")
        self.known = {"": 0}

    def add(self, text: str) -> int:
        if text not in self.known:
            self.known[text] = len(self.content)
            self.content += text.encode("latin-1") + b"\0"
        return self.known[text]


class ElfWriter:
    def __init__(self, machine: int, byte_order: str, flags: int):
        self.machine = machine
        self.order = "<" if byte_order == "little" else ">"
        self.flags = flags
        self.sections: list[Section] = []
        self.symbols: list[Symbol] = []

    def section(self, name: str, kind: int, flags: int, **more) -> Section:
        section = Section(name, kind, flags, **more)
        self.sections.append(section)
        return section

    def symbol(self, name: str, shndx: int | Section, **more) -> Symbol:
        symbol = Symbol(name, shndx, **more)
        self.symbols.append(symbol)
        return symbol

    def build(self) -> bytes:
        symbols = sorted(self.symbols, key=lambda symbol: symbol.binding != STB_LOCAL)
        index = {id(section): i for i, section in enumerate(self.sections, 1)}
        number = {id(symbol): i for i, symbol in enumerate(symbols, 1)}
        symtab_index = len(self.sections) + 1
        strings, names = Strings(), Strings()
        symtab = bytearray(24)
        for symbol in symbols:
            shndx = symbol.shndx if isinstance(symbol.shndx, int) else index[id(symbol.shndx)]
            symtab += struct.pack(
                self.order + "IBBHQQ",
                strings.add(symbol.name),
                symbol.binding << 4 | symbol.kind,
                symbol.other,
                shndx,
                symbol.value,
                0,
            )
        locals_ = 1 + sum(symbol.binding == STB_LOCAL for symbol in symbols)
        # name, type, flags, content, size, link, info, align, entry size
        headers = [(0, 0, 0, b"", 0, 0, 0, 0, 0)]
        for section in self.sections:
            content, link, info, entry = bytes(section.content), 0, 0, 0
            if section.type == SHT_RELA:
                content = b"".join(
                    struct.pack(
                        self.order + "QQq",
                        record.offset,
                        (number[id(record.symbol)] if record.symbol else 0) << 32 | record.type,
                        record.addend,
                    )
                    for record in section.records
                )
                link, info, entry = symtab_index, index[id(section.target)] if section.target else 0, 24
            size = len(content)
            if section.type == SHT_NOBITS:
                content = b""
            headers.append(
                (names.add(section.name), section.type, section.flags, content, size, link, info, section.align, entry)
            )
        headers.append((names.add(".symtab"), SHT_SYMTAB, 0, symtab, len(symtab), symtab_index + 1, locals_, 8, 24))
        headers.append((names.add(".strtab"), SHT_STRTAB, 0, strings.content, len(strings.content), 0, 0, 1, 0))
        shstrtab = names.add(".shstrtab")
        headers.append((shstrtab, SHT_STRTAB, 0, names.content, len(names.content), 0, 0, 1, 0))
        return self.write(headers)

    def write(self, headers: list[tuple]) -> bytes:
        data = bytearray(64)
        table = bytearray()
        for name, kind, flags, content, size, link, info, align, entry in headers:
            if kind:
                data += bytes(-len(data) % max(align, 1))
            offset = len(data) if kind else 0
            data += content
            table += struct.pack(self.order + "IIQQQQIIQQ", name, kind, flags, 0, offset, size, link, info, align, entry)
        data += bytes(-len(data) % 8)
        data[0:64] = b"\x7fELF\x02" + (b"\x01" if self.order == "<" else b"\x02") + b"\x01" + bytes(9) + struct.pack(
            self.order + "HHIQQQIHHHHHH",
            1,
            self.machine,
            1,
            0,
            0,
            len(data),
            self.flags,
            64,
            0,
            0,
            64,
            len(headers),
            len(headers) - 1,
        )
        return bytes(data + table)
