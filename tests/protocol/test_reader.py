"""Reading a protocol file: every fault at once, each with its line and a remedy; nothing crashes."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError, Problem, Problems
from theratrial.protocol.reader import (
    parse_protocol,
    protocol_hash,
    read_protocol,
    shipped_protocol,
    shipped_protocol_bytes,
    shipped_protocol_names,
)

SEED = "IRCT20210612051548N3"


def problems_of(content: str | bytes) -> tuple[str, ...]:
    with pytest.raises(Problems) as caught:
        parse_protocol(content if isinstance(content, bytes) else content.encode(), "p.yaml")
    return tuple(str(problem) for problem in caught.value.problems)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_several_faults_are_named_at_once_with_line_path_and_remedy(seed_text):
    text = seed_text.replace("    sample_size: 15\n", "    sample_sise: 15\n")
    text = text.replace("    maximum_sessions: 3\n", "    maximum_sessions: three\n")
    text = text.replace("missing: failure", "missing: failur")
    found = problems_of(text)
    assert len(found) == 4
    sise, sessions = line_of(text, "sample_sise"), line_of(text, "maximum_sessions: three")
    assert (
        f"p.yaml line {sise}, population.reading.sample_sise: unknown key 'sample_sise' -> did you mean 'sample_size'?"
        in found
    )
    assert any(
        re.fullmatch(r"p.yaml line \d+, population.reading.sample_size: key .* is missing.*", one) for one in found
    )
    assert any(one.startswith(f"p.yaml line {sessions}, sessions.reading.maximum_sessions: ") for one in found)
    assert any("endpoint.reading.missing" in one and "did you mean 'failure'?" in one for one in found)


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("kidneys: {absorbed_dose_Gy: 23,", "dose_limits.reading.limits.kidneys.absorbed_dose_Gy"),
        ("laboratory_maximum_age_days: 14", "safety_gate.reading.laboratory_maximum_age_days"),
    ],
)
@pytest.mark.parametrize("number", [".inf", ".nan", "-.inf"])
def test_a_limit_that_is_no_finite_number_is_refused(seed_text, written, place, number):
    digits = re.findall(r"\d+", written)[-1]
    found = problems_of(seed_text.replace(written, written.replace(digits, number)))
    assert len(found) == 1
    assert place in found[0]


def test_a_key_that_stands_twice_is_named_with_both_lines(seed_text):
    text = seed_text.replace("    sample_size: 15\n", "    sample_size: 15\n    sample_size: 16\n")
    first = line_of(text, "sample_size: 15")
    (found,) = problems_of(text)
    assert f"line {first + 1}" in found
    assert f"stands twice (first on line {first})" in found


def test_a_condition_with_an_undeclared_name_is_named_with_its_line(seed_text):
    text = seed_text.replace("condition: age_years >= 18", "condition: age_yeers >= 18")
    (found,) = problems_of(text)
    assert f"p.yaml line {line_of(text, 'age_yeers')}, eligibility.age.reading.condition" in found
    assert "did you mean 'age_years'?" in found


def test_a_cyclic_window_is_named_with_its_line(seed_text):
    text = seed_text.replace("anchor: administration", "anchor: response_assessment")
    text = text.replace("anchor: last_administration", "anchor: follow_up")
    found = problems_of(text)
    assert any("counts from itself: follow_up <- response_assessment <- follow_up" in one for one in found)
    assert any(f"line {line_of(text, 'anchor: response_assessment')}" in one for one in found)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"- a\n- b\n", "a mapping of keys is expected"),
        (b"just text", "a mapping of keys is expected"),
        (b"a: [1, 2", "is not valid YAML"),
        (b"a: b: c\n", "is not valid YAML"),
        (b"a:\n\t- b\n", "is not valid YAML"),
        (b"\x00\x01", "is not valid YAML"),
        ("schema_version: é".encode("latin-1"), "is not UTF-8"),
        ('schema_version: "1.0"'.encode("utf-16"), "is not UTF-8"),
        (b"a: &x [1]\nb: *x\n", "alias"),
        (b"a: !!python/object/apply:os.system ['true']\n", "tag"),
        (b"a: 1\n---\nb: 2\n", "second document"),
        (b"? [a, b]\n: c\n", "a key is a list"),
        (b"[" * 100 + b"]" * 100, "nested deeper"),
        (b"a: 2021-02-30\n", "there is no date 2021-02-30"),
        (b"a: 1e999\n", "too large"),
        (b"x" * 2_000_001, "larger than"),
        (b'schema_version: "2.0"\nunknown: 1\n', "supported: 1.0"),
        (b"schema_version: 1.0\n", "schema_version 1.0 is not read here"),
    ],
)
def test_what_is_no_protocol_is_told_without_a_traceback(content, says):
    assert any(says in one for one in problems_of(content)), problems_of(content)


def test_a_billion_laughs_file_is_refused_before_it_grows():
    lines = ['a0: &a0 ["ha"]'] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert any("anchor" in one for one in problems_of("\n".join(lines)))


def test_a_folder_or_a_missing_file_is_told(tmp_path):
    with pytest.raises(Problems, match="is a folder"):
        read_protocol(tmp_path)
    with pytest.raises(Problems, match="No such file"):
        read_protocol(tmp_path / "protocol.yaml")


def test_quoted_and_plain_values_keep_their_types(seed_text):
    found = problems_of(seed_text.replace('phase: "2"', "phase: 2"))
    assert any('put it in quotes: "2"' in one for one in found)
    found = problems_of(seed_text.replace("sample_size: 15", 'sample_size: "15"'))
    assert any("without quotes" in one for one in found)


def test_the_key_on_and_clock_times_are_not_turned_into_truth_or_numbers(second):
    assert second.sharing.decision.on.isoformat() == "2024-02-01"


def test_the_hash_follows_the_content_and_not_the_layout(seed, seed_text):
    assert protocol_hash(parse_protocol(("# a remark\n" + seed_text).encode())) == protocol_hash(seed)
    other = seed_text.replace("administered_activity_MBq: 1500", "administered_activity_MBq: 1501")
    assert protocol_hash(parse_protocol(other.encode())) != protocol_hash(seed)
    assert re.fullmatch("sha256:[0-9a-f]{64}", protocol_hash(seed))


def test_a_shipped_protocol_is_found_by_its_trial_id():
    assert SEED in shipped_protocol_names()
    for name in shipped_protocol_names():
        assert shipped_protocol(name).identity.reading.trial_id == name
    with pytest.raises(InputError, match=f"did you mean '{SEED}'"):
        shipped_protocol("IRCT20210612051548")
    with pytest.raises(InputError):
        shipped_protocol("../data/IRCT20210612051548N3")


LINES = shipped_protocol_bytes(SEED).decode().splitlines(keepends=True)


@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_mutilated_file_is_read_or_refused_with_problems_and_never_crashes(number, count):
    rng = random.Random(number)
    lines = list(LINES)
    for _ in range(count):
        at = rng.randrange(len(lines))
        kind = rng.randrange(6)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[rng.randrange(len(lines))])
        elif kind == 2:
            lines[at] = " " * rng.randrange(5) + lines[at]
        elif kind == 3:
            lines[at] = lines[at].replace(":", rng.choice(["", "::", " :", ": ["]), 1)
        elif kind == 4:
            cut = rng.randrange(len(lines[at]))
            lines[at] = lines[at][:cut] + rng.choice("\0\t'\"{[*&!%@é\ud7ff") + lines[at][cut:]
        else:
            lines[at] = re.sub(
                r": .*", ": " + rng.choice(["", "null", "-1", "1e5", "x", "[]", "{}", "true"]), lines[at]
            )
    found: tuple[Problem, ...] = ()
    try:
        parse_protocol("".join(lines).encode(), "p.yaml")
    except Problems as refusal:
        found = refusal.problems
    assert all(problem.place.startswith("p.yaml") and problem.message for problem in found)


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused_with_problems(content):
    with pytest.raises(Problems):
        parse_protocol(content)
