"""Results as plain values, and the first place where two trees differ."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError, SourceError
from theratrial.results.plain import differences, plain, read_results
from theratrial.trace import Quantity, Trace

TRACE = Trace("dosimetry.local_deposition", "1", {"tia": "value:x"})

_leaves = st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False) | st.text(max_size=5)
_trees: st.SearchStrategy[Any] = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


@given(_trees)
def test_a_tree_does_not_differ_from_itself(tree: Any) -> None:
    assert differences(tree, json.loads(json.dumps(plain(tree)))) == [] or "Infinity" in json.dumps(tree)


def test_an_infinite_upper_bound_survives_as_text_and_missing_stays_missing() -> None:
    quantity = Quantity(None, "Gy", TRACE, lower=0.4, upper=float("inf"), note="rising")
    tree = plain(quantity)
    assert tree["upper"] == "inf"
    assert tree["value"] is None
    json.dumps(tree, allow_nan=False)


def test_the_first_difference_names_the_participant_the_session_and_the_field() -> None:
    stored = {"participants": [{"participant_id": "P01", "sessions": [{"session": 1, "dose": {"value": 1.0}}]}]}
    other = {"participants": [{"participant_id": "P01", "sessions": [{"session": 1, "dose": {"value": 1.1}}]}]}
    assert differences(stored, other) == [("participants[P01].sessions[session=1].dose.value", 1.0, 1.1)]


def test_a_missing_key_an_extra_entry_and_a_changed_type_are_differences() -> None:
    assert differences({"a": 1}, {}) == [("a", 1, "absent")]
    assert differences({"a": [1, 2]}, {"a": [1]}) == [("a (number of entries)", 2, 1)]
    assert differences({"a": True}, {"a": 1}) == [("a", True, 1)]
    assert differences({"a": None}, {"a": 0}) == [("a", None, 0)]


def test_the_last_bits_of_a_number_may_differ_and_no_more() -> None:
    assert differences(1.0, 1.0 + 1e-12) == []
    assert differences(1.0, 1.0 + 1e-7) != []
    assert differences(0.0, 1e-30) != []


def test_instants_keep_their_offset() -> None:
    assert plain(datetime(2022, 3, 1, 10, tzinfo=UTC)) == "2022-03-01T10:00:00+00:00"


def test_an_unknown_kind_of_value_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot carry"):
        plain({1, 2})


def test_results_of_a_newer_schema_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"schema_version": "9.0", "participants": []}')
    with pytest.raises(SourceError, match=r"9\.0"):
        read_results(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"a": 1}', b"[" * 100_000])
def test_what_is_not_results_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="results"):
        read_results(path)


def test_a_key_that_stands_twice_is_refused_since_two_readers_would_see_two_values(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"schema_version": "1.0", "participants": [], "endpoint": {"successes": 15, "successes": 3}}')
    with pytest.raises(InputError, match="'successes' stands twice"):
        read_results(path)
