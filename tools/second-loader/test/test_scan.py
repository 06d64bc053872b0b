# SPDX-License-Identifier: GPL-2.0
import unittest

from second_loader.scan import scan_section_name, scan_symbol_name


class Names(unittest.TestCase):
    def test_symbol(self) -> None:
        self.assertEqual(scan_symbol_name(b".klp.sym.ext4.f.constprop.0,2"), (b"ext4", b"f.constprop.0", 2))
        self.assertEqual(scan_symbol_name(b".klp.sym.ext4.f, \t7trailing"), (b"ext4", b"f", 7))
        self.assertEqual(scan_symbol_name(b".klp.sym.ext4.f,0x10"), (b"ext4", b"f", 0))
        self.assertEqual(scan_symbol_name(b".klp.sym.ext4.f,18446744073709551617"), (b"ext4", b"f", 1))

    def test_not_a_symbol(self) -> None:
        for name in (b"f", b".klp.sym.", b".klp.sym.ext4", b".klp.sym.ext4.", b".klp.sym..f,0", b".klp.sym.ext4.,0"):
            self.assertIsNone(scan_symbol_name(name), name)
        for name in (b".klp.sym.ext4.f", b".klp.sym.ext4.f,", b".klp.sym.ext4.f,-1", b".klp.sym.ext4.f,+1"):
            self.assertIsNone(scan_symbol_name(name), name)

    def test_widths(self) -> None:
        self.assertIsNotNone(scan_symbol_name(b".klp.sym." + b"o" * 55 + b"." + b"n" * 511 + b",0"))
        self.assertIsNone(scan_symbol_name(b".klp.sym." + b"o" * 56 + b".n,0"))
        self.assertIsNone(scan_symbol_name(b".klp.sym.o." + b"n" * 512 + b",0"))

    def test_section(self) -> None:
        self.assertEqual(scan_section_name(b".klp.rela.ext4..text"), b"ext4")
        self.assertEqual(scan_section_name(b".klp.rela.ext4.text.f"), b"ext4")
        self.assertEqual(scan_section_name(b".klp.rela.ext4"), b"ext4")
        # What is too long is cut, and then is the name of no module.
        self.assertEqual(scan_section_name(b".klp.rela." + b"o" * 60 + b".text"), b"o" * 55)
        self.assertIsNone(scan_section_name(b".klp.rela..text"))
        self.assertIsNone(scan_section_name(b".rela.text"))
