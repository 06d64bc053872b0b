# SPDX-License-Identifier: GPL-2.0
"""Fields are those of the x86-64 psABI; when they are refused is what arch/x86/kernel/module.c says."""

import unittest

from .lives import Life


class Late(unittest.TestCase):
    def test_reload_is_refused_in_6_1(self) -> None:
        life = Life("x86", "6.1", 4, bytes(4), addend=-4).start()
        self.assertEqual(life.coming(life.place + 0x1004), "accepted")
        self.assertEqual(life.bytes(), "00100000")
        life.going()
        self.assertEqual(life.bytes(), "00100000")
        self.assertEqual(life.coming(life.place + 0x2004), "ENOEXEC")

    def test_reload_is_cleared_since_6_12(self) -> None:
        for series in ("6.12", "7.2", "7.3"):
            life = Life("x86", series, 4, bytes(4), addend=-4).start()
            self.assertEqual(life.coming(life.place + 0x1004), "accepted")
            life.going()
            self.assertEqual(life.bytes(), "00000000")
            self.assertEqual(life.coming(life.place + 0x2004), "accepted")
            self.assertEqual(life.bytes(), "00200000")

    def test_order_of_the_range_check(self) -> None:
        """32S out of range: 6.1 has written by then, and refuses for ever after."""
        for series, left, again in (("6.1", "02000000", "ENOEXEC"), ("7.3", "00000000", "accepted")):
            life = Life("x86", series, 11, bytes(4)).start()
            self.assertEqual(life.coming(0x1_0000_0002), "ENOEXEC")
            self.assertEqual(life.bytes(), left)
            self.assertEqual(life.coming(0x7FFF_FFFF), again)

    def test_field_has_to_be_zero(self) -> None:
        life = Life("x86", "7.3", 1, bytes.fromhex("0000000000000100"), ".data").start()
        self.assertEqual(life.coming(0x1122_3344_5566_7788), "ENOEXEC")
        self.assertEqual(life.bytes(), "0000000000000100")

    def test_no_range_check_of_pc32(self) -> None:
        life = Life("x86", "7.3", 2, bytes(4), ".rodata").start()
        self.assertEqual(life.coming(life.place + 0x1_2345_6789), "accepted")
        self.assertEqual(life.bytes(), "89674523")
