# SPDX-License-Identifier: GPL-2.0
"""python3 -m livepatches FOLDER [--quick] [--architecture NAME] [--series N]

Writes test livepatches to FOLDER, and cases.json, which says how they are played (see second_loader/play.py).
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from .failures import failure_cases
from .linkage import linkage_cases
from .machines import MACHINES, Machine
from .mixtures import mixture_cases
from .relocations import everything_cases, refused_cases, single_cases
from .story import Story

MAKERS = (everything_cases, single_cases, refused_cases, linkage_cases, failure_cases, mixture_cases)


def all_cases(machine: Machine, series: str, quick: bool) -> Iterator[tuple[str, Story]]:
    for maker in MAKERS:
        for name, story in maker(machine, series, quick):
            yield f"{machine.architecture}/{series}/{name}", story


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="a part of the cases that takes seconds")
    parser.add_argument("--architecture", choices=MACHINES)
    parser.add_argument("--series")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    cases = {}
    for machine in MACHINES.values():
        for series in machine.series:
            if arguments.architecture not in (None, machine.architecture) or arguments.series not in (None, series):
                continue
            for name, story in all_cases(machine, series, arguments.quick):
                file = f"{len(cases):05}.ko"
                (arguments.folder / file).write_bytes(story.data)
                cases[name] = story.describe(file)
    (arguments.folder / "cases.json").write_text(json.dumps(cases), "utf-8")
    print(f"{len(cases)} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
