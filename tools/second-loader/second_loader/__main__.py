# SPDX-License-Identifier: GPL-2.0
"""python3 -m second_loader FOLDER

Plays the cases of FOLDER/cases.json, an object of cases by name (see play.py), and writes FOLDER/outcomes.json, an
object of outcomes by name. Files of a case are looked for in FOLDER.
"""

import json
import sys
from pathlib import Path

from .play import Play


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    cases = json.loads((folder / "cases.json").read_text("utf-8"))
    outcomes = {name: Play(case, folder).run() for name, case in cases.items()}
    (folder / "outcomes.json").write_text(json.dumps(outcomes), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
