"""Criteria of the seed protocol, judged at its own printed limits; what is missing or too old is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.eligibility import Verdict, eligibility, eligibility_moment
from theratrial.errors import InputError
from theratrial.protocol.expressions import Truth
from theratrial.protocol.reader import shipped_protocol
from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.records import Row
from theratrial.trialfolder.tables import table

TEHRAN = timezone(timedelta(hours=3, minutes=30))
AT = datetime(2022, 3, 1, 9, 30, tzinfo=TEHRAN)
ASSESSED = date(2022, 2, 20)
SAMPLED = datetime(2022, 2, 20, 8, tzinfo=TEHRAN)


@dataclass(frozen=True)
class Tables:
    """Records in memory, as a database would offer them."""

    lines: Mapping[str, Sequence[Row]]

    def rows(self, name: str, **where: Any) -> Sequence[Row]:
        for column in where:
            table(name).column(column)
        found = self.lines.get(name, ())
        return [row for row in found if all(row[column] == value for column, value in where.items())]


def line(name: str, number: int = 2, **values: Any) -> Row:
    every = {column.name: None for column in table(name).columns}
    return Row(name, number, {**every, "participant_id": "P-1", **values})


def count(test: str, value: float, number: int = 2, at: datetime = SAMPLED) -> Row:
    unit = "g_per_L" if test == "haemoglobin" else "e9_per_L"
    return line("laboratory", number, test=test, value=value, unit=unit, collected_at=at)


def item(name: str, value: Any, number: int = 2, on: date = ASSESSED) -> Row:
    return line("eligibility", number, item=name, value=value, assessed_on=on)


def read(result: str = "positive", positive: int = 3, total: int = 4, **values: Any) -> Row:
    return line(
        "selection_reads",
        **{
            "read_at": SAMPLED,
            "reader": "NM-01",
            "reader_role": "nuclear_medicine_physician",
            "lesions_total": total,
            "lesions_positive": positive,
            "result": result,
            **values,
        },
    )


def records(**replaced: Sequence[Row]) -> Tables:
    fit = {
        "participants": [line("participants", screened_on=date(2022, 2, 1), age_years=44.0, sex="female")],
        "consents": [line("consents", signed_at=datetime(2022, 2, 1, 9, tzinfo=TEHRAN), form_version="1")],
        "selection_reads": [read()],
        "laboratory": [count("neutrophils", 3.5, 2), count("platelets", 250.0, 3), count("haemoglobin", 124.0, 4)],
        "eligibility": [
            item("ecog", 1, 2),
            item("pregnant", False, 3),
            item("trastuzumab_contraindication", False, 4),
            item("active_infection", False, 5),
            item("psychiatric_or_social_obstacle", False, 6),
        ],
    }
    return Tables({**fit, **replaced})


def without(name: str, keep: Any) -> list[Row]:
    return [row for row in records().lines[name] if keep(row)]


@pytest.fixture(scope="module")
def seed() -> Protocol:
    return shipped_protocol("IRCT20210612051548N3")


def test_a_fit_participant_is_eligible_with_every_criterion_traced(seed: Protocol) -> None:
    result = eligibility(seed, records(), "P-1", AT)
    assert result.verdict is Verdict.ELIGIBLE
    assert [one.id for one in result.criteria] == [*seed.eligibility, "selection_read"]
    by_id = {one.id: one for one in result.criteria}
    (neutrophils,) = by_id["neutrophils"].values
    assert (neutrophils.value, neutrophils.sources) == (3.5, ("record:records/laboratory.csv#2",))
    assert neutrophils.age_days == pytest.approx(9 + 1.5 / 24)
    assert by_id["neutrophils"].verbatim == ("(i) Absolute neutrophil count ≥ 1000 cells/mm³",)
    assert by_id["neutrophils"].trace.inputs["neutrophils_e9_per_L"] == "record:records/laboratory.csv#2"
    assert by_id["neutrophils"].trace.inputs["clause"] == "protocol:eligibility.neutrophils"
    assert result.trace.demonstration == ("selection_read",)


@pytest.mark.parametrize(
    ("test", "value", "truth"),
    [
        # The seed's limits: 1000 cells/mm3, 100,000 /mm3, 9 g/dL, each "greater or equal".
        ("neutrophils", 1.0, Truth.MET),
        ("neutrophils", 0.999, Truth.NOT_MET),
        ("platelets", 100.0, Truth.MET),
        ("platelets", 99.9, Truth.NOT_MET),
        ("haemoglobin", 90.0, Truth.MET),
        ("haemoglobin", 89.9, Truth.NOT_MET),
    ],
)
def test_blood_counts_are_judged_at_the_printed_limits(seed: Protocol, test: str, value: float, truth: Truth) -> None:
    laboratory = [*without("laboratory", lambda row: row["test"] != test), count(test, value)]
    result = eligibility(seed, records(laboratory=laboratory), "P-1", AT)
    (one,) = [criterion for criterion in result.criteria if criterion.id == test]
    assert one.truth is truth
    assert result.verdict is (Verdict.ELIGIBLE if truth is Truth.MET else Verdict.NOT_ELIGIBLE)


def test_pregnancy_excludes_and_the_exclusion_is_inverted(seed: Protocol) -> None:
    items = [*without("eligibility", lambda row: row["item"] != "pregnant"), item("pregnant", True, 9)]
    result = eligibility(seed, records(eligibility=items), "P-1", AT)
    (failed,) = result.failed
    assert (failed.id, failed.kind) == ("pregnancy", "exclusion")
    assert (failed.condition_truth, failed.truth) == (Truth.MET, Truth.NOT_MET)


@pytest.mark.parametrize("missing", ["ecog", "pregnant", "active_infection"])
def test_a_missing_item_is_never_eligible(seed: Protocol, missing: str) -> None:
    items = without("eligibility", lambda row: row["item"] != missing)
    result = eligibility(seed, records(eligibility=items), "P-1", AT)
    assert result.verdict is Verdict.NOT_KNOWN
    (unknown,) = result.not_known
    assert unknown.to_be_known == (f"eligibility.value (item {missing}) has no line",)


def test_one_criterion_failed_decides_whatever_is_missing(seed: Protocol) -> None:
    result = eligibility(seed, records(eligibility=[item("ecog", 3)]), "P-1", AT)
    assert result.verdict is Verdict.NOT_ELIGIBLE


@pytest.mark.parametrize(("days", "truth"), [(28, Truth.MET), (28.01, Truth.NOT_KNOWN)])
def test_a_value_older_than_allowed_is_not_known(seed: Protocol, days: float, truth: Truth) -> None:
    laboratory = [*without("laboratory", lambda row: row["test"] != "platelets"),
                  count("platelets", 250.0, 3, AT - timedelta(days=days))]  # fmt: skip
    result = eligibility(seed, records(laboratory=laboratory), "P-1", AT)
    (one,) = [criterion for criterion in result.criteria if criterion.id == "platelets"]
    assert one.truth is truth
    if truth is Truth.NOT_KNOWN:
        assert "28 days old (2022-02-01); at most 28 days" in one.to_be_known[0]
        assert one.values[0].sources == ("record:records/laboratory.csv#3",)


def test_what_became_known_after_the_decision_does_not_count(seed: Protocol) -> None:
    later = count("neutrophils", 0.2, 9, AT + timedelta(minutes=1))
    laboratory = [*records().lines["laboratory"], later]
    assert eligibility(seed, records(laboratory=laboratory), "P-1", AT).verdict is Verdict.ELIGIBLE
    only_later = [later, *without("laboratory", lambda row: row["test"] != "neutrophils")]
    result = eligibility(seed, records(laboratory=only_later), "P-1", AT)
    assert result.verdict is Verdict.NOT_KNOWN
    assert "later than the decision" in result.not_known[0].to_be_known[0]


def test_the_latest_value_counts_whatever_the_order_of_lines(seed: Protocol) -> None:
    old = count("neutrophils", 0.2, 9, SAMPLED - timedelta(days=3))
    laboratory = [*records().lines["laboratory"], old]
    assert eligibility(seed, records(laboratory=laboratory), "P-1", AT).verdict is Verdict.ELIGIBLE


def test_two_answers_of_the_same_day_that_disagree_leave_it_not_known(seed: Protocol) -> None:
    items = [*records().lines["eligibility"], item("pregnant", True, 9)]
    result = eligibility(seed, records(eligibility=items), "P-1", AT)
    (unknown,) = result.not_known
    assert "disagree (False, True)" in unknown.to_be_known[0]


def test_without_a_consent_nobody_is_eligible_nor_unable_to_consent(seed: Protocol) -> None:
    result = eligibility(seed, records(consents=[]), "P-1", AT)
    assert {one.id for one in result.not_known} == {"consent", "unable_to_consent"}


@pytest.mark.parametrize(
    ("reads", "truth"),
    [
        ([read()], Truth.MET),
        ([read(positive=2)], Truth.NOT_MET),  # exactly half is not more than half
        ([read("equivocal")], Truth.NOT_MET),
        ([], Truth.NOT_KNOWN),
        ([read(reader_role="radiographer")], Truth.NOT_KNOWN),
        ([read(), read("negative", reader="NM-02")], Truth.NOT_KNOWN),
        ([read("negative", read_at=SAMPLED - timedelta(days=1)), read()], Truth.MET),
        ([read(lesions_total=None)], Truth.NOT_KNOWN),
        ([read("negative", lesions_total=None)], Truth.NOT_MET),
        ([read(read_at=AT + timedelta(minutes=1))], Truth.NOT_KNOWN),
        ([read("negative"), read(read_at=AT + timedelta(minutes=1))], Truth.NOT_MET),
    ],
)
def test_the_selection_read_follows_its_rule_and_role(seed: Protocol, reads: list[Row], truth: Truth) -> None:
    selection = eligibility(seed, records(selection_reads=reads), "P-1", AT).selection
    assert selection is not None
    assert selection.truth is truth
    assert bool(selection.to_be_known) is (truth is Truth.NOT_KNOWN)


def test_a_variable_in_another_unit_is_converted_from_the_core_unit(seed: Protocol) -> None:
    content = seed.model_dump(mode="python")
    for variable in content["variables"]:
        if variable["id"] == "haemoglobin_g_per_L":
            variable["unit"] = "g/dL"
    content["eligibility"]["haemoglobin"]["reading"]["condition"] = "haemoglobin_g_per_L >= 9.0"
    other = Protocol.model_validate(content)
    for value, truth in ((90.0, Truth.MET), (89.9, Truth.NOT_MET)):
        laboratory = [*without("laboratory", lambda row: row["test"] != "haemoglobin"), count("haemoglobin", value)]
        result = eligibility(other, records(laboratory=laboratory), "P-1", AT)
        assert next(one for one in result.criteria if one.id == "haemoglobin").truth is truth


def test_an_open_criterion_makes_nobody_eligible(seed: Protocol) -> None:
    content = seed.model_dump(mode="python")
    content["eligibility"]["ecog"] |= {"reading": None, "decision": {"status": "open"}}
    result = eligibility(Protocol.model_validate(content), records(), "P-1", AT)
    assert result.verdict is Verdict.NOT_KNOWN
    assert "eligibility.ecog, which is open" in result.not_known[0].to_be_known[0]


def test_an_unknown_participant_and_a_moment_without_offset_are_refused(seed: Protocol) -> None:
    with pytest.raises(InputError, match="P-9"):
        eligibility(seed, records(), "P-9", AT)
    with pytest.raises(InputError, match="no offset"):
        eligibility(seed, records(), "P-1", AT.replace(tzinfo=None))


@given(drop=st.sets(st.sampled_from(["consents", "selection_reads", "laboratory", "eligibility"])))
def test_taking_records_away_never_makes_anybody_eligible_or_excluded(drop: set[str]) -> None:
    result = eligibility(shipped_protocol("IRCT20210612051548N3"), records(**{name: [] for name in drop}), "P-1", AT)
    assert result.verdict is (Verdict.NOT_KNOWN if drop else Verdict.ELIGIBLE)


def test_the_moment_is_the_first_therapy_injection_then_the_failed_screening_then_now(seed: Protocol) -> None:
    now = datetime(2022, 12, 1, 12, tzinfo=TEHRAN)
    pet = line("administrations", 2, product_id="ga68_trastuzumab", injected_at=SAMPLED)
    second = line("administrations", 3, product_id="lu177_trastuzumab", session=2, injected_at=AT + timedelta(days=50))
    first = line("administrations", 4, product_id="lu177_trastuzumab", session=1, injected_at=AT)
    treated = records(administrations=[pet, second, first])
    assert eligibility_moment(seed, treated, "P-1", now) == (AT, "record:records/administrations.csv#4")
    failure = line("dispositions", event="screen_failure", occurred_on=date(2022, 2, 25))
    at, source = eligibility_moment(seed, records(administrations=[pet], dispositions=[failure]), "P-1", now)
    assert (at.isoformat(), source) == ("2022-02-25T23:59:59.999999+03:30", "record:records/dispositions.csv#2")
    assert eligibility_moment(seed, records(), "P-1", now) == (now, "now")
