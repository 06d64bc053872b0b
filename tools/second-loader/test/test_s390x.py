# SPDX-License-Identifier: GPL-2.0
"""Fields are those of the zSeries ELF ABI; slots, entries and their flags are what arch/s390/kernel/module.c says."""

import struct
import unittest

from .lives import Life

FAR = 0x3EF_0000_0000


class Slots(unittest.TestCase):
    def test_got_slot_stays_as_it_is(self) -> None:
        for series in ("6.1", "6.12", "7.2", "7.3"):
            life = Life("s390x", series, 26, bytes.fromhex("c418 00000000"), addend=2).start()
            life.offset += 2
            section = life.file.relocation_sections[".klp.rela.target..text", ".text"]
            section.records[0].offset += 2
            life.start()
            life.size = 4
            for load in range(3):
                self.assertEqual(life.coming(FAR + 0x100_0000 * load), "accepted")
                # The slot stands where text begins, and knows the first address only.
                got = life.section_address(".text") & ~0xFFF
                self.assertEqual(life.read(got, 8), struct.pack(">Q", FAR).hex())
                self.assertEqual(life.bytes(), struct.pack(">i", got + 2 - life.place >> 1).hex())
                life.going()
            (entry,) = life.state()["syminfo"].values()
            self.assertEqual(entry, {"got": [0, 1], "plt": None})

    def test_plt_entry_stays_as_it_is(self) -> None:
        life = Life("s390x", "7.3", 20, bytes(4)).start()
        for load in range(2):
            self.assertEqual(life.coming(FAR + 0x100_0000 * load), "accepted")
            plt = life.section_address(".text") & ~0xFFF
            self.assertEqual(life.read(plt, 22), "0d10e310100c000407f100000000" + struct.pack(">Q", FAR).hex())
            self.assertEqual(life.bytes(), struct.pack(">i", plt - life.place >> 1).hex())
            life.going()

    def test_direct_call_follows(self) -> None:
        life = Life("s390x", "7.3", 20, bytes(4), addend=2).start()
        for distance in (0x10000, 0x20000):
            self.assertEqual(life.coming(life.place + distance), "accepted")
            self.assertEqual(life.bytes(), struct.pack(">i", distance + 2 >> 1).hex())
            life.going()

    def test_window_of_plt16dbl(self) -> None:
        """Up to 0x1efffe in front of the place counts as reached, which 16 bits do not reach."""
        for distance, verdict in ((0xFFFE, "accepted"), (0x10000, "ENOEXEC"), (0x1EFFFE, "ENOEXEC"), (0x1F0000, "accepted")):
            life = Life("s390x", "7.3", 18, bytes(2)).start()
            self.assertEqual(life.coming(life.place + distance), verdict, hex(distance))


class Fields(unittest.TestCase):
    def test_overwritten(self) -> None:
        life = Life("s390x", "6.1", 22, bytes.fromhex("ffffffffffffffff"), ".rodata").start()
        for address in (0x1122_3344_5566_7788, 1):
            self.assertEqual(life.coming(address), "accepted")
            self.assertEqual(life.bytes(), struct.pack(">Q", address).hex())
            life.going()

    def test_split_20_bits(self) -> None:
        life = Life("s390x", "7.3", 57, bytes.fromhex("ffffffff"), ".data").start()
        self.assertEqual(life.coming(0x12345), "accepted")
        self.assertEqual(life.bytes(), "f34512ff")
        life.going()
        self.assertEqual(life.coming(0x80000), "ENOEXEC")
        self.assertEqual(life.bytes(), "f34512ff")

    def test_odd_distance(self) -> None:
        life = Life("s390x", "7.3", 19, bytes(4)).start()
        self.assertEqual(life.coming(life.place + 3), "ENOEXEC")
