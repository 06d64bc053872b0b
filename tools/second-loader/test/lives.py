# SPDX-License-Identifier: GPL-2.0
"""Small livepatches with one late relocation each, played step by step."""

from livepatches.machines import MACHINES
from livepatches.story import Story, new_story
from second_loader.play import Play


class Life:
    """A livepatch with one relocation of `symbol` in `section`, whose bytes are at hand after every step."""

    def __init__(
        self,
        architecture: str,
        series: str,
        kind: int,
        content: bytes,
        section: str = ".text",
        addend: int = 0,
        strict: bool = True,
        options: dict | None = None,
        padding: int = 0,
    ):
        self.story: Story = new_story(MACHINES[architecture], series, strict, options=options)
        self.section, self.size = section, len(content)
        self.file = self.story.file
        self.offset = self.file.by_name[section].add(bytes(padding) + content, 16) + padding
        self.file.klp_rela("target", section, self.offset, kind, self.file.klp_symbol("target", "symbol"), addend)

    def start(self) -> "Life":
        self.story.data = self.file.build()
        self.play = Play(self.story.describe("x.ko"), self.story)  # type: ignore[arg-type]
        outcome = self.play.step({"do": "load"})
        assert "refused" not in outcome and "died" not in outcome, outcome
        self.me = self.play.me
        return self

    @property
    def place(self) -> int:
        return self.section_address(self.section) + self.offset

    def section_address(self, name: str) -> int:
        return next(shdr.addr for shdr in self.me.sechdrs if shdr.name == name.encode())

    def bytes(self) -> str:
        return self.read(self.place, self.size)

    def read(self, address: int, size: int) -> str:
        return self.play.kernel.memory.read(address, size).hex()

    def coming(self, address: int) -> str:
        """accepted, an errno, or how the kernel dies."""
        return self.do({"do": "coming", "module": "target", "symbols": [["symbol", hex(address)], ["old_function", "0x1"]]})

    def going(self) -> str:
        return self.do({"do": "going", "module": "target"})

    def do(self, step: dict) -> str:
        outcome = self.play.step(step)
        if "refused" in outcome:
            return outcome["refused"]["errno"]
        return outcome["died"]["kind"] if "died" in outcome else "accepted"

    def state(self) -> dict:
        return self.play.kernel.arch.loader_state(self.me)
