"""Tables of response on CT, serious reports and radiation protection: what a line must agree with in itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from theratrial.errors import Problem
from theratrial.trialfolder import read_folder

Make = Callable[..., Path]
ProblemsOf = Callable[..., tuple[Problem, ...]]

HEADER = "participant_id,measured_on,lesion_id,reader,organ,role,nodal,status,length_mm\n"
TARGET = "P-001,2022-02-03,L1,RD-1,lymph_node,target,yes,measured,21.5\n"
TUMOUR = HEADER + TARGET
MERGED = HEADER.replace("length_mm", "length_mm,merged_into") + TARGET.replace("measured,21.5", "merged,21.5,L2")
REPORTS = (
    "participant_id,term,started_on,report,became_aware_at,sent_at,recipient,reported_by\n"
    "P-001,Epistaxis,2022-03-28,initial,2022-03-28T14:00,2022-03-28T19:30,sponsor,NM-1\n"
)
RATES = (
    "participant_id,session,measured_at,distance_m,dose_rate_uSv_per_h,background_uSv_per_h\n"
    "P-001,1,2022-03-01T10:00,1,6.7,0.1\n"
)


def test_a_folder_without_the_further_tables_reads_as_empty_tables(make_folder: Make) -> None:
    folder = read_folder(make_folder())
    for name in ("tumour_measurements", "serious_reports", "household", "dose_rates", "follow_up", "later_therapy"):
        assert len(folder.tables[name]) == 0


def test_a_measured_lesion_is_read_with_its_day_and_length(make_folder: Make) -> None:
    (row,) = read_folder(make_folder(tumour_measurements=TUMOUR)).tables["tumour_measurements"]
    assert (row["measured_on"], row["nodal"], row["length_mm"]) == (date(2022, 2, 3), True, 21.5)
    assert row["merged_into"] is None  # a file from before the column reads as one without a merged lesion


@pytest.mark.parametrize(
    ("table", "content", "place", "words"),
    [
        ("tumour_measurements", TUMOUR.replace("21.5", ""), "line 2, column length_mm", "give the short axis"),
        (
            "tumour_measurements",
            TUMOUR.replace("yes,measured,21.5", "no,measured,"),
            "line 2, column length_mm",
            "give the longest diameter",
        ),
        ("tumour_measurements", TUMOUR.replace("21.5", "0"), "line 2, column length_mm", "write status absent"),
        ("tumour_measurements", TUMOUR.replace("measured,21", "absent,21"), "line 2, column length_mm", "is absent"),
        ("tumour_measurements", TUMOUR + TARGET, "line 3, column reader", "repeats line 2"),
        ("tumour_measurements", TUMOUR.replace("21.5", "2.15 cm"), "line 2, column length_mm", "write 21.5"),
        (
            "tumour_measurements",
            MERGED.replace("21.5,", ",").replace(",L2", ","),
            "line 2, column merged_into",
            "is empty",
        ),
        ("tumour_measurements", MERGED, "line 2, column length_mm", "the status is merged"),
        (
            "tumour_measurements",
            MERGED.replace("21.5,L2", ",L1"),
            "line 2, column merged_into",
            "names the lesion itself",
        ),
        ("tumour_measurements", MERGED.replace("merged,", "measured,"), "line 2, column merged_into", "leave it empty"),
        ("serious_reports", REPORTS.replace("28T19:30", "28T13:59"), "line 2, column sent_at", "is before or below"),
        ("dose_rates", RATES.replace(",1,6.7", ",0,6.7"), "line 2, column distance_m", "between 0.01 and 10"),
    ],
)
def test_a_line_that_contradicts_itself_is_named_with_its_remedy(
    problems_of: ProblemsOf, table: str, content: str, place: str, words: str
) -> None:
    (problem,) = problems_of(**{table: content})
    assert problem.place == f"records/{table}.csv {place}"
    assert re.search(words, str(problem)), str(problem)


def test_two_readers_may_measure_one_lesion_on_one_day(make_folder: Make) -> None:
    both = TUMOUR + TARGET.replace("RD-1", "RD-2")
    assert len(read_folder(make_folder(tumour_measurements=both)).tables["tumour_measurements"]) == 2
