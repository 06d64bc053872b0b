# SPDX-License-Identifier: GPL-2.0
"""python3 -m second_loader.capture RUN --config FILE [--livepatch PATCH TARGET]

Holds the second loader against the memory of a real kernel: RUN is a folder that tools/lab has captured, FILE the
configuration of its kernel. Every module of the run is loaded at its real address; then

    linkage    every byte of stubs, GOT, PLT and trampolines has to be the one in memory
    fields     every field that a relocation wrote is compared; what finalization rewrites later differs, and is listed
               by section and type for the reader to judge

With --livepatch, RUN has the steps s1-patch-only to s5-patch-disabled of the lab, and every relocated field of the
livepatch has to agree after each step. Status 1 where something that has to agree does not.
"""

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from pathlib import Path

from .elf import SHF_ALLOC, SHF_WRITE, ObjectFile
from .kernel import ARCHITECTURES, COMING, Kernel, Refused
from .memory import Region
from .module import Module, Placement, load_module
from .play import Play
from .powerpc_module_64 import STUB_MAGIC, STUB_SIZE


def read_config(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^CONFIG_(\w+)=y$", path.read_text("utf-8"), re.MULTILINE))


def page_size(config: frozenset[str]) -> int:
    return 65536 if {"PPC_64K_PAGES", "ARM64_64K_PAGES"} & config else 4096


def read_series(run: Path) -> str:
    release = re.match(r"Linux version (\d+\.\d+)", (run / "version").read_text("utf-8"))
    if release is None:
        raise SystemExit(f"{run}/version names no kernel")
    return release[1]


class Snapshot:
    """The folder of one capture."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.sections = json.loads((folder / "sections.json").read_text("utf-8"))
        self.regions = json.loads((folder / "regions.json").read_text("utf-8"))
        self.symbols: dict[str, int] = {}
        self.image: list[tuple[str, int]] = []
        self.of_module: dict[str, list[tuple[str, int]]] = {}
        with gzip.open(folder / "kallsyms.txt.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                address, _, name, *module = line.split()
                if module:
                    self.of_module.setdefault(module[0].strip("[]"), []).append((name, int(address, 16)))
                else:
                    self.image.append((name, int(address, 16)))
        for name, address in [*self.image, *(s for symbols in self.of_module.values() for s in symbols)]:
            self.symbols.setdefault(name, address)
        exports = folder / "exports.json"
        if exports.exists():
            for name, address in json.loads(exports.read_text("utf-8")).items():
                self.symbols[name] = int(address, 16)
        percpu = folder / "percpu.json"
        self.percpu = json.loads(percpu.read_text("utf-8")) if percpu.exists() else {}

    def addresses(self, module: str) -> dict[str, int]:
        return {name: int(section["address"], 16) for name, section in self.sections[module].items()}

    def add_exports_of_modules(self) -> None:
        """kallsyms without KALLSYMS_ALL lists no data: what it lacks is in the symbol tables of the modules."""
        for module, sections in self.sections.items():
            path = self.folder / "modules" / f"{module}.ko"
            if not path.exists():
                continue
            file = ObjectFile(path.read_bytes())
            for sym in file.symbols:
                section = file.sechdrs[sym.shndx].name.decode() if sym.shndx < len(file.sechdrs) else ""
                if sym.info >> 4 and section in sections:
                    address = int(sections[section]["address"], 16) + sym.value
                    self.symbols.setdefault(sym.name.decode(), address)

    def memory(self, module: str) -> list[Region]:
        folder = self.folder / "memory" / module
        pieces = []
        for region in self.regions[module]:
            path = folder / f"region-{int(region['address'], 16):016x}.bin"
            if path.exists():
                pieces.append(Region(path.name, int(region["address"], 16), bytearray(path.read_bytes())))
        for name, section in self.sections[module].items():
            path = folder / f"{name}.bin"
            if path.exists():
                pieces.append(Region(path.name, int(section["address"], 16), bytearray(path.read_bytes())))
        return pieces


def read(pieces: list[Region], address: int, size: int) -> bytes | None:
    for piece in pieces:
        if piece.base <= address and address + size <= piece.end:
            return bytes(piece.content[address - piece.base : address - piece.base + size])
    return None


def kernel_toc(kernel: Kernel, snapshot: Snapshot) -> int:
    """`.TOC.` of kallsyms; where it is not listed, one ftrace stub tells it: its target minus its displacement."""
    if ".TOC." in snapshot.symbols:
        return snapshot.symbols[".TOC."]
    target = snapshot.symbols["ftrace_caller"].to_bytes(8, "little")
    for module in snapshot.sections:
        for piece in snapshot.memory(module):
            at = piece.content.find(STUB_MAGIC.to_bytes(4, "little") + target)
            if at >= 28:
                code = piece.content[at - 28 : at]
                high, low = (int.from_bytes(code[i : i + 2], "little", signed=True) for i in (4, 8))
                return snapshot.symbols["ftrace_caller"] - ((high << 16) + low)
    raise SystemExit("no stub of ftrace_caller found")


def make_kernel(architecture: str, run: Path, config: frozenset[str], snapshot: Snapshot) -> Kernel:
    major, minor = read_series(run).split(".")
    kernel = Kernel(
        architecture=architecture,
        series=(int(major), int(minor)),
        config=config,
        page_size=page_size(config),
        exports=snapshot.symbols,
        vmlinux=snapshot.image,
        paca_kernel_toc=0x10,
    )
    if architecture == "ppc64le":
        kernel.kernel_toc = kernel_toc(kernel, snapshot)
        snapshot.symbols["_mcount"] = snapshot.symbols.get("_mcount", snapshot.symbols.get("mcount", 0))
    return kernel


def architecture_of(module: ObjectFile) -> str:
    return next(name for name, (machine, *_) in ARCHITECTURES.items() if machine == module.hdr.machine)


# ---- ordinary modules


def linkage_ranges(me: Module) -> list[tuple[str, int, int]]:
    """Name, address and size of what the loader adds to a module."""
    ranges = []
    if me.kernel.architecture == "s390x":
        start = me.text.base + me.arch.got_offset
        ranges.append(("GOT and PLT", start, me.arch.got_size + me.arch.plt_size))
    for shdr in me.sechdrs:
        if shdr.name in (b".plt", b".text.ftrace_trampoline"):
            ranges.append((shdr.name.decode(), shdr.addr, shdr.size))
        elif shdr.name == b".stubs" and me.kernel.architecture == "ppc64le":
            used = me.kernel.arch.loader_state(me)["stubs"]["used"]
            own = used - (me.kernel.arch.ool_stubs(me) if me.kernel.since(7, 2) else 0)
            ranges.append((".stubs", shdr.addr, own * STUB_SIZE))
    return ranges


class Totals:
    def __init__(self) -> None:
        self.linkage = self.linkage_wrong = self.fields = self.unread = 0
        self.differing: Counter = Counter()


def check_module(kernel: Kernel, snapshot: Snapshot, name: str, totals: Totals) -> None:
    me = Module(kernel, name, (snapshot.folder / "modules" / f"{name}.ko").read_bytes())
    me.percpu = int(snapshot.percpu.get(name, {}).get("address", "0x0"), 16)
    kernel.memory.regions.clear()
    written: list[tuple[int, int, int]] = []
    record = kernel.memory.memcpy

    def memcpy(address: int, content: bytes) -> None:
        if me.place is not None:
            written.append((address, len(content), me.place.rela.type))
        record(address, content)

    kernel.memory.memcpy = memcpy  # type: ignore[method-assign]
    try:
        load_module(me, Placement({}, snapshot.addresses(name)))
    except Refused as refused:
        raise SystemExit(f"{name}: refused: {refused}, {kernel.complaint}") from refused
    finally:
        kernel.memory.memcpy = record  # type: ignore[method-assign]
    pieces = snapshot.memory(name)
    for what, start, size in linkage_ranges(me):
        real = read(pieces, start, size)
        if real is None:
            continue
        totals.linkage += size
        predicted = kernel.memory.read(start, size)
        wrong = [i for i in range(size) if real[i] != predicted[i]]
        totals.linkage_wrong += len(wrong)
        if wrong:
            print(f"  {name}: {what}: {len(wrong)} of {size} bytes differ, first at +{wrong[0]:#x}")
    for shdr in me.sechdrs:
        if not shdr.flags & SHF_ALLOC or shdr.flags & SHF_WRITE or shdr.name.startswith((b".init", b"__init")):
            continue
        for address, size, kind in written:
            if shdr.addr <= address < shdr.addr + shdr.size:
                real = read(pieces, address, size)
                if real is None:
                    totals.unread += 1
                elif real == kernel.memory.read(address, size):
                    totals.fields += 1
                else:
                    totals.differing[shdr.name.decode(), kind] += 1


def check_modules(run: Path, config: frozenset[str]) -> bool:
    snapshot = Snapshot(run)
    snapshot.add_exports_of_modules()
    files = sorted((run / "modules").glob("*.ko"))
    kernel = make_kernel(architecture_of(ObjectFile(files[0].read_bytes())), run, config, snapshot)
    totals = Totals()
    for file in files:
        if file.stem in snapshot.sections:
            check_module(kernel, snapshot, file.stem, totals)
    print(f"{len(files)} modules: linkage {totals.linkage} bytes, {totals.linkage_wrong} wrong")
    print(f"relocated fields in code and read-only data: {totals.fields} equal, {totals.unread} not captured")
    for (section, kind), count in totals.differing.most_common():
        print(f"  rewritten later: {count:6} of type {kind} in {section}")
    return totals.linkage_wrong == 0


# ---- livepatches


STEPS = ("s1-patch-only", "s2-target-loaded", "s3-target-removed", "s4-target-reloaded", "s5-patch-disabled")


def check_livepatch(run: Path, config: frozenset[str], patch: str, target: str) -> bool:
    snapshots = [Snapshot(run / step) for step in STEPS]
    first = snapshots[0]
    file = first.folder / "modules" / f"{patch}.ko"
    symbols = [[name, hex(address)] for name, address in first.image]

    def load_target(snapshot: Snapshot) -> dict:
        # A reload that the kernel refused left no addresses: those of the load before will do for the refusal.
        known = snapshot.of_module.get(target) or snapshots[1].of_module[target]
        return {"do": "coming", "module": target, "symbols": [[name, hex(address)] for name, address in known]}

    case = {
        "architecture": architecture_of(ObjectFile(file.read_bytes())),
        "series": read_series(run),
        "config": sorted(config),
        "machine": {"page_size": page_size(config)},
        "exports": {name: hex(address) for name, address in first.symbols.items()},
        "vmlinux": symbols,
        "patch": {
            "name": patch,
            "file": file.name,
            "objects": [{"name": None}, {"name": target}],
            "sections": {name: hex(address) for name, address in first.addresses(patch).items()},
        },
        "steps": [
            {"do": "load"},
            load_target(snapshots[1]),
            {"do": "going", "module": target},
            load_target(snapshots[3]),
            {"do": "disable"},
        ],
    }
    play = Play(case, file.parent)
    right = True
    for step, snapshot in zip(case["steps"], snapshots, strict=True):
        outcome = play.step(step)
        verdict = outcome.get("refused") or outcome.get("died")
        loaded = target in snapshot.sections
        print(f"{snapshot.folder.name}: {verdict or 'accepted'}; in the run the target is {'' if loaded else 'not '}there")
        if step["do"] == "coming" and (verdict is None) != loaded:
            right = False
        right &= compare_fields(play, snapshot, patch)
    return right


def compare_fields(play: Play, snapshot: Snapshot, patch: str) -> bool:
    """Every field of every livepatch relocation of the patch."""
    me = play.me
    if me is None or patch not in snapshot.sections:
        return True
    pieces = snapshot.memory(patch)
    equal = 0
    right = True
    for shdr in me.sechdrs:
        if not shdr.name.startswith(b".klp.rela."):
            continue
        section = me.sechdrs[shdr.info]
        for rela in shdr.relas:
            address = section.addr + rela.offset
            size = 8 if rela.type in (1, 24) else 4
            real, predicted = read(pieces, address, size), play.kernel.memory.read(address, size)
            if real == predicted:
                equal += 1
            else:
                right = False
                print(f"  {section.name.decode()}+{rela.offset:#x}: {predicted.hex()}, in memory {real.hex() if real else '?'}")
    print(f"  {equal} fields equal")
    return right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--livepatch", nargs=2, metavar=("PATCH", "TARGET"))
    arguments = parser.parse_args()
    config = read_config(arguments.config)
    if arguments.livepatch:
        return 0 if check_livepatch(arguments.run, config, *arguments.livepatch) else 1
    return 0 if check_modules(arguments.run, config) else 1


if __name__ == "__main__":
    sys.exit(main())
