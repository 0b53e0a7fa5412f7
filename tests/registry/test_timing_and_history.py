"""Timing of registration, versions and their differences, and what leaves a public export."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from theratrial.errors import InputError
from theratrial.registry.difference import difference
from theratrial.registry.fields import field_of, fields, filled_fields
from theratrial.registry.history import History, Version
from theratrial.registry.people import public_record
from theratrial.registry.reader import parse_registration, registration_yaml, shipped_registration
from theratrial.registry.record import EthicsReview, Outcome, RegistrationRecord
from theratrial.registry.timing import registration_timing
from theratrial.registry.words import Piece, RecordDate, Text

SEED = shipped_registration("IRCT20210612051548N3")


def with_dates(registered: str, **starts: str) -> RegistrationRecord:
    def day(text: str) -> RecordDate:
        precision = {10: "day", 7: "month", 4: "year"}[len(text)]
        return RecordDate(gregorian=date.fromisoformat((text + "-01-01")[:10]), precision=precision)

    registration = SEED.registration.model_copy(update={"registered_on": day(registered)})
    blank = {"expected_start": None, "actual_start": None}
    recruitment = SEED.recruitment.model_copy(update=blank | {name: day(text) for name, text in starts.items()})
    return SEED.model_copy(update={"registration": registration, "recruitment": recruitment})


@pytest.mark.parametrize(
    ("registered", "starts", "timing", "provisional", "days"),
    [
        ("2021-10-18", {"expected_start": "2022-01-21"}, "prospective", True, 95),
        ("2021-10-18", {"expected_start": "2022-01-21", "actual_start": "2021-10-17"}, "retrospective", False, -1),
        # The same day counts as prospective in the ICTRP export of 18 March 2020 (12 of 12 IRCT rows).
        ("2021-10-18", {"actual_start": "2021-10-18"}, "prospective", False, 0),
        ("2021-10-18", {}, "undetermined", False, None),
        ("2021-10-18", {"actual_start": "2021-10"}, "undetermined", False, None),
        ("2021-10-18", {"actual_start": "2021-11"}, "prospective", False, None),
        ("2021-10-18", {"actual_start": "2021-09"}, "retrospective", False, None),
        ("2021-10-18", {"actual_start": "2022"}, "prospective", False, None),
        ("2021-10-18", {"actual_start": "2021"}, "undetermined", False, None),
    ],
)
def test_timing_follows_from_the_two_days(registered, starts, timing, provisional, days):
    found = registration_timing(with_dates(registered, **starts))
    assert (found.timing, found.provisional, found.days_before) == (timing, provisional, days)


def test_the_trials_own_first_enrolment_goes_before_what_the_record_says():
    record = with_dates("2021-10-18", actual_start="2021-10-20")
    found = registration_timing(record, first_enrolled=date(2021, 10, 1))
    assert (found.timing, found.based_on, found.days_before) == ("retrospective", "trial", -17)
    assert "2021-10-01" in found.because


def test_every_field_of_the_record_has_a_row_and_every_row_a_field():
    import typing

    from theratrial.registry.record import Age, Coded

    def leaves(model: type[Piece], before: str = "") -> list[str]:
        found = []
        for name, info in model.model_fields.items():
            kind, inner = info.annotation, typing.get_args(info.annotation)
            whole = (Text, Coded, RecordDate, Age)
            if isinstance(kind, type) and issubclass(kind, Piece) and kind not in whole:
                found += leaves(kind, f"{before}{name}.")
            elif typing.get_origin(kind) is tuple and issubclass(inner[0], Piece) and inner[0] not in whole:
                found += leaves(inner[0], f"{before}{name}[].")
            else:
                found.append(before + name)
        return found

    assert set(leaves(RegistrationRecord)) - {"schema_version"} == {field.path for field in fields()}


def test_the_order_of_the_seeds_labels_is_that_of_the_table(shared):
    text = (shared / "seed" / "IRCT20210612051548N3.txt").read_text(encoding="utf-8")
    section = text.index("Protocol summary")
    shown = [field for field in fields() if field.empty != "hidden" and not field.group and field.style == ""]
    place = section
    for field in shown:
        place = text.index(field.en, place)
    assert len(shown) > 60


def test_a_record_written_as_yaml_is_read_back_the_same():
    assert parse_registration(registration_yaml(SEED).encode()) == SEED
    both = SEED.model_copy(update={"public_title": Text(en="no", fa="عنوان: «۱۷۷»")})
    assert parse_registration(registration_yaml(both).encode()) == both


def test_a_difference_names_every_field_that_changed_and_no_other():
    outcomes = (*SEED.primary_outcomes, Outcome(description=Text(en="Survival")))
    changed = SEED.model_copy(
        update={
            "public_title": Text(en=SEED.public_title.en, fa="عنوان"),
            "primary_outcomes": outcomes,
            "ethics": (),
            "secondary_outcomes": (Outcome(),),
        }
    )
    found = {change.path: change.kind for change in difference(SEED, changed)}
    assert found.pop("public_title") == "changed"
    assert found.pop("primary_outcomes[1].description") == "added"
    assert set(found.values()) == {"removed"}
    assert all(path.startswith("ethics[0].") for path in found)
    assert len(found) == sum(1 for one in filled_fields(SEED) if one.field.group == "ethics" and not one.blank)
    assert {change.kind for change in difference(changed, SEED)} == {"changed", "removed", "added"}


def version(number: int, day: int, reason: str = "ethics") -> Version:
    return Version(number, SEED, datetime(2022, 1, day, tzinfo=UTC), "registrant", Text(en=reason))


def test_update_count_and_last_update_follow_from_the_versions():
    history = History((version(0, 1, ""), version(1, 5), version(2, 9)))
    assert (history.update_count, history.last_update) == (2, date(2022, 1, 9))
    assert history.changes(0, 2) == ()


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ((), "without a gap"),
        ((version(1, 1),), "without a gap"),
        ((version(0, 1), version(2, 2)), "without a gap"),
        ((version(0, 5), version(1, 1)), "before the one"),
        ((version(0, 1), version(1, 2, "")), "gives no reason"),
    ],
)
def test_a_history_with_a_gap_without_a_reason_or_out_of_order_is_refused(versions, says):
    with pytest.raises(InputError, match=says):
        History(versions)


def test_a_version_that_does_not_exist_is_named():
    with pytest.raises(InputError, match="0 to 0 exist"):
        History((version(0, 1),)).changes(0, 3)


def test_nothing_that_points_at_a_person_is_in_the_public_record():
    # A committee's own telephone is a person's too: nobody else answers it.
    committee = EthicsReview.model_validate(
        {"contact": {"organization": "Committee", "phone": "1", "email": "a@example.org"}}
    )
    public = public_record(SEED.model_copy(update={"ethics": (committee,)}))
    assert [one.path for one in filled_fields(public) if one.field.personal and not one.blank] == []
    assert public.ethics[0].contact.organization.en == "Committee"
    assert public.people.data_updating.position.en == "Research Instructor"
    assert "example.org" not in registration_yaml(public)
    assert "[" not in registration_yaml(public)


def test_a_path_with_indices_leads_to_its_field():
    assert field_of("primary_outcomes[3].method").trds == 19
    with pytest.raises(KeyError):
        field_of("primary_outcomes[3].methods")
