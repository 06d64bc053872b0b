# SPDX-License-Identifier: GPL-2.0
"""Fields are those of the AArch64 ELF ABI; PLT entries, veneers and lost stores are what arch/arm64/kernel says."""

import struct
import unittest

from .lives import Life

FAR = 0xFFFF_8000_9000_0000


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


class Fields(unittest.TestCase):
    def test_overwritten(self) -> None:
        for section in (".text", ".rodata", ".data"):
            life = Life("arm64", "7.3", 257, bytes(8), section).start()
            for address in (0x1122_3344_5566_7788, 1):
                self.assertEqual(life.coming(address), "accepted")
                self.assertEqual(life.bytes(), struct.pack("<Q", address).hex())
                life.going()

    def test_place_that_is_not_a_multiple_of_4_is_lost(self) -> None:
        life = Life("arm64", "7.3", 257, bytes(8), ".data", padding=2).start()
        self.assertEqual(life.coming(0x1122_3344_5566_7788), "accepted")
        self.assertEqual(life.bytes(), "0000000000000000")

    def test_written_before_the_range_is_checked(self) -> None:
        life = Life("arm64", "7.3", 259, bytes(2), ".data").start()
        self.assertEqual(life.coming(0x12345), "ENOEXEC")
        self.assertEqual(life.bytes(), "4523")

    def test_movn(self) -> None:
        life = Life("arm64", "7.3", 270, words(0xD2800003)).start()
        self.assertEqual(life.coming((1 << 64) - 2), "accepted")
        # mov x3, #-2
        self.assertEqual(life.bytes(), words(0x92800023).hex())

    def test_adrp(self) -> None:
        life = Life("arm64", "7.3", 275, words(0x90000003)).start()
        self.assertEqual(life.coming((life.place & ~0xFFF) + 0x5123), "accepted")
        self.assertEqual(life.bytes(), words(0x90000003 | 1 << 29 | 1 << 5).hex())

    def test_word_that_cannot_be_encoded_stays(self) -> None:
        life = Life("arm64", "7.3", 277, words(0xD4202000)).start()
        self.assertEqual(life.coming(0x123), "accepted")
        self.assertEqual(life.bytes(), words(0xD4202000).hex())


class Entries(unittest.TestCase):
    def test_entry_dies_in_read_only_text(self) -> None:
        life = Life("arm64", "7.3", 283, words(0x94000000)).start()
        self.assertEqual(life.coming(FAR), "read-only")
        # The attempt to branch directly was written by then.
        self.assertNotEqual(life.bytes(), words(0x94000000).hex())

    def test_direct_branch(self) -> None:
        life = Life("arm64", "7.3", 283, words(0x94000000)).start()
        for distance in (0x1000, 0x7FF_FFFC):
            self.assertEqual(life.coming(life.place + distance), "accepted")
            self.assertEqual(life.bytes(), words(0x94000000 | distance >> 2).hex())
            life.going()

    def test_reload_takes_an_entry(self) -> None:
        life = Life("arm64", "7.3", 283, words(0x94000000), strict=False).start()
        self.assertEqual(life.coming(FAR + 0x123 * 4), "accepted")
        plt = life.section_address(".plt")
        self.assertEqual(life.bytes(), words(0x94000000 | plt - life.place >> 2).hex())
        delta = (FAR >> 12) - (plt >> 12)
        adrp = 0x90000010 | (delta & 3) << 29 | (delta >> 2 & 0x7FFFF) << 5
        self.assertEqual(life.read(plt, 12), words(adrp, 0x91000210 | 0x48C << 10, 0xD61F0200).hex())
        life.going()
        self.assertEqual(life.coming(FAR + 0x123 * 4), "accepted")
        life.going()
        self.assertEqual(life.coming(FAR), "ENOEXEC")
        self.assertEqual(life.state()["plts"]["core"], {"used": 2, "max": 1})

    def test_offset_of_an_entry_wraps(self) -> None:
        """s32 holds the page distance before its range is looked at: 16 TiB away looks near."""
        life = Life("arm64", "7.3", 283, words(0x94000000), strict=False).start()
        plt = life.section_address(".plt")
        self.assertEqual(life.coming((plt & ~0xFFF) + (1 << 44) + 0x3000), "accepted")
        self.assertEqual(life.read(plt, 4), words(0x90000010 | 3 << 29).hex())


class Erratum(unittest.TestCase):
    def life(self, strict: bool) -> Life:
        life = Life(
            "arm64", "7.3", 275, words(0x90000003), strict=strict, options={"workaround_843419": True}, padding=0xFE8
        )
        life.file["text"].align = 4096
        life.start()
        self.assertEqual(life.place & 0xFFF, 0xFF8)
        return life

    def test_adr(self) -> None:
        life = self.life(strict=True)
        self.assertEqual(life.coming(life.place + 0x1000), "accepted")
        # adr x3, 8 bytes before the next page but one
        distance = (life.place + 0x1000 & ~0xFFF) - life.place
        self.assertEqual(life.bytes(), words(0x10000003 | distance >> 2 << 5).hex())

    def test_veneer(self) -> None:
        self.assertEqual(self.life(strict=True).coming(FAR), "read-only")
        life = self.life(strict=False)
        self.assertEqual(life.coming(FAR), "accepted")
        plt = life.section_address(".plt")
        self.assertEqual(life.bytes(), words(0x14000000 | plt - life.place >> 2).hex())
        # Its last word goes back behind the place.
        self.assertEqual(life.read(plt + 8, 4), words(0x14000000 | life.place + 4 - plt - 8 >> 2 & 0x3FFFFFF).hex())
