# SPDX-License-Identifier: GPL-2.0
"""kernel/module/main.c: which section names belong to init memory."""

from .kernel import Kernel


def module_init_section(kernel: Kernel, name: bytes) -> bool:
    """The weak one, unless the architecture has its own."""
    own = getattr(kernel.arch, "module_init_section", None)
    return own(name) if own is not None else name.startswith(b".init")


def module_init_layout_section(kernel: Kernel, name: bytes) -> bool:
    if not kernel.is_enabled("MODULE_UNLOAD") and name.startswith(b".exit"):
        return True
    return module_init_section(kernel, name)
