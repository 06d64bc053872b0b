# SPDX-License-Identifier: GPL-2.0
"""The two patterns that livepatch hands to sscanf() of lib/vsprintf.c.

    .klp.sym.%55[^.].%511[^,],%lu
    .klp.rela.%55[^.]

Strings are bytes, as in C. A conversion that fails ends the scan; what was converted until then counts.
"""

WHITE_SPACE = b" \t\n\v\f\r\xa0"
DIGITS = b"0123456789"


def scan_set(text: bytes, width: int, stop: bytes) -> tuple[bytes, bytes] | None:
    """`%WIDTH[^STOP]`: what it takes, and the rest. At least one character has to match."""
    taken = 0
    while taken < width and taken < len(text) and text[taken : taken + 1] != stop:
        taken += 1
    return (text[:taken], text[taken:]) if taken else None


def scan_unsigned_long(text: bytes) -> int | None:
    """`%lu`: white space in front is skipped, what follows the digits is not looked at, overflow wraps."""
    digits = text.lstrip(WHITE_SPACE)
    end = 0
    while end < len(digits) and digits[end] in DIGITS:
        end += 1
    return int(digits[:end]) & ((1 << 64) - 1) if end else None


def scan_symbol_name(name: bytes) -> tuple[bytes, bytes, int] | None:
    """Object, symbol and position of `.klp.sym.OBJECT.NAME,POSITION`, or None where cnt != 3."""
    if not name.startswith(b".klp.sym."):
        return None
    scanned = scan_set(name[len(b".klp.sym.") :], 55, b".")
    if scanned is None or not scanned[1].startswith(b"."):
        return None
    objname, rest = scanned
    scanned = scan_set(rest[1:], 511, b",")
    if scanned is None or not scanned[1].startswith(b","):
        return None
    symbol, rest = scanned
    position = scan_unsigned_long(rest[1:])
    return None if position is None else (objname, symbol, position)


def scan_section_name(name: bytes) -> bytes | None:
    """Object of `.klp.rela.OBJECT...`, or None where cnt != 1. Nothing behind OBJECT is looked at."""
    if not name.startswith(b".klp.rela."):
        return None
    scanned = scan_set(name[len(b".klp.rela.") :], 55, b".")
    return None if scanned is None else scanned[0]
