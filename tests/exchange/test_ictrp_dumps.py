"""Dumps of many trials: read one by one, what cannot be read is told, packed files have bounds, memory stays flat."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zlib
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.exchange import compressed
from theratrial.exchange.compressed import Unpacked, unpacked
from theratrial.exchange.ictrp.elements import LARGEST_TRIAL
from theratrial.exchange.ictrp.read import read_ictrp
from theratrial.exchange.ictrp.stream import Unreadable, stream_ictrp, stream_trials
from theratrial.exchange.ictrp.write import ictrp_131
from theratrial.exchange.registry_files import MAXIMUM_BYTES, read_registry_file
from theratrial.registry.imported import Imported
from theratrial.registry.reader import shipped_registration

TODAY = date(2026, 6, 9)
SEED = shipped_registration("IRCT20210612051548N3")
WHOLE = ictrp_131(SEED, contacts=True)


def dump(*trials: bytes) -> bytes:
    return b"<trials>\n" + b"\n".join(trials) + b"\n</trials>"


def trial(number: str) -> bytes:
    return f"<trial><main><trial_id>{number}</trial_id></main></trial>".encode()


def streamed(content: bytes) -> list[Imported | Unreadable]:
    return list(stream_trials(io.BytesIO(content), today=TODAY))


def numbers(found: list[Imported | Unreadable]) -> list[str]:
    return [one.record.registration.number if isinstance(one, Imported) else f"! {one.number}" for one in found]


DEEP = b"<trial><main>" + b"<a>" * 30 + b"</a>" * 30 + b"</main></trial>"
LARGE = b"<trial><main><trial_id>" + b"x" * (LARGEST_TRIAL + 1) + b"</trial_id></main></trial>"
MANY = b"<trial>" + b"<a/>" * 20_001 + b"</trial>"
NEITHER = b"<trial><moon/></trial>"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (DEEP, "lie deeper than 12"),
        (LARGE, f"more than {LARGEST_TRIAL} characters"),
        (MANY, "more than 20000 elements"),
        (NEITHER, "neither <main>"),
    ],
    ids=["deep", "large", "many", "neither"],
)
def test_a_trial_that_cannot_be_read_is_told_with_its_line_and_the_others_are_read(bad, why):
    found = streamed(dump(trial("A1"), bad, trial("A3"), bad, trial("A5")))
    assert numbers(found) == ["A1", "! 2", "A3", "! 4", "A5"]
    for one, line in ((found[1], 3), (found[3], 5)):
        assert isinstance(one, Unreadable)
        assert why in one.why
        assert f"line {line}" in one.why
        assert not one.and_the_rest


def test_broken_xml_in_the_middle_keeps_what_came_before_and_names_the_line():
    broken = dump(trial("A1"), trial("A2"), b"<trial><main></trial>", trial("A4"))
    found = streamed(broken)
    assert numbers(found) == ["A1", "A2", "! 3"]
    assert isinstance(found[2], Unreadable)
    assert found[2].and_the_rest
    assert "line 4" in found[2].why
    with pytest.raises(InputError, match="line 4"):
        read_ictrp(broken, today=TODAY)


def test_a_file_cut_off_keeps_what_came_before():
    found = streamed(dump(trial("A1"), trial("A2"))[:-30])
    assert numbers(found) == ["A1", "! 2"]


@pytest.mark.parametrize(
    "prolog",
    [
        b'<!DOCTYPE trials [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>',
        b'<!DOCTYPE trials [<!ENTITY x SYSTEM "file:///etc/hosts">]>',
    ],
    ids=["laughs", "file"],
)
def test_entities_are_refused_before_any_trial_is_given(prolog):
    with pytest.raises(InputError, match="document type"):
        streamed(prolog + dump(trial("A1"), trial("&b;")))


def test_an_entity_that_nobody_declared_ends_the_reading_there():
    found = streamed(dump(trial("A1"), trial("&b;"), trial("A3")))
    assert numbers(found) == ["A1", "! 2"]


def test_elements_without_end_are_given_up_before_they_fill_the_memory():
    found = streamed(b"<trials>" + trial("A1") + b"<trial>" + b"<a>" * 2000)
    assert numbers(found) == ["A1", "! 2"]
    assert "deeper" in found[1].why  # type: ignore[union-attr]


def test_a_packed_dump_is_read_as_if_it_were_not():
    content = dump(trial("A1"), trial("A2"))
    found = list(stream_ictrp(Unpacked(io.BytesIO(gzip.compress(content))), today=TODAY))  # type: ignore[arg-type]
    assert numbers([*found]) == ["A1", "A2"]


def test_a_packed_dump_cut_off_keeps_what_came_before():
    # Numbers that do not compress, so that half the packed bytes are about half of the trials.
    content = dump(*(trial(f"{zlib.crc32(b'%d' % index):x}" * 20) for index in range(3000)))
    packed = gzip.compress(content)
    found = list(stream_trials(Unpacked(io.BytesIO(packed[: len(packed) // 2])), today=TODAY))  # type: ignore[arg-type]
    assert 500 < len(found) < 2500
    assert isinstance(found[-1], Unreadable)
    assert "cut off" in found[-1].why
    assert all(isinstance(one, Imported) for one in found[:-1])


def test_a_bomb_is_refused_by_what_it_gives_for_its_bytes(monkeypatch):
    monkeypatch.setattr(compressed, "_ALLOWED_ANYWAY", 100_000)
    bomb = gzip.compress(b"<trials>" + b" " * 5_000_000 + b"</trials>")
    reader = Unpacked(io.BytesIO(bomb))
    with pytest.raises(InputError, match="200 times its size"):
        list(iter(lambda: reader.read(1 << 16), b""))


def test_a_single_record_may_be_packed_once_and_not_be_larger_than_one_that_is_not():
    assert read_registry_file(gzip.compress(WHOLE), "a.xml.gz", today=TODAY).record.public_title == SEED.public_title
    with pytest.raises(InputError, match="packed twice"):
        read_registry_file(gzip.compress(gzip.compress(WHOLE)), "a.xml.gz", today=TODAY)
    with pytest.raises(InputError, match="200 times its size"):
        read_registry_file(gzip.compress(b" " * (MAXIMUM_BYTES + 1)), "a.xml.gz", today=TODAY)
    with pytest.raises(InputError, match="more than 3 bytes once unpacked"):
        unpacked(gzip.compress(b"four"), "a.xml.gz", most=3)
    with pytest.raises(InputError, match="cut off"):
        read_registry_file(gzip.compress(WHOLE)[:-20], "a.xml.gz", today=TODAY)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("words", "encoding", "named"),
    [
        ("é", "cp1252", r"0xe9 is not UTF-8.*Windows-1252"),
        ("سرطان", "cp1256", r"0xd3 is not UTF-8.*Windows-1256"),
    ],
)
def test_a_wrong_encoding_is_named_packed_or_not(packed, words, encoding, named):
    content = dump(trial("A1"), trial(words)).decode().encode(encoding)
    if packed:
        content = unpacked(gzip.compress(content), "a", most=10_000)
    with pytest.raises(InputError, match=named):
        read_ictrp(content, today=TODAY)


PACKED = gzip.compress(WHOLE)


@settings(max_examples=120, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200).map(gzip.compress),
        st.binary(max_size=200).map(lambda tail: b"\x1f\x8b" + tail),
        st.tuples(st.integers(0, len(PACKED) - 1), st.binary(max_size=4), st.integers(0, 20)).map(
            lambda how: PACKED[: how[0]] + how[1] + PACKED[how[0] + how[2] :]
        ),
        st.integers(0, len(PACKED)).map(lambda end: PACKED[:end]),
    ),
    st.sampled_from(["a.xml.gz", "a.gz", "a.yaml.gz", "a"]),
)
def test_packed_bytes_of_any_kind_give_a_record_or_an_input_error(content, name):
    with suppress(InputError):
        assert read_registry_file(content, name, today=TODAY)
    with suppress(InputError):
        assert list(stream_trials(Unpacked(io.BytesIO(content)), today=TODAY))  # type: ignore[arg-type]


EDITS = {
    "target_size": (b"<target_size>15<", b"<target_size>150<"),
    "recruitment_status": (b"<recruitment_status>Complete", b"<recruitment_status>Recruiting"),
    "date_enrolment": (b"<date_enrolment>2022-01-21<", b"<date_enrolment>2022-02-01<"),
    "prim_outcome": (b"<prim_outcome>Numbe", b"<prim_outcome>Number"),
    "inclusion_criteria": (b"<inclusion_criteria>", b"<inclusion_criteria>Men. "),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_element_edited_beside_our_values_is_told_whichever_of_the_two_is_taken(name):
    """`record_values` go before WHO's elements; an edit of those that had no effect must not be lost silently."""
    before, after = EDITS[name]
    assert WHOLE.count(before) == 1, name
    (same,) = read_ictrp(WHOLE, today=TODAY)
    (found,) = read_ictrp(WHOLE.replace(before, after), today=TODAY)
    assert same.notes == ()
    told = [one for one in found.notes if f", {name}: " in one and "<record_values>" in one]
    assert (found.record == same.record) == bool(told), found.notes


def test_of_edits_some_are_overruled_and_told_and_some_are_taken():
    overruled = []
    for name, (before, after) in EDITS.items():
        (found,) = read_ictrp(WHOLE.replace(before, after), today=TODAY)
        overruled += [name] if found.notes else []
    assert "date_enrolment" in overruled
    assert "target_size" not in overruled


MEASURED = """
import resource, sys, time
from datetime import date
from theratrial.exchange.ictrp.stream import stream_trials
def peak_MB(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
began, trials, early = time.process_time(), 0, 0.0
with open(sys.argv[1], "rb") as file:
    for trials, one in enumerate(stream_trials(file, today=date(2026, 6, 9)), 1):
        if trials == 300:
            early = peak_MB()
print(trials, time.process_time() - began, early, peak_MB())
"""


@pytest.mark.walk
def test_100_megabytes_are_read_in_bounded_time_and_memory(tmp_path):
    """CPU time with the tests' own load; the memory after 300 trials and after all must be the same but for noise."""
    path = tmp_path / "dump.xml"
    start, end = WHOLE.index(b"  <trial>"), WHOLE.index(b"</trials>")
    count = 100_000_000 // (end - start) + 1
    with path.open("wb") as file:
        file.write(WHOLE[:start])
        for _ in range(count):
            file.write(WHOLE[start:end])
        file.write(WHOLE[end:])
    assert path.stat().st_size > 100_000_000
    done = subprocess.run([sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True)
    trials, seconds, early_MB, peak_MB = (float(one) for one in done.stdout.split())
    assert trials == count
    assert peak_MB - early_MB < 10
    assert seconds < 120
