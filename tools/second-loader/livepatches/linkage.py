# SPDX-License-Identifier: GPL-2.0
"""Cases of what the loader makes beside a module: stubs, GOT and PLT, veneers, until none is left."""

from collections.abc import Iterator

from .elf_writer import SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS, STB_WEAK
from .machines import Machine
from .relocations import PPC64_WORDS
from .story import Placed, Story, new_story

MANY_LOADS = tuple(range(8))


def calls(story: Story, kind: int, count: int, address: str, repeats: int = 1, addend: int = 0) -> None:
    """Late calls to `count` functions of the target, each called `repeats` times."""
    for i in range(count):
        for _ in range(repeats):
            place = story.file["text"].add(story.machine.call + bytes(8), 4)
            story.relocate(Placed("target", ".text", place, "target", f"function_{i}", addend, address), kind)


def local_calls(story: Story, kind: int, count: int) -> None:
    """Calls inside of the livepatch, which some architectures count although they need no stub."""
    for i in range(count):
        place = story.file["text"].add(story.machine.call + bytes(8), 4)
        function = story.file.symbol(f"local_{i}", story.file["text"], value=0, other=0x60)
        story.file.rela(".text", place, kind, function)


def import_calls(story: Story, kind: int, names: tuple[str, ...], weak: bool = False) -> None:
    for name in names:
        place = story.file["text"].add(story.machine.call + bytes(8), 4)
        more = {"binding": STB_WEAK} if weak else {}
        story.file.rela(".text", place, kind, story.file.symbol(name, **more))


def behind_stubs(story: Story) -> None:
    """Code that stands behind .stubs, and is overwritten by a stub too many."""
    story.file.add_section(
        ".text.unlikely", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, content=bytearray(b"\x11" * 256), align=16
    )


def exhaustion(machine: Machine, series: str, behind: bool, surplus: int, count: int, strict: bool) -> Story:
    """Reloads at new addresses until no stub or entry is left; the last reload is at addresses that were seen before."""
    story = new_story(machine, series, strict)
    kind = machine.calls[0]
    if behind:
        behind_stubs(story)
    calls(story, kind, count, "far", repeats=2)
    local_calls(story, kind, surplus)
    import_calls(story, kind, ("_printk",))
    story.finish_file()
    story.reloads("target", (*MANY_LOADS, 0))
    return story


def shared_target(machine: Machine, series: str) -> Story:
    """A late call and an import with the same address: one stub serves both."""
    story = new_story(machine, series, strict=False)
    kind = machine.calls[0]
    import_calls(story, kind, ("_printk", "klp_enable_patch"))
    place = story.file["text"].add(machine.call + bytes(8), 4)
    symbol = story.file.klp_symbol("target", "same_as_printk")
    story.file.klp_rela("target", ".text", place, kind, symbol)
    story.finish_file()
    printk = story.describe("x.ko")["exports"]["_printk"]
    story.load()
    for load in range(2):
        symbols = [*story.symbols("target", load), ["same_as_printk", printk]]
        story.steps.append({"do": "coming", "module": "target", "symbols": symbols})
        story.going("target")
    return story


def weak_imports(machine: Machine, series: str, strict: bool) -> Story:
    """Undefined weak symbols: their address is 0, and that is what a stub, a slot or an entry is made for."""
    story = new_story(machine, series, strict)
    kind = machine.calls[0]
    import_calls(story, kind, ("absent_1", "absent_2"), weak=True)
    calls(story, kind, 2, "far")
    story.finish_file()
    story.reloads("target")
    return story


def all_calls(machine: Machine, series: str, strict: bool, address: str, addend: int) -> Story:
    """All branch types to the same functions."""
    story = new_story(machine, series, strict)
    for kind in machine.calls:
        calls(story, kind, 3, address, repeats=2, addend=addend)
    story.finish_file()
    story.reloads("target")
    return story


def veneers(machine: Machine, series: str, strict: bool, address: str, workaround: bool) -> Story:
    """arm64: ADRP in the last two words of a page, where erratum 843419 matters."""
    story = new_story(machine, series, strict, options={"workaround_843419": workaround})
    text = story.file["text"]
    text.align = 4096
    for page in range(3):
        text.add(bytes(0x1000 * page + 0xFF0 - len(text.content)))
        for word in range(4):
            # adrp x<word>, and with the low bits of the address: add x<word>, x<word>, #0
            place = text.add((0x90000000 | word + 1).to_bytes(4, "little"))
            name = f"variable_{page}_{word}"
            story.relocate(Placed("target", ".text", place, "target", name, 0, address), 275 + page % 2)
    calls(story, 283, 3, "far")
    story.finish_file()
    story.reloads("target")
    return story


def restore_r2(machine: Machine, series: str, word: str) -> Story:
    """ppc64: what may stand at and behind a call."""
    story = new_story(machine, series)
    place = story.file["text"].add(PPC64_WORDS[word] + bytes(8), 4)
    story.relocate(Placed("target", ".text", place, "target", "function", 0, "far"), machine.calls[0])
    story.finish_file()
    story.reloads("target")
    return story


def slots(machine: Machine, series: str, options: dict, config: tuple[str, ...] = ()) -> Story:
    """s390: GOT slots and PLT entries that two types, an import and a late symbol use."""
    story = new_story(machine, series, options=options)
    story.config |= set(config)
    text = story.file["text"]
    imported = story.file.symbol("_printk")
    for kind in (26, 20, 33, 25):
        story.file.rela(".text", text.add(bytes(16), 8), kind, imported, 2)
        for name in ("variable", "function"):
            story.relocate(Placed("target", ".text", text.add(bytes(16), 8), "target", name, 2, "far"), kind)
    got = story.file.symbol("_GLOBAL_OFFSET_TABLE_")
    story.file.rela(".text", text.add(bytes(16), 8), 21, got, 2)
    story.finish_file()
    story.reloads("target")
    return story


def linkage_cases(machine: Machine, series: str, quick: bool) -> Iterator[tuple[str, Story]]:
    for strict in (True, False):
        word = "strict" if strict else "lenient"
        for behind in (False, True):
            for surplus in (0, 3) if quick else (0, 1, 2, 3, 5, 9):
                for count in (1, 2, 3):
                    name = f"exhaustion/{word}/{'code' if behind else 'nothing'}-behind/surplus-{surplus}/{count}"
                    yield name, exhaustion(machine, series, behind, surplus, count, strict)
        yield f"weak-imports/{word}", weak_imports(machine, series, strict)
        for address in ("near", "window", "far", "image"):
            for addend in (0, 2, 8):
                yield f"calls/{word}/{address}{addend:+}", all_calls(machine, series, strict, address, addend)
    yield "shared-target", shared_target(machine, series)
    match machine.architecture:
        case "arm64":
            for strict in (True, False):
                for workaround in (True, False):
                    for address in ("near", "image", "far", "image,near", "near,image"):
                        name = f"veneers/{'strict' if strict else 'lenient'}/{workaround}/{address}"
                        yield name, veneers(machine, series, strict, address, workaround)
        case "ppc64le":
            for word in PPC64_WORDS:
                yield f"restore-r2/{word}", restore_r2(machine, series, word)
        case "s390x":
            yield "slots", slots(machine, series, {})
            yield "slots/expoline", slots(machine, series, {}, ("EXPOLINE",))
            yield "slots/nospec", slots(machine, series, {"nospec_disable": True}, ("EXPOLINE",))
