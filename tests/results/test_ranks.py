"""Ranks by hand."""

from itertools import combinations

import pytest

from gridkit.results.ranks import ranks


@pytest.mark.parametrize(
    ("better", "expected"),
    [
        ({}, (1, 1, 1, 1)),
        ({(0, 3)}, (1, 1, 1, 2)),
        ({(0, 1), (0, 2), (0, 3)}, (1, 2, 2, 2)),
        ({(0, 1)}, (1, 2, 2, 2)),  # no row ranks above the row above it
        ({(0, 2), (1, 2), (0, 3), (1, 3), (2, 3)}, (1, 1, 3, 4)),
    ],
)
def test_ranks_by_hand(better, expected):
    values = (0.4, 0.3, 0.2, 0.1)
    tests = {
        (i, j): (values[i] - values[j], 0.001 if (i, j) in better else 0.01)
        for i, j in combinations(range(4), 2)
    }
    assert ranks(values, [True] * 4, tests, lower_is_better=False) == expected
    flipped = {(3 - j, 3 - i): test for (i, j), test in tests.items()}
    flipped = {pair: (-d, p) for pair, (d, p) in flipped.items()}
    assert ranks(values[::-1], [True] * 4, flipped, lower_is_better=False) == expected[::-1]


def test_a_row_above_that_the_pairing_finds_worse_does_not_count():
    tests = {(0, 1): (-0.2, 0.001)}
    assert ranks((0.3, 0.1), [True, True], tests, lower_is_better=False) == (1, 1)


def test_for_error_rates_the_lowest_leads():
    tests = {(0, 1): (0.2, 0.001)}
    assert ranks((0.3, 0.1), [True, True], tests, lower_is_better=True) == (2, 1)
