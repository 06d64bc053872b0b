# SPDX-License-Identifier: GPL-2.0
"""lib/sort.c: a heapsort that is not stable, so that only its own steps give its order of equal elements."""

from collections.abc import Callable

Compare = Callable[[object, object], int]


def parent(i: int) -> int:
    return (i - 1) // 2


def sort(base: list, first: int, num: int, cmp_func: Compare, two_largest: bool) -> None:
    """sort_r() of `num` elements of a list from `first` on. `two_largest`: the form of 6.12 and later."""
    elements = base[first : first + num]
    (sort_two_largest if two_largest else sort_one_largest)(elements, cmp_func)
    base[first : first + num] = elements


def sift_down(e: list, a: int, n: int, cmp_func: Compare, ties: int) -> None:
    """The loop body that both forms share. `ties`: what a comparison has to reach for the left child to be taken."""
    b = a
    while (d := (c := 2 * b + 1) + 1) < n:
        b = c if cmp_func(e[c], e[d]) >= ties else d
    if d == n:
        b = c
    while b != a and cmp_func(e[a], e[b]) >= 0:
        b = parent(b)
    c = b
    while b != a:
        b = parent(b)
        e[b], e[c] = e[c], e[b]


def sort_one_largest(e: list, cmp_func: Compare) -> None:
    """sort_r() of 6.1."""
    n = len(e)
    a = n // 2
    if not a:
        return
    while True:
        if a:
            a -= 1
        elif (n := n - 1):
            e[0], e[n] = e[n], e[0]
        else:
            break
        sift_down(e, a, n, cmp_func, 0)


def sort_two_largest(e: list, cmp_func: Compare) -> None:
    """sort_r() of 6.12 and __sort_r() of 7.2 and 7.3."""
    n = len(e)
    a = n // 2
    shift = 0
    if not a:
        return
    while True:
        if a:
            a -= 1 << shift
        elif n > 3:
            n -= 1
            e[0], e[n] = e[n], e[0]
            shift = 1 if cmp_func(e[1], e[2]) <= 0 else 0
            a = 1 << shift
            n -= 1
            e[a], e[n] = e[n], e[a]
        else:
            break
        sift_down(e, a, n, cmp_func, 1)
    n -= 1
    e[0], e[n] = e[n], e[0]
    if n == 2 and cmp_func(e[0], e[1]) > 0:
        e[0], e[1] = e[1], e[0]
