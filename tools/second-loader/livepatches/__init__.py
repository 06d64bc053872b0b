# SPDX-License-Identifier: GPL-2.0
"""Test livepatches: object files with livepatch relocations of every type, and what happens to their targets.

What is expected of them stands nowhere here: the second loader says it. It is asked while the cases are made, too, which
relocation types a kernel accepts and at which addresses a relocation fits.
"""
