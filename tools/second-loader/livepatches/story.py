# SPDX-License-Identifier: GPL-2.0
"""A case under construction: one livepatch, its targets, and the addresses at which they are loaded."""

from dataclasses import dataclass, field
from typing import Any

from second_loader.play import Play

from .livepatch_file import Func, LivepatchFile, Obj
from .machines import Machine, MiB, base_exports, memories

Json = dict[str, Any]

# Kinds of addresses that a symbol of a target gets; see Story.address().
KINDS = ("near", "window", "image", "far", "small", "word", "data", "text")


@dataclass
class Placed:
    """A livepatch relocation and what its symbol is like."""

    obj: str
    section: str
    offset: int
    provider: str
    """Object that has the symbol."""
    symbol: str
    addend: int
    kind: str
    """One of KINDS, or several with commas between them: one for each load, the last for all later ones."""


@dataclass
class Story:
    machine: Machine
    series: str
    config: frozenset[str]
    file: LivepatchFile
    options: Json = field(default_factory=dict)
    """Of the machine: workaround_843419 and the like."""
    placed: list[Placed] = field(default_factory=list)
    steps: list[Json] = field(default_factory=list)
    vmlinux: list[tuple[str, int]] = field(default_factory=list)
    exports: dict[str, int] = field(default_factory=dict)
    base: int = 0x1000000
    """Of the livepatch, from where modules are."""
    data: bytes = b""
    addresses: dict[str, int] = field(default_factory=dict)
    """Of the sections, as the second loader lays them out."""

    def relocate(self, placed: Placed, kind: int) -> None:
        """Adds a livepatch relocation of type `kind`, each symbol being a new one unless its name is known."""
        symbol = self.file.klp_symbol(placed.provider, placed.symbol)
        self.file.klp_rela(placed.obj, placed.section, placed.offset, kind, symbol, placed.addend)
        self.placed.append(placed)

    def finish_file(self) -> None:
        """Builds the file and asks where its sections will be."""
        self.data = self.file.build()
        play = Play({**self.describe("x.ko"), "steps": [{"do": "load"}]}, self)  # type: ignore[arg-type]
        outcome = play.verdict({"do": "load"})
        if play.me is not None:
            self.addresses = {shdr.name.decode("latin-1"): shdr.addr for shdr in play.me.sechdrs}
        self.loads = "refused" not in outcome and "died" not in outcome

    # Play reads its file from a folder; a story is one that holds one file.
    def __truediv__(self, name: str) -> "Story":
        return self

    def read_bytes(self) -> bytes:
        return self.data

    # Addresses

    def address(self, placed: Placed, load: int) -> int:
        """Of the symbol at the load number `load` of its module."""
        spread = 0x40 * (len(self.placed) + 1) + 0x10 * self.placed.index(placed)
        move = 0x1000 * load
        kinds = placed.kind.split(",")
        match kinds[min(load, len(kinds) - 1)]:
            case "near":
                # In reach of the narrowest branches.
                address = self.addresses.get(placed.section, 0) + placed.offset + 0x40 + 0x10 * load
            case "window":
                # Another module.
                address = self.machine.modules + 48 * MiB + 16 * MiB * load + spread
            case "image":
                address = self.machine.image + 0x300000 + spread + move
            case "far":
                # Where no module is: behind the reach of 32 bits.
                address = self.machine.modules - (1 << 36) + spread + move * 16
            case "small":
                address = 0x20 + 4 * load
            case "word":
                address = 0x12345670 + move
            case "data":
                address = self.addresses.get(".data", 0) + 0x2000 + 0x100 * load
            case "text":
                # Behind what stands at the start of text.
                address = self.addresses.get(".text", 0) + 0x800 + 0x100 * load
            case "odd":
                address = self.machine.modules + 48 * MiB + 16 * MiB * load + spread + 1
            case "zero":
                address = 0
            case _:
                raise ValueError(placed.kind)
        return (address - placed.addend) & (1 << 64) - 1

    def symbols(self, module: str, load: int, without: frozenset[str] = frozenset()) -> list[list]:
        """The symbol table of a target."""
        seen = set(without)
        table = []
        if "old_function" not in seen:
            table.append(["old_function", hex(self.machine.modules + 48 * MiB + 16 * MiB * load)])
        for placed in self.placed:
            if placed.provider == module and placed.symbol not in seen:
                seen.add(placed.symbol)
                table.append([placed.symbol, hex(self.address(placed, load))])
        return table

    # Steps

    def load(self) -> None:
        self.steps.append({"do": "load"})

    def coming(self, module: str, load: int, without: frozenset[str] = frozenset()) -> None:
        self.steps.append({"do": "coming", "module": module, "symbols": self.symbols(module, load, without)})

    def going(self, module: str) -> None:
        self.steps.append({"do": "going", "module": module})

    def disable(self) -> None:
        self.steps.append({"do": "disable"})

    def reloads(self, module: str, loads: tuple[int, ...] = (0, 1, 2)) -> None:
        """The usual life: patch, target, target again at other addresses, twice."""
        self.load()
        for load in loads:
            self.coming(module, load)
            self.going(module)
        self.disable()

    def describe(self, file: str) -> Json:
        exports = {**base_exports(self.machine), **self.exports}
        machine = {"page_size": self.machine.page_size, **self.options}
        if ".TOC." in exports:
            machine |= {"kernel_toc": hex(exports[".TOC."]), "paca_kernel_toc": 0x10}
        objects = [
            {"name": obj.name, "funcs": [{"old_name": f.old_name, "old_sympos": f.old_sympos} for f in obj.funcs]}
            for obj in self.file.objects
        ]
        return {
            "architecture": self.machine.architecture,
            "series": self.series,
            "config": sorted(self.config),
            "machine": machine,
            "exports": {name: hex(address) for name, address in exports.items()},
            "vmlinux": [[name, hex(address)] for name, address in self.vmlinux],
            "patch": {
                "name": "livepatch",
                "file": file,
                "objects": objects,
                "memories": {
                    kind: hex(address) for kind, address in memories(self.series, self.machine.modules + self.base).items()
                },
            },
            "steps": self.steps,
        }


def new_story(
    machine: Machine,
    series: str,
    strict: bool = True,
    targets: tuple[str, ...] = ("target",),
    options: Json | None = None,
    without: tuple[str, ...] = (),
    modinfo: bool = True,
) -> Story:
    """A livepatch of the given targets that has no livepatch relocations yet."""
    config = set(machine.config) - set(without)
    if not strict:
        config -= {"STRICT_MODULE_RWX"}
    objects = [Obj(target, [Func("old_function")]) for target in targets]
    file = LivepatchFile(machine, "livepatch", objects, modinfo)
    return Story(machine, series, frozenset(config), file, options or {})
