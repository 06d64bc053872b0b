# SPDX-License-Identifier: GPL-2.0
"""Cases of relocation types: each alone, all together, and those that are refused."""

import random
from collections.abc import Iterator
from functools import cache

from second_loader.play import Play

from .machines import MACHINES, Machine
from .story import KINDS, Placed, Story, new_story

PLACES = (".text", ".rodata", ".data", ".data..ro_after_init", ".init.text")

# Addends beside 0: the usual one of a branch, an odd one, and one that brings a place in front of the module into reach.
ADDENDS = (0, -4, 2, 0x800000)

# ppc64: a call with something else behind it, a branch that is none, the two words of a large-model prologue.
PPC64_WORDS = {
    "call": bytes.fromhex("01000048" "00000060"),
    "call-restored": bytes.fromhex("01000048" "180041e8"),
    "call-bare": bytes.fromhex("01000048" "78636800"),
    "sibling": bytes.fromhex("00000048" "78636800"),
    "absolute-call": bytes.fromhex("03000048" "00000060"),
    "conditional-call": bytes.fromhex("01008240" "00000060"),
    "prologue": bytes.fromhex("004c4ce8" "1462427c"),
    "prefix": bytes.fromhex("01000006" "00000060"),
}
# arm64: the words that loaders treat apart are ADRP, branches, and the word that means "cannot be encoded".
ARM64_WORDS = {
    "adrp": bytes.fromhex("03000090"),
    "bl": bytes.fromhex("00000094"),
    "break-fault": bytes.fromhex("002020d4"),
}


def contents(machine: Machine) -> dict[str, bytes]:
    """What stands in a field before it is relocated."""
    noise = random.Random(machine.architecture).randbytes(16)
    match machine.architecture:
        case "x86":
            return {"zeros": bytes(16), "noise": noise}
        case "ppc64le":
            return {"noise": noise, **PPC64_WORDS}
        case "arm64":
            return {"noise": noise, **ARM64_WORDS}
    return {"noise": noise}


def single(
    machine: Machine,
    series: str,
    kind: int,
    section: str,
    address: str,
    addend: int,
    content: str,
    strict: bool,
    offset: int = 0,
) -> Story:
    """A livepatch with one livepatch relocation. `offset`: from a multiple of 16."""
    story = new_story(machine, series, strict)
    word = bytes(offset) + contents(machine)[content]
    place = story.file.by_name[section].add(word + bytes(-len(word) % 16 + 16), 16) + offset
    story.relocate(Placed("target", section, place, "target", "symbol", addend, address), kind)
    story.finish_file()
    story.reloads("target")
    return story


def first_application(story: Story) -> tuple[str, str]:
    """How it goes, accepted, refused or died, and what the kernel says."""
    play = Play({**story.describe("x.ko")}, story)  # type: ignore[arg-type]
    play.verdict(story.steps[0])
    result = play.verdict(story.steps[1])
    return next((word for word in ("refused", "died") if word in result), "accepted"), play.kernel.complaint


def is_known(machine: Machine, series: str, kind: int) -> bool:
    """Whether the second loader has a case for the number. s390 has one for four types that it refuses without a word."""
    content = next(iter(contents(machine)))
    went, complaint = first_application(single(machine, series, kind, ".data", "near", 0, content, strict=False))
    return went == "accepted" or not (complaint == "" or complaint.endswith(f"relocation: {kind}"))


@cache
def fitting(architecture: str, series: str) -> dict[int, tuple[str, int, str]]:
    """Accepted types, each with a kind of address, an addend and a content with which it is accepted everywhere."""
    machine = MACHINES[architecture]
    found = {}
    for kind in machine.numbers:
        if is_known(machine, series, kind):
            found[kind] = next(choices(machine, series, kind))
    return found


def choices(machine: Machine, series: str, kind: int) -> Iterator[tuple[str, int, str]]:
    content = "call" if kind in machine.calls and "call" in contents(machine) else next(iter(contents(machine)))
    for addend in ADDENDS:
        for address in KINDS:
            if all(
                first_application(single(machine, series, kind, place, address, addend, content, strict=False))[0]
                == "accepted"
                for place in (".data", ".text")
            ):
                yield address, addend, content


def single_cases(machine: Machine, series: str, quick: bool) -> Iterator[tuple[str, Story]]:
    """Every accepted type alone, at every place, with addresses in and out of range."""
    for kind, (address, addend, content) in fitting(machine.architecture, series).items():
        for section in PLACES if not quick else PLACES[:3]:
            for strict in (True, False):
                yield (
                    f"single/{kind}/{section}/{'strict' if strict else 'lenient'}",
                    single(machine, series, kind, section, address, addend, content, strict),
                )
        for other in (*KINDS, "odd", "zero") if not quick else ("far", "odd"):
            for more in ADDENDS if not quick else (addend,):
                yield (
                    f"single/{kind}/.data/{other}{more:+}",
                    single(machine, series, kind, ".data", other, more, content, strict=True),
                )
                if not quick:
                    yield (
                        f"single/{kind}/.text/{other}{more:+}",
                        single(machine, series, kind, ".text", other, more, content, strict=False),
                    )
        for words in contents(machine):
            yield (
                f"single/{kind}/content/{words}",
                single(machine, series, kind, ".text", address, addend, words, strict=False),
            )
        for offset in (1, 2, 3, 4, 6) if not quick else (2,):
            yield (
                f"single/{kind}/offset/{offset}",
                single(machine, series, kind, ".data", address, addend, content, strict=True, offset=offset),
            )


def refused_cases(machine: Machine, series: str, quick: bool) -> Iterator[tuple[str, Story]]:
    """Every type number that is not accepted."""
    accepted = fitting(machine.architecture, series)
    for kind in machine.numbers:
        if kind not in accepted and (not quick or kind % 7 == 0):
            content = next(iter(contents(machine)))
            yield f"refused/{kind}", single(machine, series, kind, ".data", "window", 0, content, strict=True)


def everything(machine: Machine, series: str, places: tuple[str, ...], strict: bool) -> Story:
    """One livepatch with all accepted types at all of the places."""
    story = new_story(machine, series, strict)
    for kind, (address, addend, content) in fitting(machine.architecture, series).items():
        for section in places:
            word = contents(machine)[content]
            place = story.file.by_name[section].add(word + bytes(16), 16)
            name = f"symbol_{kind}_{section.strip('.').replace('.', '_')}"
            story.relocate(Placed("target", section, place, "target", name, addend, address), kind)
        # Out of reach, too, where a stub or an entry helps.
        if kind in machine.calls and ".text" in places and not strict:
            place = story.file["text"].add(machine.call + bytes(16), 16)
            story.relocate(Placed("target", ".text", place, "target", f"far_{kind}", 0, "far"), kind)
    story.finish_file()
    story.reloads("target")
    return story


def everything_cases(machine: Machine, series: str, quick: bool) -> Iterator[tuple[str, Story]]:
    for section in PLACES[:4]:
        for strict in (True, False):
            name = f"everything/{section}/{'strict' if strict else 'lenient'}"
            yield name, everything(machine, series, (section,), strict)
    yield "everything/everywhere", everything(machine, series, PLACES[:4], strict=False)
