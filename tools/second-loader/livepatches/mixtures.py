# SPDX-License-Identifier: GPL-2.0
"""Cases made by chance from a seed: many relocations of all types, early and late, two targets, any order of steps."""

import random
from collections.abc import Iterator

from .elf_writer import STB_WEAK
from .machines import Machine
from .relocations import contents, fitting
from .story import KINDS, Placed, Story, new_story

SECTIONS = (".text", ".rodata", ".data", ".data..ro_after_init")
TARGETS = ("target", "other")


def mixture(machine: Machine, series: str, seed: int, strict: bool) -> Story:
    dice = random.Random(f"{machine.architecture}/{series}/{seed}")
    options = {"workaround_843419": seed % 3 == 0} if machine.architecture == "arm64" else {}
    story = new_story(machine, series, strict, targets=TARGETS, options=options)
    story.base = dice.choice((0x1000000, 0x1234000 // machine.page_size * machine.page_size, 0x2FF0000))
    add_fields(story, dice)
    story.finish_file()
    add_steps(story, dice)
    return story


def add_fields(story: Story, dice: random.Random) -> None:
    machine = story.machine
    types = fitting(machine.architecture, story.series)
    # One in four is refused somewhere, one in four would be refused by protection if it was there.
    wild = dice.random() < 0.25
    sections = SECTIONS if story.machine.architecture != "ppc64le" or dice.random() < 0.25 else (".data", ".text")
    for i in range(dice.randrange(1, 24)):
        kind = dice.choice(list(types))
        address, addend, content = types[kind]
        if wild and dice.random() < 0.1:
            address, addend = dice.choice(KINDS), dice.choice((0, -4, 2, 1, 0x7FF0))
        if kind in machine.calls:
            address = dice.choice(("near", "window", "far"))
        section = dice.choice(sections) if kind not in machine.calls or machine.architecture != "ppc64le" else ".text"
        word = machine.call if kind in machine.calls and dice.random() < 0.5 else contents(machine)[content]
        if wild and dice.random() < 0.05:
            word = dice.choice(list(contents(machine).values()))
        place = story.file.by_name[section].add(word + bytes(8), dice.choice((4, 8, 16)))
        obj = dice.choice(TARGETS)
        # Some symbols are shared.
        name = f"shared_{kind % 3}" if kind in machine.calls and dice.random() < 0.4 else f"symbol_{i}"
        story.relocate(Placed(obj, section, place, obj, f"{obj}_{name}", addend, address), kind)
    for i in range(dice.randrange(6)):
        add_early_field(story, dice, i, types)


def add_early_field(story: Story, dice: random.Random, number: int, types: dict) -> None:
    """An ordinary relocation, or one to a symbol of the kernel image."""
    machine = story.machine
    kind = dice.choice((machine.calls[0], machine.pointer, machine.pointer, machine.calls[-1]))
    if kind in machine.calls:
        section, word = ".text", machine.call
    else:
        section, word = dice.choice(SECTIONS), bytes(8)
    place = story.file.by_name[section].add(word + bytes(8), 8)
    match dice.randrange(4):
        case 0:
            symbol = story.file.symbol("_printk")
            story.file.rela(section, place, kind, symbol, dice.choice((0, 0, 8)))
        case 1:
            story.file.rela(section, place, kind, story.file.section_symbols[".text"], dice.choice((0, 4, 8)))
        case 2 if machine.architecture != "x86":
            story.file.rela(section, place, kind, story.file.symbol("weak", binding=STB_WEAK))
        case _:
            name = f"image_{number}"
            story.vmlinux.append((name, machine.image + 0x900000 + 0x100 * number))
            story.file.klp_rela("vmlinux", section, place, kind, story.file.klp_symbol("vmlinux", name), 0)


def add_steps(story: Story, dice: random.Random) -> None:
    there: set[str] = set()
    loaded = False
    load = 0
    for _ in range(dice.randrange(4, 10)):
        if not loaded and dice.random() < 0.6:
            story.load()
            loaded = True
            continue
        module = dice.choice(TARGETS)
        if module in there:
            story.going(module)
            there.remove(module)
        else:
            without = frozenset({dice.choice(story.placed).symbol} if dice.random() < 0.1 else ())
            story.coming(module, load if dice.random() < 0.8 else 0, without)
            there.add(module)
            load += 1
    if not loaded:
        story.load()
    if dice.random() < 0.3:
        story.disable()


def mixture_cases(machine: Machine, series: str, quick: bool) -> Iterator[tuple[str, Story]]:
    for seed in range(40 if quick else 400):
        strict = seed % 2 == 0
        yield f"mixture/{seed}/{'strict' if strict else 'lenient'}", mixture(machine, series, seed, strict)
