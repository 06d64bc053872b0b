# SPDX-License-Identifier: GPL-2.0
"""Orders that lib/sort.c itself gave, compiled for user space."""

import random
import unittest

from second_loader.sort import sort


def order(keys: list[int], two_largest: bool) -> list[int]:
    """Where the elements were before."""
    elements = list(enumerate(keys))
    sort(elements, 0, len(elements), lambda a, b: (a[1] > b[1]) - (a[1] < b[1]), two_largest)
    return [index for index, _ in elements]


class Sort(unittest.TestCase):
    def test_equal_elements_of_6_1(self) -> None:
        self.assertEqual(order([0] * 10, False), [1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
        self.assertEqual(order([2, 1, 2, 1, 2, 1, 0], False), [6, 5, 3, 1, 2, 4, 0])
        self.assertEqual(order([1, 1], False), [1, 0])

    def test_equal_elements_of_6_12(self) -> None:
        self.assertEqual(order([0] * 10, True), [1, 3, 4, 5, 6, 7, 8, 9, 2, 0])
        self.assertEqual(order([2, 1, 2, 1, 2, 1, 0], True), [6, 1, 3, 5, 4, 2, 0])
        self.assertEqual(order([1, 1], True), [1, 0])

    def test_sorts(self) -> None:
        dice = random.Random(1)
        for count in range(40):
            keys = [dice.randrange(10) for _ in range(count)]
            for two_largest in (False, True):
                self.assertEqual([keys[i] for i in order(keys, two_largest)], sorted(keys))

    def test_leaves_the_rest_of_the_list_alone(self) -> None:
        elements = [9, 3, 2, 1, 0]
        sort(elements, 1, 3, lambda a, b: a - b, True)
        self.assertEqual(elements, [9, 1, 2, 3, 0])
