# SPDX-License-Identifier: GPL-2.0
"""A module that is being patched. Of its loading only what livepatch sees of it is here: its state and its symbols."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .kernel import COMING


@dataclass
class TargetSymbol:
    name: bytes
    address: int
    init: bool = False
    """In an init section: gone from kallsyms once the module is LIVE, as core_kallsyms does not hold it."""


@dataclass
class Target:
    name: str
    symbols: list[TargetSymbol] = field(default_factory=list)
    """In the order of the symbol table."""
    state: str = COMING
    klp_alive: bool = False

    def kallsyms(self) -> Iterator[tuple[bytes, int]]:
        return ((s.name, s.address) for s in self.symbols if self.state == COMING or not s.init)
