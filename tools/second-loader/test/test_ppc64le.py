# SPDX-License-Identifier: GPL-2.0
"""Fields are those of the ELFv2 ABI; stubs and the word after a call are what arch/powerpc/kernel/module_64.c says."""

import struct
import unittest

from .lives import Life

BL, B, NOP, LD_R2 = 0x48000001, 0x48000000, 0x60000000, 0xE8410018


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


class Calls(unittest.TestCase):
    def test_reload_is_refused_in_6_1(self) -> None:
        life = Life("ppc64le", "6.1", 10, words(BL, NOP)).start()
        self.assertEqual(life.coming(0xC008_0000_0900_0000), "accepted")
        stub = life.section_address(".stubs")
        # Behind the stubs of ftrace_caller and ftrace_regs_caller.
        self.assertEqual(life.bytes(), words(BL | stub + 80 - life.place, LD_R2).hex())
        self.assertEqual(life.read(stub + 80 + 32, 8), struct.pack("<Q", 0xC008_0000_0900_0000).hex())
        life.going()
        self.assertEqual(life.coming(0xC008_0000_0A00_0000), "ENOEXEC")

    def test_reload_takes_a_stub_since_6_12(self) -> None:
        for series, slots in (("6.12", 4), ("7.3", 3)):
            life = Life("ppc64le", series, 10, words(BL, NOP)).start()
            self.assertEqual(life.state(), {"stubs": {"slots": slots, "used": 2}})
            for load in range(2):
                self.assertEqual(life.coming(0xC008_0000_0900_0000 + 0x100_0000 * load), "accepted")
                life.going()
            self.assertEqual(life.state(), {"stubs": {"slots": slots, "used": 4}})

    def test_last_stub(self) -> None:
        """One more than there is room for is written behind the section; the next one is refused."""
        life = Life("ppc64le", "7.3", 10, words(BL, NOP)).start()
        verdicts = []
        for load in range(4):
            verdicts.append(life.coming(0xC008_0000_0900_0000 + 0x100_0000 * load))
            life.going()
        self.assertEqual(verdicts, ["accepted", "accepted", "ENOENT", "ENOENT"])

    def test_sibling_call(self) -> None:
        life = Life("ppc64le", "6.1", 10, words(B, 0x12345678)).start()
        for load in range(2):
            self.assertEqual(life.coming(0xC008_0000_0900_0000 + 0x100_0000 * load), "accepted")
            life.going()

    def test_something_else_behind_a_call(self) -> None:
        life = Life("ppc64le", "7.3", 10, words(BL, 0x12345678)).start()
        self.assertEqual(life.coming(0xC008_0000_0900_0000), "ENOEXEC")
        # The stub was made before.
        self.assertEqual(life.state()["stubs"]["used"], 3)


class Data(unittest.TestCase):
    def test_plain_stores_die_in_read_only_memory(self) -> None:
        for section in (".text", ".rodata", ".data..ro_after_init"):
            life = Life("ppc64le", "7.3", 38, bytes(8), section).start()
            self.assertEqual(life.coming(0x1122_3344_5566_7788), "read-only")
        life = Life("ppc64le", "7.3", 38, bytes(8), ".text", strict=False).start()
        self.assertEqual(life.coming(0x1122_3344_5566_7788), "accepted")

    def test_overwritten_by_a_reload(self) -> None:
        for series in ("6.1", "7.3"):
            life = Life("ppc64le", series, 38, bytes(8), ".data").start()
            for address in (0x1122_3344_5566_7788, 0x99AA_BBCC_DDEE_FF00):
                self.assertEqual(life.coming(address), "accepted")
                self.assertEqual(life.bytes(), struct.pack("<Q", address).hex())
                life.going()
                self.assertEqual(life.bytes(), struct.pack("<Q", address).hex())

    def test_entry(self) -> None:
        """Symbol and addend do not matter; what was rewritten once is not looked at again."""
        life = Life("ppc64le", "7.3", 118, words(0xE84C1234, 0x7C426214), ".text", strict=False).start()
        self.assertEqual(life.coming(1), "accepted")
        distance = (life.section_address(".toc") & ~0xFF) + 0x8000 - life.place
        expected = words(0x3C4C0000 | (distance + 0x8000) >> 16 & 0xFFFF, 0x38420000 | distance & 0xFFFF).hex()
        self.assertEqual(life.bytes(), expected)
        life.going()
        self.assertEqual(life.coming(2), "accepted")
        self.assertEqual(life.bytes(), expected)


class Order(unittest.TestCase):
    def test_records_are_sorted_in_memory(self) -> None:
        life = Life("ppc64le", "7.3", 38, bytes(8), ".data")
        symbol = life.file.klp_symbol("target", "symbol")
        life.file.klp_rela("target", ".data", life.offset, 26, symbol, 3)
        life.file.klp_rela("target", ".data", life.offset, 38, symbol, 9)
        life.start()
        section = next(shdr for shdr in life.me.sechdrs if shdr.name == b".klp.rela.target..data")
        records = list(struct.iter_unpack("<QIIq", life.play.kernel.memory.read(section.addr, 72)))
        self.assertEqual([(kind, addend) for _, kind, _, addend in records], [(38, 9), (38, 0), (26, 3)])
