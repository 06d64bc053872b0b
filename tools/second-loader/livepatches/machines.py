# SPDX-License-Identifier: GPL-2.0
"""What a machine of each architecture looks like in the cases: configuration, addresses, and words of code."""

from dataclasses import dataclass, field

MiB = 1 << 20


@dataclass(frozen=True)
class Machine:
    architecture: str
    machine: int
    byte_order: str
    elf_flags: int
    series: tuple[str, ...]
    """Kernels with livepatching."""
    page_size: int
    config: tuple[str, ...]
    modules: int
    """Where modules are."""
    image: int
    """Where the kernel image is."""
    pointer: int
    """The relocation type of a pointer in data."""
    numbers: range
    """Type numbers worth asking for."""
    calls: tuple[int, ...]
    """Types that may need a stub or PLT entry."""
    call: bytes
    """A call and what follows it."""
    exports: dict[str, int] = field(default_factory=dict)


COMMON = (
    "LIVEPATCH",
    "MODULES",
    "MODULE_UNLOAD",
    "STRICT_KERNEL_RWX",
    "STRICT_MODULE_RWX",
    "DYNAMIC_FTRACE",
    "DYNAMIC_FTRACE_WITH_ARGS",
    "SMP",
)

MACHINES = {
    machine.architecture: machine
    for machine in (
        Machine(
            architecture="x86",
            machine=62,
            byte_order="little",
            elf_flags=0,
            series=("6.1", "6.12", "7.2", "7.3"),
            page_size=4096,
            config=(*COMMON, "X86_64", "DYNAMIC_FTRACE_WITH_REGS"),
            modules=0xFFFFFFFFC0000000,
            image=0xFFFFFFFF81000000,
            pointer=1,
            numbers=range(64),
            calls=(4,),
            call=bytes.fromhex("00000000"),
        ),
        Machine(
            architecture="ppc64le",
            machine=21,
            byte_order="little",
            elf_flags=2,
            series=("6.1", "6.12", "7.2", "7.3"),
            page_size=65536,
            config=(*COMMON, "PPC64", "MPROFILE_KERNEL", "DYNAMIC_FTRACE_WITH_REGS"),
            modules=0xC008000000000000,
            image=0xC000000000000000,
            pointer=38,
            numbers=range(256),
            calls=(10,),
            call=bytes.fromhex("01000048" "00000060"),  # bl .; nop
            exports={".TOC.": 0xC000000001548000},
        ),
        Machine(
            architecture="s390x",
            machine=22,
            byte_order="big",
            elf_flags=0,
            series=("6.1", "6.12", "7.2", "7.3"),
            page_size=4096,
            config=(*COMMON, "64BIT", "DYNAMIC_FTRACE_WITH_REGS"),
            modules=0x3FF80000000,
            image=0x3FFE0000000,
            pointer=22,
            numbers=range(70),
            calls=(20, 18),
            call=bytes.fromhex("c0e500000000"),  # brasl %r14,.
        ),
        Machine(
            architecture="arm64",
            machine=183,
            byte_order="little",
            elf_flags=0,
            series=("7.2", "7.3"),
            page_size=4096,
            config=(*COMMON, "ARM64", "ARM64_ERRATUM_843419", "RANDOMIZE_BASE"),
            modules=0xFFFF80007A000000,
            image=0xFFFF800080000000,
            pointer=257,
            numbers=range(600),
            calls=(282, 283),
            call=bytes.fromhex("00000094"),  # bl .
        ),
    )
}


def base_exports(machine: Machine) -> dict[str, int]:
    """What every loader asks for, and what a livepatch imports."""
    return {
        "ftrace_caller": machine.image + 0x6E270,
        "ftrace_regs_caller": machine.image + 0x6E0E8,
        "_mcount": machine.image + 0x6CA9C,
        "klp_enable_patch": machine.image + 0x1A2340,
        "_printk": machine.image + 0x1B4560,
        **machine.exports,
    }


# The memories of a module, and how far apart the cases put them.
MEMORIES = {
    True: {"text": 0, "rodata": 2 * MiB, "ro_after_init": 3 * MiB, "data": 4 * MiB}
    | {"init_text": 6 * MiB, "init_rodata": 7 * MiB, "init_data": 8 * MiB},
    False: {"core": 0, "init": 6 * MiB},
}


def memories(series: str, base: int) -> dict[str, int]:
    """Base addresses by the names of the series."""
    return {name: base + offset for name, offset in MEMORIES[series != "6.1"].items()}
