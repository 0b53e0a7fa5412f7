"""Every value of a run can be walked back to bytes that are stored, a line of a record, a clause or a table."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from theratrial.errors import InputError
from theratrial.pipeline.traces import dead_ends, traces_of
from theratrial.pipeline.trial import TrialRun
from theratrial.pipeline.verify import content_hashes
from theratrial.results.places import value_at
from theratrial.results.plain import plain, results_text
from theratrial.trialfolder import read_folder


@pytest.fixture(scope="module")
def tree(small_run: TrialRun) -> dict[str, Any]:
    """The results as a reader of the file sees them."""
    found: dict[str, Any] = json.loads(results_text(small_run.result))
    return found


def test_no_trace_of_a_run_leads_nowhere(small_trial: Path, small_run: TrialRun, tree: dict[str, Any]) -> None:
    stored = content_hashes(small_trial, small_run.result.inputs)
    assert dead_ends(tree, read_folder(small_trial), stored) == ()


def test_traces_name_bytes_records_clauses_values_and_tables(tree: dict[str, Any]) -> None:
    kinds = Counter(where.partition(":")[0] for _, trace in traces_of(tree) for where in trace["inputs"].values())
    assert all(kinds[kind] > 20 for kind in ("sha256", "record", "protocol", "value", "table"))
    # All that may stand without a place: what a header states (the energy window of a whole-body pair), what the caller
    # of a replay changed, and the scatter of a reading of a dose rate, a constant of the method.
    given = {
        (trace["method"], name)
        for _, trace in traces_of(tree)
        for name, where in trace["inputs"].items()
        if where.startswith("given:")
    }
    assert given <= {
        ("imaging.planar_counts", "window"),
        ("response.replay", "change"),
        ("safety.radiation_protection", "reading_sd_fraction"),
    }


def _files(tree: Any, where: str, seen: set[str]) -> set[str]:
    """Names of the kinds of bytes and records that a trace input finally rests on."""
    kind, _, rest = where.partition(":")
    if kind != "value":
        return {kind}
    if rest in seen:
        return set()
    seen.add(rest)
    value = value_at(tree, rest)
    return {
        end for _, trace in traces_of(value) for inner in trace["inputs"].values() for end in _files(tree, inner, seen)
    }


def test_a_dose_rests_on_image_bytes_and_record_lines_in_the_end(tree: dict[str, Any]) -> None:
    place = "participants[P01].sessions[session=1].doses[liver].absorbed_dose_Gy"
    trace = value_at(tree, place)["trace"]
    ends = {end for where in trace["inputs"].values() for end in _files(tree, where, set())}
    assert {"sha256", "record", "protocol", "table"} <= ends


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("sha256:" + "0" * 64, "no file"),
        ("record:records/consents.csv#999", "no line 999"),
        ("record:records/nothing.csv#2", "no line 2"),
        ("protocol:sessions.nowhere", "no 'sessions.nowhere'"),
        ("value:participants[P01].sessions[session=9].doses[liver]", "the way ends at participants[P01].sessions"),
        ("table:safety/ctcae_v5_0@4.03", "edition"),
        ("table:safety/none@1", "none"),
        ("given:", "not what"),
        ("somewhere", "neither"),
    ],
)
def test_an_input_that_leads_nowhere_is_named(
    where: str, said: str, small_trial: Path, small_run: TrialRun, tree: dict[str, Any]
) -> None:
    broken = {**tree, "extra": {"method": "made.up", "version": "1", "inputs": {"thing": where}}}
    found = dead_ends(broken, read_folder(small_trial), content_hashes(small_trial, small_run.result.inputs))
    assert [place for place, _ in found] == ["extra input 'thing'"]
    assert said in found[0][1]


def test_an_id_with_a_bracket_or_a_point_is_found() -> None:
    tree = {"doses": [{"region_name": "a", "x": 1}, {"region_name": "a].x[b.c", "x": 2}]}
    assert value_at(tree, "doses[a].x") == 1
    assert value_at(tree, "doses[a].x[b.c].x") == 2
    with pytest.raises(InputError, match="the way ends at doses"):
        value_at(tree, "doses[b]")


def _read_naively(tree: Any, place: str) -> Any:
    """A place as a reader without this program takes it: a field, a position from 0, an entry whose field has the value
    that is named, or the entry one of whose fields has the id. Written apart from `value_at`."""
    value = tree
    for name, inside in re.findall(r"([A-Za-z_][A-Za-z_0-9]*)|\[([^\]]*)\]", place):
        if name:
            value = value[name]
        elif inside.isdecimal():
            value = value[int(inside)]
        else:
            field, equals, wanted = inside.partition("=")
            found = [
                one
                for one in value
                if (str(one.get(field)) == wanted if equals else inside in map(str, (v for v in one.values())))
            ]
            assert len(found) == 1, place
            value = found[0]
    return value


def test_a_number_alone_in_a_place_is_a_position_from_0_and_a_session_is_named(tree: dict[str, Any]) -> None:
    places = {
        where.removeprefix("value:")
        for _, trace in traces_of(tree)
        for where in trace["inputs"].values()
        if where.startswith("value:") and ".sessions[" in where
    }
    assert any("[session=2]" in place for place in places)
    for place in sorted(places):
        assert _read_naively(tree, place) is value_at(tree, place), place
    with pytest.raises(InputError, match="the way ends at participants"):
        value_at(tree, "participants[P01].sessions[1].injected_at")


def test_the_tree_of_the_file_is_the_tree_of_the_run(small_run: TrialRun, tree: dict[str, Any]) -> None:
    assert plain(small_run.result) == tree
