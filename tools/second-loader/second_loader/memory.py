# SPDX-License-Identifier: GPL-2.0
"""Memory that modules live in, with the page protection that decides what a plain store does."""

from dataclasses import dataclass, field

MASK64 = (1 << 64) - 1


def u64(value: int) -> int:
    return value & MASK64


def u32(value: int) -> int:
    return value & 0xFFFFFFFF


def s64(value: int) -> int:
    value &= MASK64
    return value - (1 << 64) if value >> 63 else value


def s32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def align(value: int, to: int) -> int:
    return (value + to - 1) // to * to


class KernelDies(Exception):
    """What the kernel would not survive: a store into read-only memory, an access to memory that is not there, BUG()."""

    def __init__(self, kind: str, address: int, size: int):
        super().__init__(f"{kind} at {address:#x}, {size} bytes")
        self.kind = kind
        self.address = address
        self.size = size


@dataclass
class Region:
    name: str
    base: int
    content: bytearray
    read_only: list[tuple[int, int]] = field(default_factory=list)
    """Protected ranges, start and end."""

    @property
    def end(self) -> int:
        return self.base + len(self.content)


class Memory:
    def __init__(self, byte_order: str):
        self.byte_order = byte_order
        self.regions: list[Region] = []

    def map(self, name: str, base: int, size: int) -> Region:
        for other in self.regions:
            if base < other.end and other.base < base + size:
                raise ValueError(f"{name} at {base:#x} overlaps {other.name}")
        region = Region(name, base, bytearray(size))
        self.regions.append(region)
        return region

    def unmap(self, region: Region) -> None:
        self.regions.remove(region)

    def find(self, address: int, size: int) -> tuple[Region, int]:
        for region in self.regions:
            if region.base <= address and address + size <= region.end:
                return region, address - region.base
        raise KernelDies("not mapped", address, size)

    def read(self, address: int, size: int) -> bytes:
        region, offset = self.find(u64(address), size)
        return bytes(region.content[offset : offset + size])

    def load(self, address: int, size: int) -> int:
        """An unsigned number in the byte order of the machine."""
        return int.from_bytes(self.read(address, size), self.byte_order)

    def pack(self, value: int, size: int) -> bytes:
        return (value & ((1 << (8 * size)) - 1)).to_bytes(size, self.byte_order)

    def store(self, address: int, value: int, size: int) -> None:
        """A plain store of a number, truncated to its size."""
        self.memcpy(address, self.pack(value, size))

    def memcpy(self, address: int, content: bytes) -> None:
        """Plain stores."""
        if not content:
            return
        region, offset = self.find(u64(address), len(content))
        for start, end in region.read_only:
            if u64(address) < end and start < u64(address) + len(content):
                raise KernelDies("read-only", u64(address), len(content))
        region.content[offset : offset + len(content)] = content

    def poke(self, address: int, content: bytes) -> None:
        """A write through another mapping: text_poke(), s390_kernel_write() and their like."""
        region, offset = self.find(u64(address), len(content))
        region.content[offset : offset + len(content)] = content
