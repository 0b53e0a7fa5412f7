"""RECIST 1.1 beside a peer: pyrecist 0.1.0 (PyPI, MIT) on pandas 3.1.1, run once on the same lengths; answers kept.

It sums whatever stands on a day, so that a lesion that was not measured is a lesion that is gone; it has no complete
response, no measurability, nodes, non-targets or new lesions; a partial response is kept at once. Where it is wrong,
the test says by which rule. (With participants named by text it ends in a TypeError on pandas 3; numbers were used.)
"""

from __future__ import annotations

from datetime import date
from typing import Final

import pytest

from theratrial.response.recist.lesions import Lesion, Visit, micrometres
from theratrial.response.recist.options import RecistOptions
from theratrial.response.recist.timepoint import time_points

Rows = list[list[float | None]]

AS_PYRECIST: Final = RecistOptions(partial_stays="once_assigned", confirmation_days=None)


def responses(rows: Rows, options: RecistOptions = AS_PYRECIST) -> list[str]:
    visits = []
    for month, row in enumerate(rows, 1):
        lesions = []
        for number, length in enumerate(row):
            if length is None:
                continue
            um = micrometres(str(length)) if length else None
            lesions.append(Lesion(f"T{number}", "target", "measured" if um else "absent", um, False, f"organ {number}"))
        visits.append(Visit(date(2024, month, 1), tuple(lesions)))
    return [point.overall for point in time_points(tuple(visits), options)]


@pytest.mark.parametrize(
    ("rows", "pyrecist"),
    [
        ([[30], [24], [21], [25.2], [26]], ["SD", "PR", "PR", "PD"]),
        ([[10.1, 10.2, 10.7], [7.07, 7.14, 7.49]], ["PR"]),
        ([[100], [70], [80]], ["PR", "PR"]),
        ([[100], [70], [70], [80], [80], [80]], ["PR", "PR", "PR", "PR", "PR"]),
    ],
)
def test_where_the_peer_has_the_rule_both_agree(rows: Rows, pyrecist: list[str]) -> None:
    assert responses(rows) == pyrecist


@pytest.mark.parametrize(
    ("rows", "pyrecist", "rule", "ours"),
    [
        ([[20, 20], [0, 0], [0, 0]], ["PR", "PR"], "all targets gone is a complete response", ["CR", "CR"]),
        ([[20, 20], [20, None], [20, 20]], ["PR", "PD"], "a lesion not measured is not gone", ["NE", "SD"]),
        ([[20], [0], [5]], ["PR", "PD"], "gone, then regrown from nothing by 5 mm", ["CR", "PD"]),
    ],
)
def test_where_the_peer_lacks_the_rule_the_paper_decides(
    rows: Rows, pyrecist: list[str], rule: str, ours: list[str]
) -> None:
    assert responses(rows) == ours, rule
    assert pyrecist != ours


def test_a_partial_response_that_nobody_confirmed_is_not_kept_by_default() -> None:
    """EORTC keeps one once it is confirmed, where confirmation is asked for; the peer keeps it at once."""
    assert responses([[100], [70], [80]], RecistOptions()) == ["PR", "SD"]
