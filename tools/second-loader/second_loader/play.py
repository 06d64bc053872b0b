# SPDX-License-Identifier: GPL-2.0
"""The life of one livepatch as a list of steps, and what stands in memory after each.

A case is an object of JSON; addresses are strings, because JavaScript's numbers cannot hold them:

    architecture     x86, ppc64le, s390x, arm64
    series           "6.1", "6.12", "7.2", "7.3"
    config           options without CONFIG_ that are y
    machine          page_size, workaround_843419, nospec_disable, kernel_toc, paca_kernel_toc; all may be absent
    exports          address by name: what undefined symbols and ftrace_caller are
    vmlinux          [name, address]...: kallsyms of the kernel image
    patch            name, file, objects: [{name, funcs: [{old_name, old_sympos}]}] with name null for vmlinux, and
                     memories: base address by memory (core, init in 6.1; text, data, rodata ... later) or
                     sections: address by section
    steps            [{do: ...}]

    do: "load"       insert the livepatch; its init function enables it
    do: "coming"     module, symbols: [name, address, "init"?]...: the target is loaded, to the end
    do: "going"      module: the target is removed
    do: "disable"    the livepatch is disabled

The outcome has one entry for each step that was reached, with
    refused          {errno, moment, complaint, place}: the kernel did not do it
    died             {kind, address, size, place}: it did not survive it; no further step is played
    memories         of the livepatch by name: address, size, and bytes as [offset, hex]... without runs of zeros
    state            what the architecture's loader remembers
    warnings         WARN_ON() and the like in this step
"""

import re
from pathlib import Path
from typing import Any

from .kernel import ERRNO, LIVE, Kernel, Refused
from .livepatch import (
    KlpFunc,
    KlpObject,
    KlpPatch,
    klp_disable_patch,
    klp_enable_patch,
    klp_module_coming,
    klp_module_going,
)
from .memory import KernelDies
from .module import Module, Placement, do_init_module, free_module, load_module
from .target import Target, TargetSymbol

Json = dict[str, Any]

# Bytes that are not zero, with gaps of less than 16 zeros.
RUN = re.compile(rb"[^\0](?:[^\0]|\0{1,15}(?=[^\0]))*", re.DOTALL)
PIECE = 4096


def runs(content: bytearray) -> list[list]:
    """Runs of bytes, which end with a piece of memory at the latest."""
    found = []
    for start in range(0, len(content), PIECE):
        piece = content[start : start + PIECE]
        if piece.count(0) < len(piece):
            found += [[start + run.start(), run[0].hex()] for run in RUN.finditer(piece)]
    return found


def number(text: str) -> int:
    return int(text, 16)


def make_kernel(case: Json) -> Kernel:
    machine = case.get("machine", {})
    major, minor = case["series"].split(".")
    return Kernel(
        architecture=case["architecture"],
        series=(int(major), int(minor)),
        config=frozenset(case["config"]),
        page_size=machine.get("page_size", 4096),
        exports={name: number(address) for name, address in case.get("exports", {}).items()},
        vmlinux=[(name, number(address)) for name, address in case.get("vmlinux", [])],
        workaround_843419=machine.get("workaround_843419", False),
        nospec_disable=machine.get("nospec_disable", False),
        kernel_toc=number(machine.get("kernel_toc", "0")),
        paca_kernel_toc=machine.get("paca_kernel_toc", 0),
    )


class Play:
    def __init__(self, case: Json, folder: Path):
        self.case = case
        self.folder = folder
        self.kernel = make_kernel(case)
        self.me: Module | None = None
        self.patch: KlpPatch | None = None

    def run(self) -> list[Json]:
        outcome = []
        for step in self.case["steps"]:
            outcome.append(self.step(step))
            if "died" in outcome[-1]:
                break
        return outcome

    def step(self, step: Json) -> Json:
        """Plays a step, and tells what stands in memory afterwards."""
        result = self.verdict(step)
        result.update(self.remains())
        if "refused" in result and step["do"] == "load":
            self.forget()
        return result

    def verdict(self, step: Json) -> Json:
        """Plays a step."""
        self.kernel.warnings.clear()
        self.kernel.complaint = ""
        if self.me is not None:
            self.me.place = None
        result: Json = {"do": step["do"]}
        try:
            getattr(self, step["do"])(step)
        except Refused as refused:
            result["refused"] = {
                "errno": ERRNO[-refused.error],
                "moment": refused.moment,
                "complaint": self.kernel.complaint,
                "place": self.place(),
            }
        except KernelDies as death:
            result["died"] = {
                "kind": death.kind,
                "address": f"{death.address:#x}",
                "size": death.size,
                "place": self.place(),
            }
        result["warnings"] = list(self.kernel.warnings)
        return result

    def load(self, step: Json) -> None:
        described = self.case["patch"]
        placement = Placement(
            {kind: number(base) for kind, base in described.get("memories", {}).items()},
            {name: number(address) for name, address in described.get("sections", {}).items()},
        )
        me = self.me = Module(self.kernel, described["name"], (self.folder / described["file"]).read_bytes())
        self.kernel.modules.append(me)
        load_module(me, placement)
        self.patch = KlpPatch(me, [make_object(obj) for obj in described["objects"]])
        error = klp_enable_patch(self.patch)
        if error:
            raise Refused(error, "klp_enable_patch")
        do_init_module(me)

    def coming(self, step: Json) -> None:
        # load_module() answers EEXIST, and livepatch hears nothing of it.
        if any(mod.name == step["module"] for mod in self.kernel.modules):
            return
        symbols = [
            TargetSymbol(name.encode("latin-1"), number(address), bool(where)) for name, address, *where in step["symbols"]
        ]
        target = Target(step["module"], symbols)
        self.kernel.modules.append(target)
        error = klp_module_coming(self.kernel, target)
        if error:
            self.kernel.modules.remove(target)
            raise Refused(error, "klp_module_coming")
        target.state = LIVE

    def going(self, step: Json) -> None:
        target = next((mod for mod in self.kernel.modules if mod.name == step["module"]), None)
        # Nothing to remove: its load was refused.
        if target is None:
            return
        klp_module_going(self.kernel, target)
        self.kernel.modules.remove(target)

    def disable(self, step: Json) -> None:
        if self.patch in self.kernel.klp_patches:
            klp_disable_patch(self.patch)

    # What remains

    def forget(self) -> None:
        """The rest of load_module() after a failure."""
        if self.me is not None:
            free_module(self.me)
            self.kernel.modules.remove(self.me)
        self.me = self.patch = None

    def place(self) -> Json | None:
        me = self.me
        if me is None or me.place is None:
            return None
        relsec, rela = me.sechdrs[me.place.relsec], me.place.rela
        target = me.sechdrs[relsec.info].name if relsec.info < len(me.sechdrs) else b""
        return {
            "relocations": relsec.name.decode("latin-1"),
            "section": target.decode("latin-1"),
            "offset": rela.offset,
            "type": rela.type,
            "symbol": me.symtab[rela.sym].name.decode("latin-1"),
        }

    def remains(self) -> Json:
        me = self.me
        if me is None or not any(memory.region for memory in me.mem.values()):
            return {"memories": {}, "state": {}}
        memories = {
            kind: {
                "address": f"{memory.base:#x}",
                "size": len(memory.region.content),
                "bytes": runs(memory.region.content),
            }
            for kind, memory in me.mem.items()
            if memory.region is not None
        }
        return {"memories": memories, "state": self.kernel.arch.loader_state(me)}


def make_object(described: Json) -> KlpObject:
    name = described["name"]
    funcs = [KlpFunc(func["old_name"].encode("latin-1"), func["old_sympos"]) for func in described.get("funcs", [])]
    return KlpObject(None if name is None else name.encode("latin-1"), funcs)
