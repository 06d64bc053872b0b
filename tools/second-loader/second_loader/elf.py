# SPDX-License-Identifier: GPL-2.0
"""ELF64 object files as the module loader reads them. Names are those of include/uapi/linux/elf.h without their prefix."""

import struct
from dataclasses import dataclass, field

ET_REL = 1

SHT_RELA, SHT_NOBITS, SHT_REL, SHT_SYMTAB = 4, 8, 9, 2

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 0x1, 0x2, 0x4
SHF_RELA_LIVEPATCH, SHF_RO_AFTER_INIT = 0x00100000, 0x00200000

SHN_UNDEF, SHN_LIVEPATCH, SHN_ABS, SHN_COMMON = 0, 0xFF20, 0xFFF1, 0xFFF2
STB_WEAK = 2


@dataclass
class Sym:
    name: bytes
    info: int
    other: int
    shndx: int
    value: int
    size: int


@dataclass
class Rela:
    offset: int
    sym: int
    type: int
    addend: int
    """Signed."""

    @property
    def info(self) -> int:
        return self.sym << 32 | self.type


@dataclass
class Shdr:
    name: bytes
    type: int
    flags: int
    addr: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int
    content: bytes
    relas: list[Rela] = field(default_factory=list)
    """Records of a SHT_RELA section, which the architectures sort in place."""


@dataclass
class Ehdr:
    type: int
    machine: int
    flags: int


class ObjectFile:
    def __init__(self, data: bytes):
        if data[:5] != b"\x7fELF\x02":
            raise ValueError("not a file of ELF64")
        self.order = "<" if data[5] == 1 else ">"
        self.data = data
        kind, machine = self.unpack("HH", 16)
        (shoff,) = self.unpack("Q", 40)
        (flags,) = self.unpack("I", 48)
        shnum, shstrndx = self.unpack("HH", 60)
        self.hdr = Ehdr(kind, machine, flags)
        headers = [self.unpack("IIQQQQIIQQ", shoff + 64 * i) for i in range(shnum)]
        names = headers[shstrndx][4]
        self.sechdrs = [self.section(header, names) for header in headers]
        self.symindex = next((i for i, s in enumerate(self.sechdrs) if s.type == SHT_SYMTAB), 0)
        self.symbols = self.read_symbols() if self.symindex else []

    def unpack(self, form: str, offset: int) -> tuple:
        return struct.unpack_from(self.order + form, self.data, offset)

    def string(self, offset: int) -> bytes:
        return self.data[offset : self.data.index(b"\0", offset)]

    def section(self, header: tuple, names: int) -> Shdr:
        name, kind, flags, addr, offset, size, link, info, addralign, entsize = header
        content = b"" if kind == SHT_NOBITS else self.data[offset : offset + size]
        shdr = Shdr(self.string(names + name), kind, flags, addr, size, link, info, addralign, entsize, content)
        if kind == SHT_RELA:
            shdr.relas = [
                Rela(place, what >> 32, what & 0xFFFFFFFF, addend)
                for place, what, addend in struct.iter_unpack(self.order + "QQq", content[: size // 24 * 24])
            ]
        return shdr

    def pack_relas(self, shdr: Shdr) -> bytes:
        """What a RELA section holds after its records were sorted."""
        records = b"".join(struct.pack(self.order + "QQq", r.offset, r.info, r.addend) for r in shdr.relas)
        return records + shdr.content[len(records) :]

    def read_symbols(self) -> list[Sym]:
        table = self.sechdrs[self.symindex].content
        strings = self.sechdrs[self.sechdrs[self.symindex].link].content
        symbols = []
        for name, info, other, shndx, value, size in struct.iter_unpack(self.order + "IBBHQQ", table):
            symbols.append(Sym(strings[name : strings.index(b"\0", name)], info, other, shndx, value, size))
        return symbols

    def modinfo(self, key: bytes) -> bytes | None:
        """get_modinfo()."""
        section = next((s for s in self.sechdrs if s.name == b".modinfo"), None)
        for entry in section.content.split(b"\0") if section else []:
            if entry.startswith(key + b"="):
                return entry[len(key) + 1 :]
        return None
