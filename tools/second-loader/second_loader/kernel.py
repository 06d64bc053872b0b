# SPDX-License-Identifier: GPL-2.0
"""The machine that loads a livepatch: kernel, configuration, symbols, memory."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType

from .memory import Memory

# enum module_state.
UNFORMED, COMING, LIVE, GOING = "unformed", "coming", "live", "going"

# The stable series whose sources were read.
SERIES = ((6, 1), (6, 12), (7, 2), (7, 3))

# EM_*, byte order, and what follows arch/*/kernel/module.c.
ARCHITECTURES = {
    "x86": (62, "little", "x86_module"),
    "ppc64le": (21, "little", "powerpc_module_64"),
    "s390x": (22, "big", "s390_module"),
    "arm64": (183, "little", "arm64_module"),
}

# Numbers of asm-generic/errno-base.h and errno.h that the sources return.
ERRNO = {1: "EPERM", 2: "ENOENT", 8: "ENOEXEC", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 22: "EINVAL", 34: "ERANGE"}
EPERM, ENOENT, ENOEXEC, EFAULT, EINVAL, ERANGE = 1, 2, 8, 14, 22, 34


class Refused(Exception):
    """The kernel says no. It undoes nothing, but it lives on. `moment` is the function that said so."""

    def __init__(self, error: int, moment: str):
        super().__init__(f"{ERRNO[-error]} from {moment}")
        self.error = error
        self.moment = moment


@dataclass
class Kernel:
    architecture: str
    series: tuple[int, int]
    config: frozenset[str]
    """Options without CONFIG_ that are y; all others are n."""
    page_size: int = 4096
    exports: dict[str, int] = field(default_factory=dict)
    """Exported symbols, and others that the loader itself asks for (ftrace_caller)."""
    vmlinux: list[tuple[str, int]] = field(default_factory=list)
    """Symbols of the kernel image, as kallsyms lists them."""
    workaround_843419: bool = False
    """cpus_have_final_cap(ARM64_WORKAROUND_843419)."""
    nospec_disable: bool = False
    """s390: the variable of arch/s390/kernel/nospec-branch.c."""
    kernel_toc: int = 0
    """ppc64: kernel_toc_addr()."""
    paca_kernel_toc: int = 0
    """ppc64: offsetof(struct paca_struct, kernel_toc)."""

    def __post_init__(self) -> None:
        if self.series not in SERIES:
            raise ValueError(f"the sources of {self.series[0]}.{self.series[1]} were not read")
        self.machine, self.byte_order, source = ARCHITECTURES[self.architecture]
        self.vmlinux = sorted(self.vmlinux, key=lambda symbol: symbol[1])
        self.arch: ModuleType = importlib.import_module("." + source, __package__)
        self.memory = Memory(self.byte_order)
        self.modules: list = []
        """The module list, livepatches included."""
        self.klp_patches: list = []
        self.warnings: list[str] = []
        """WARN_ON() that was hit."""
        self.complaint = ""
        """What pr_err() said last."""

    def since(self, major: int, minor: int) -> bool:
        return self.series >= (major, minor)

    def is_enabled(self, option: str) -> bool:
        return option in self.config

    def vmlinux_kallsyms(self) -> Iterator[tuple[bytes, int]]:
        """kallsyms_on_each_symbol() and kallsyms_on_each_match_symbol(): by address."""
        return ((name.encode("latin-1"), address) for name, address in self.vmlinux)

    def pr_err(self, complaint: str) -> None:
        self.complaint = complaint

    def warn_on(self, condition: bool, where: str) -> bool:
        """WARN_ON(): notes it and goes on."""
        if condition:
            self.warnings.append(where)
        return condition

    def have_livepatch(self) -> bool:
        """HAVE_LIVEPATCH of arch/*/Kconfig: arm64 selects it since 7.2, the others in all series."""
        return self.is_enabled("LIVEPATCH") and (self.architecture != "arm64" or self.since(7, 2))
