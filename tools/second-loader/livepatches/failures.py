# SPDX-License-Identifier: GPL-2.0
"""Cases in which something is refused: half-written patches, names, positions, sections, and the moments of it all."""

from collections.abc import Iterator

from .elf_writer import (
    SHF_ALLOC,
    SHF_INFO_LINK,
    SHF_RELA_LIVEPATCH,
    SHF_WRITE,
    SHT_PROGBITS,
    SHT_RELA,
    Record,
)
from .livepatch_file import Func, LivepatchFile, Obj
from .machines import Machine
from .relocations import fitting
from .story import Placed, Story, new_story

# ---- a first application that fails


def half_written(machine: Machine, series: str, bad: str) -> Story:
    """Two sections; in the second one something is wrong at the first load, and all is well at the second."""
    story = new_story(machine, series)
    pointer = machine.pointer
    # A section of its own, because one section is one call of apply_relocate_add().
    story.file.add_section(".data.late", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, align=8)
    data, late = story.file["data"], story.file["data.late"]
    for i in range(3):
        story.relocate(Placed("target", ".data", data.add(bytes(8), 8), "target", f"first_{i}", 0, "window"), pointer)
    for i in range(4):
        place, symbol = late.add(bytes(8), 8), f"second_{i}"
        address, kind = "window", pointer
        if i == 2 and bad == "range":
            address, kind = "far,near", narrow(machine)
        if i == 2 and bad == "type":
            kind = 3 if machine.architecture != "s390x" else 12
        story.relocate(Placed("target", ".data.late", place, "target", symbol, 0, address), kind)
    if machine.architecture == "x86" and bad == "content":
        late.content[8] = 1
    story.finish_file()
    without = {"missing": {"second_2"}, "function": {"old_function"}}.get(bad, set())
    story.load()
    story.coming("target", 0, frozenset(without))
    story.coming("target", 0)
    story.going("target")
    story.coming("target", 1)
    story.going("target")
    story.coming("target", 2, frozenset(without))
    story.coming("target", 2)
    story.going("target")
    story.disable()
    return story


def narrow(machine: Machine) -> int:
    """A pc-relative type of 32 bits whose range is checked; 32S of x86, which has no other."""
    return {"x86": 11, "ppc64le": 26, "s390x": 5, "arm64": 261}[machine.architecture]


def first_load_refused(machine: Machine, series: str) -> Story:
    """The target is there first: the livepatch itself is refused, and gone."""
    story = new_story(machine, series)
    data = story.file["data"]
    for i, address in enumerate(("window", "far,near", "window")):
        kind = narrow(machine) if i == 1 else machine.pointer
        story.relocate(Placed("target", ".data", data.add(bytes(8), 8), "target", f"symbol_{i}", 0, address), kind)
    story.finish_file()
    story.coming("target", 0)
    story.load()
    story.going("target")
    story.coming("target", 1)
    story.load()
    story.going("target")
    story.coming("target", 2)
    story.disable()
    return story


# ---- names of symbols


LONG = "n" * 511
SYMBOL_NAMES = {
    "plain": ".klp.sym.target.symbol,0",
    "position-1": ".klp.sym.target.symbol,1",
    "position-2": ".klp.sym.target.symbol,2",
    "no-comma": ".klp.sym.target.symbol",
    "no-object": ".klp.sym..symbol,0",
    "no-name": ".klp.sym.target.,0",
    "no-position": ".klp.sym.target.symbol,",
    "position-word": ".klp.sym.target.symbol,first",
    "position-space": ".klp.sym.target.symbol, 1",
    "position-tab": ".klp.sym.target.symbol,\t1",
    "position-garbage": ".klp.sym.target.symbol,1x",
    "position-hexadecimal": ".klp.sym.target.symbol,0x1",
    "position-plus": ".klp.sym.target.symbol,+1",
    "position-minus": ".klp.sym.target.symbol,-1",
    "position-wraps": ".klp.sym.target.symbol,18446744073709551617",
    "position-large": ".klp.sym.target.symbol,18446744073709551615",
    "two-commas": ".klp.sym.target.symbol,1,2",
    "dots": ".klp.sym.target.symbol.constprop.0,0",
    "longest": f".klp.sym.target.{LONG},0",
    "too-long": f".klp.sym.target.{LONG}n,0",
    "object-too-long": f".klp.sym.{'t' * 56}.symbol,0",
    "prefix": ".klp.symbol.target.symbol,0",
    "capital": ".KLP.sym.target.symbol,0",
    "vmlinux": ".klp.sym.vmlinux.symbol,0",
    "absent-module": ".klp.sym.absent.symbol,0",
    "own": ".klp.sym.livepatch.livepatch_function,0",
}
TARGET_SYMBOLS = ("symbol", "symbol.constprop.0", LONG, LONG + "n", "vmlinux")


def named_symbol(machine: Machine, series: str, name: str, obj: str = "target") -> Story:
    story = new_story(machine, series)
    place = story.file["data"].add(bytes(8), 8)
    symbol = story.file.symbol(name, 0xFF20)
    story.file.klp_rela(obj, ".data", place, machine.pointer, symbol)
    story.vmlinux = [("symbol", machine.image + 0x500000)]
    story.finish_file()
    story.load()
    for load in range(2):
        symbols = story.symbols("target", load)
        symbols += [[known, hex(machine.modules + 0x5000000 + 0x100 * i)] for i, known in enumerate(TARGET_SYMBOLS)]
        story.steps.append({"do": "coming", "module": "target", "symbols": symbols})
        story.going("target")
    return story


def not_livepatch_symbol(machine: Machine, series: str, which: str) -> Story:
    story = new_story(machine, series)
    place = story.file["data"].add(bytes(8), 8)
    symbol = {
        "undefined": lambda: story.file.symbol("_printk"),
        "section": lambda: story.file.section_symbols[".data"],
        "null": lambda: None,
    }[which]()
    story.file.klp_rela("target", ".data", place, machine.pointer, symbol)
    # Type 0, which asks for no symbol, is looked at all the same.
    story.file.klp_rela("target", ".data", place, 0, symbol)
    story.finish_file()
    story.reloads("target", (0,))
    return story


# ---- positions


def positions(machine: Machine, series: str, position: int, target_first: bool, object_name: str) -> Story:
    """Three symbols of one name, the first one in init memory."""
    story = new_story(machine, series)
    place = story.file["data"].add(bytes(8), 8)
    symbol = story.file.klp_symbol(object_name, "twin", position)
    story.file.klp_rela("vmlinux" if object_name == "vmlinux" else "target", ".data", place, machine.pointer, symbol)
    image = machine.image + 0x600000
    # Not in the order of addresses.
    story.vmlinux = [("twin", image + 0x300), ("twin", image + 0x100), ("other", image), ("twin", image + 0x200)]
    story.finish_file()
    symbols = [*story.symbols("target", 0)]
    symbols += [
        ["twin", hex(machine.modules + 0x6000300), "init"],
        ["twin", hex(machine.modules + 0x6000100)],
        ["twin", hex(machine.modules + 0x6000200)],
    ]
    coming = {"do": "coming", "module": "target", "symbols": symbols}
    if target_first:
        story.steps.append(coming)
    story.load()
    if not target_first:
        story.steps.append(coming)
    story.going("target")
    story.steps.append(coming)
    story.disable()
    return story


def zero_address(machine: Machine, series: str) -> Story:
    story = new_story(machine, series)
    place = story.file["data"].add(bytes(8), 8)
    story.relocate(Placed("target", ".data", place, "target", "symbol", 0, "zero"), machine.pointer)
    story.finish_file()
    story.reloads("target", (0,))
    return story


# ---- sections


SECTION_NAMES = {
    "single-dot": ".klp.rela.target.data",
    "double-dot": ".klp.rela.target..data",
    "nothing-behind": ".klp.rela.target",
    "dot-behind": ".klp.rela.target.",
    "no-object": ".klp.rela..data",
    "no-object-at-all": ".klp.rela.",
    "other-prefix": ".rela.data",
    "object-longest": f".klp.rela.{'o' * 55}.data",
    "object-too-long": f".klp.rela.{'o' * 56}.data",
    "without-klp-object": ".klp.rela.other.data",
    "vmlinux": ".klp.rela.vmlinux.data",
}


def named_section(machine: Machine, series: str, name: str, flags: int = SHF_ALLOC) -> Story:
    targets = ("target", "o" * 55)
    story = new_story(machine, series, targets=targets)
    place = story.file["data"].add(bytes(8), 8)
    symbol = story.file.klp_symbol("target", "symbol")
    section = story.file.elf.section(
        name, SHT_RELA, SHF_INFO_LINK | SHF_RELA_LIVEPATCH | flags, align=8, target=story.file.by_name[".data"]
    )
    section.records.append(Record(place, machine.pointer, symbol))
    story.finish_file()
    symbols = [*story.symbols("target", 0), ["symbol", hex(machine.modules + 0x7000000)]]
    story.load()
    for module in ("target", *targets[1:], "other"):
        story.steps.append({"do": "coming", "module": module, "symbols": symbols})
    for module in ("other", *targets[1:], "target"):
        story.going(module)
    story.steps.append({"do": "coming", "module": "target", "symbols": symbols})
    return story


def section_info(machine: Machine, series: str, which: str) -> Story:
    """Relocation sections whose target is not in memory."""
    story = new_story(machine, series)
    if which == "not-allocated":
        story.file.add_section(".comment", SHT_PROGBITS, 0, content=bytearray(16), align=8)
    place = 0
    symbol = story.file.klp_symbol("target", "symbol")
    story.relocate(Placed("target", ".comment", place, "target", "symbol", 0, "window"), machine.pointer)
    assert symbol in story.file.symbols.values()
    story.finish_file()
    story.reloads("target", (0,))
    return story


# ---- what surrounds a relocation


def modinfo(machine: Machine, series: str) -> Story:
    story = new_story(machine, series, modinfo=False)
    place = story.file["data"].add(bytes(8), 8)
    story.relocate(Placed("target", ".data", place, "target", "symbol", 0, "window"), machine.pointer)
    story.finish_file()
    story.reloads("target", (0,))
    return story


def without_livepatch(machine: Machine, series: str) -> Story:
    story = new_story(machine, series, without=("LIVEPATCH",))
    place = story.file["data"].add(bytes(8), 8)
    story.relocate(Placed("target", ".data", place, "target", "symbol", 0, "window"), machine.pointer)
    story.finish_file()
    story.reloads("target", (0,))
    return story


def init_memory(machine: Machine, series: str, section: str, target_first: bool) -> Story:
    """Init memory is there while the livepatch is enabled, and gone afterwards; so is the time to write ro_after_init."""
    story = new_story(machine, series)
    for i in range(2):
        place = story.file.by_name[section].add(bytes(8), 8)
        story.relocate(Placed("target", section, place, "target", f"symbol_{i}", 0, "window"), machine.pointer)
    story.finish_file()
    if target_first:
        story.coming("target", 0)
    story.load()
    if not target_first:
        story.coming("target", 0)
    story.going("target")
    story.coming("target", 1)
    return story


def disabled(machine: Machine, series: str) -> Story:
    """After it is disabled, a livepatch hears nothing of its target any more."""
    story = new_story(machine, series)
    data = story.file["data"]
    for i in range(2):
        story.relocate(Placed("target", ".data", data.add(bytes(8), 8), "target", f"s_{i}", 0, "window"), machine.pointer)
    story.finish_file()
    story.load()
    story.coming("target", 0)
    story.disable()
    story.going("target")
    story.coming("target", 1)
    return story


def two_targets(machine: Machine, series: str) -> Story:
    """Sections of two objects, one of which needs a symbol of the other, and vmlinux relocations beside them."""
    story = new_story(machine, series, targets=("target", "other"))
    data, ro = story.file["data"], story.file["rodata"]
    late = machine.pointer
    story.relocate(Placed("target", ".data", data.add(bytes(8), 8), "target", "of_target", 0, "window"), late)
    story.relocate(Placed("target", ".data", data.add(bytes(8), 8), "other", "of_other", 0, "image"), late)
    story.relocate(Placed("other", ".data", data.add(bytes(8), 8), "other", "of_other", 0, "image"), late)
    story.relocate(Placed("vmlinux", ".rodata", ro.add(bytes(8), 8), "vmlinux", "of_image", 8, "image"), late)
    story.vmlinux = [("of_image", machine.image + 0x700000)]
    story.finish_file()
    story.load()
    # The symbol of `other` cannot be found yet.
    story.coming("target", 0)
    story.coming("other", 0)
    story.coming("target", 0)
    story.going("other")
    story.going("target")
    # It is there again, at another address, and `target` is what comes.
    story.coming("other", 1)
    story.coming("target", 1)
    story.going("target")
    story.going("other")
    return story


def functions_of_vmlinux(machine: Machine, series: str, position: int) -> Story:
    """A klp_object of the kernel image: its functions are looked for while the livepatch is enabled."""
    story = new_story(machine, series)
    objects = [Obj(None, [Func("patched", position)]), Obj("target", [Func("old_function")])]
    story.file = LivepatchFile(machine, "livepatch", objects)
    story.vmlinux = [("patched", machine.image + 0x800000), ("patched", machine.image + 0x800100)]
    place = story.file["data"].add(bytes(8), 8)
    story.relocate(Placed("target", ".data", place, "target", "symbol", 0, "window"), machine.pointer)
    story.finish_file()
    story.reloads("target", (0, 1))
    return story


def module_called_vmlinux(machine: Machine, series: str) -> Story:
    story = new_story(machine, series)
    story.finish_file()
    story.load()
    story.steps.append({"do": "coming", "module": "vmlinux", "symbols": []})
    return story


def missing_section(machine: Machine, series: str, name: str) -> Story:
    story = new_story(machine, series)
    story.file.elf.sections.remove(story.file.by_name[name])
    story.file.elf.symbols.remove(story.file.section_symbols[name])
    story.finish_file()
    story.load()
    return story


def failure_cases(machine: Machine, series: str, quick: bool) -> Iterator[tuple[str, Story]]:
    for bad in ("range", "type", "missing", "function", "content"):
        yield f"half-written/{bad}", half_written(machine, series, bad)
    yield "first-load-refused", first_load_refused(machine, series)
    for word, name in SYMBOL_NAMES.items():
        yield f"symbol-name/{word}", named_symbol(machine, series, name)
    yield "symbol-name/in-vmlinux-section", named_symbol(machine, series, SYMBOL_NAMES["vmlinux"], "vmlinux")
    yield "symbol-name/module-in-vmlinux-section", named_symbol(machine, series, SYMBOL_NAMES["plain"], "vmlinux")
    for which in ("undefined", "section", "null"):
        yield f"symbol/{which}", not_livepatch_symbol(machine, series, which)
    for object_name in ("target", "vmlinux"):
        for position in range(5):
            for first in (True, False):
                name = f"position/{object_name}/{position}/{'target' if first else 'livepatch'}-first"
                yield name, positions(machine, series, position, first, object_name)
    yield "zero-address", zero_address(machine, series)
    for word, name in SECTION_NAMES.items():
        yield f"section-name/{word}", named_section(machine, series, name)
    yield "section-not-allocated", named_section(machine, series, SECTION_NAMES["double-dot"], 0)
    yield "target-section-not-allocated", section_info(machine, series, "not-allocated")
    yield "no-modinfo", modinfo(machine, series)
    yield "no-livepatch", without_livepatch(machine, series)
    for section in (".init.text", ".data..ro_after_init"):
        for first in (True, False):
            yield f"early{section}/{first}", init_memory(machine, series, section, first)
    yield "disabled", disabled(machine, series)
    yield "two-targets", two_targets(machine, series)
    for position in range(4):
        yield f"functions-of-vmlinux/{position}", functions_of_vmlinux(machine, series, position)
    yield "module-called-vmlinux", module_called_vmlinux(machine, series)
    required = {"ppc64le": (".stubs", ".toc"), "arm64": (".plt", ".init.plt", ".text.ftrace_trampoline")}
    for name in required.get(machine.architecture, ()):
        yield f"missing-section/{name}", missing_section(machine, series, name)
    if 0 in fitting(machine.architecture, series):
        yield "type-0", not_livepatch_symbol(machine, series, "null")
