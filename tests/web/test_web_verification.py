"""Source verification: what is verified, by whom, at which version; what a later change does to it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from theratrial.errors import InputError
from theratrial.web.capture.models import Record, Verification
from theratrial.web.capture.queries import query_raised
from theratrial.web.capture.services import ConflictError, record_change, record_entered_in_error
from theratrial.web.capture.verification import (
    cells_verified,
    progress,
    progress_by_participant,
    rows_to_verify,
    verifiable_columns,
)
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Delegation, Site, User
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]


def person(name: str) -> User:
    return User.objects.get(username=name)


@pytest.fixture
def record(cohort: Trial) -> Record:
    return Record.objects.get(table="participants", participant__code="P01")


def states(record: Record) -> dict[str, str]:
    assert record.participant is not None
    rows = rows_to_verify(record.participant, person("monitor1"))
    return {cell.column: cell.state for row in rows if row.record.pk == record.pk for cell in row.cells}


def reweighed(record: Record, weight_kg: str, who: str = "coordinator1") -> Record:
    now = Record.objects.get(pk=record.pk)
    cells = {**now.cells, "weight_kg": weight_kg}
    return record_change(person(who), now, cells, seen_version=now.version, reason="misread scales")


def test_a_verification_says_who_when_and_at_which_version(record: Record) -> None:
    assert cells_verified(person("monitor1"), record, ["weight_kg"], seen_version=1) == 1
    found = Verification.objects.get()
    assert (found.column, found.record_version, found.verified_by) == ("weight_kg", 1, "monitor1")
    assert states(record)["weight_kg"] == "verified"
    assert states(record)["height_cm"] == "unverified"


def test_verifying_twice_changes_nothing(record: Record) -> None:
    cells_verified(person("monitor1"), record, ["weight_kg"], seen_version=1)
    before = Event.objects.count()
    assert cells_verified(person("monitor1"), record, ["weight_kg"], seen_version=1) == 0
    assert Event.objects.count() == before


def test_a_later_change_makes_the_verification_of_that_cell_stale_and_leaves_the_others(record: Record) -> None:
    cells_verified(person("monitor1"), record, ["weight_kg", "height_cm"], seen_version=1)
    changed = reweighed(record, "70.5")
    assert (states(changed)["weight_kg"], states(changed)["height_cm"]) == ("stale", "verified")
    cells_verified(person("monitor1"), changed, ["weight_kg"], seen_version=2)
    assert states(changed)["weight_kg"] == "verified"


def test_a_cell_changed_and_changed_back_is_stale(record: Record) -> None:
    cells_verified(person("monitor1"), record, ["weight_kg"], seen_version=1)
    before = record.cells["weight_kg"]
    reweighed(record, "70.5")
    back = reweighed(record, before)
    assert back.cells["weight_kg"] == before
    assert states(back)["weight_kg"] == "stale"


def test_what_was_seen_at_an_older_version_cannot_be_verified(record: Record) -> None:
    reweighed(record, "70.5")
    with pytest.raises(ConflictError):
        cells_verified(person("monitor1"), record, ["weight_kg"], seen_version=1)
    assert not Verification.objects.exists()


def test_an_empty_cell_cannot_be_verified(record: Record) -> None:
    empty = Record.objects.get(table="consents", participant__code="P01")
    assert "withdrawn_at" not in empty.cells
    with pytest.raises(InputError, match="nothing to verify"):
        cells_verified(person("monitor1"), empty, ["withdrawn_at"], seen_version=1)


@pytest.mark.parametrize("column", ["participant_id", "nonsense"])
def test_the_pseudonym_or_an_unknown_cell_cannot_be_verified(record: Record, column: str) -> None:
    with pytest.raises(InputError, match="nothing to verify"):
        cells_verified(person("monitor1"), record, [column], seen_version=1)


def test_U7_who_made_the_last_change_cannot_verify_it_even_with_both_rights(record: Record) -> None:
    both = person("monitor1")
    with act(SETUP, "test.set-up"):
        site = Site.objects.get()
        Assignment.objects.create(
            user=both, role="coordinator", site=site, starts_at="2022-01-01T00:00Z", granted_by="t"
        )
        Delegation.objects.create(
            user=both, site=site, tasks=["enter"], trained_on="2022-01-01", starts_on="2022-01-01", authorised_by="t"
        )
    changed = reweighed(record, "70.5", who="monitor1")
    with pytest.raises(InputError, match="another person has to verify"):
        cells_verified(person("monitor1"), changed, ["weight_kg"], seen_version=2)
    other = reweighed(changed, "71")
    assert cells_verified(person("monitor1"), other, ["weight_kg"], seen_version=3) == 1


@pytest.mark.parametrize("who", ["coordinator1", "manager1", "investigator1"])
def test_other_roles_cannot_verify(record: Record, client_of: ClientOf, who: str) -> None:
    with pytest.raises(PermissionError):
        cells_verified(person(who), record, ["weight_kg"], seen_version=1)
    answer = client_of(who).post("/records/verification/P01/", {"cell": f"{record.pk}:weight_kg"})
    assert answer.status_code == 403


def test_ticks_of_the_page_are_verified_together_or_not_at_all(record: Record, client_of: ClientOf) -> None:
    other = Record.objects.filter(table="consents", participant__code="P01").get()
    ticked = {"cell": [f"{record.pk}:weight_kg", f"{other.pk}:form_version"], f"version:{record.pk}": "1"}
    refused = client_of("monitor1").post("/records/verification/P01/", ticked)
    assert refused.status_code == 422
    assert not Verification.objects.exists()
    done = client_of("monitor1").post("/records/verification/P01/", {**ticked, f"version:{other.pk}": "1"})
    assert done.status_code == 302
    assert Verification.objects.count() == 2


@pytest.mark.parametrize("cell", ["", "nonsense:weight_kg", "00000000-0000-0000-0000-000000000000:weight_kg"])
def test_ticks_that_name_no_record_of_hers_are_refused(record: Record, client_of: ClientOf, cell: str) -> None:
    answer = client_of("monitor1").post("/records/verification/P01/", {"cell": cell} if cell else {})
    assert answer.status_code == (404 if cell else 422)


def test_progress_is_100_only_where_every_filled_cell_is_verified(record: Record) -> None:
    woman = record.participant
    assert woman is not None
    rows = rows_to_verify(woman, person("monitor1"))
    for row in rows[1:]:
        cells_verified(person("monitor1"), row.record, verifiable_columns(row.record), seen_version=1)
    left = progress(rows_to_verify(woman, person("monitor1")))
    assert left.percent < 100
    assert left.cells - left.verified == len(rows[0].cells)
    cells_verified(person("monitor1"), rows[0].record, verifiable_columns(rows[0].record), seen_version=1)
    assert progress(rows_to_verify(woman, person("monitor1"))).percent == 100


def test_the_list_and_the_page_count_alike(record: Record) -> None:
    cells_verified(person("monitor1"), record, ["weight_kg", "height_cm"], seen_version=1)
    reweighed(record, "70.5")
    woman = Participant.objects.get(code="P01")
    counted = progress_by_participant([woman])[woman.pk]
    assert counted == progress(rows_to_verify(woman, person("monitor1")))
    assert (counted.verified, counted.stale) == (1, 1)


def test_the_list_counts_as_the_page_does_whatever_was_verified_and_changed(record: Record) -> None:
    woman = record.participant
    assert woman is not None
    mine = list(Record.objects.filter(participant=woman).order_by("table", "sequence", "id"))
    for one in mine[::2]:
        cells_verified(person("monitor1"), one, verifiable_columns(one), seen_version=1)
    reweighed(record, "70.5")
    reweighed(record, "71.5")
    blank = next(one for one in mine[::2] if one.pk != record.pk)
    name = verifiable_columns(blank)[-1]
    record_change(person("coordinator1"), blank, {**blank.cells, name: ""}, seen_version=1, reason="not measured")
    record_entered_in_error(person("coordinator1"), mine[4], seen_version=mine[4].version, reason="another woman's")
    others = list(Participant.objects.exclude(pk=woman.pk)[:2])
    counted = progress_by_participant([woman, *others])
    for each in (woman, *others):
        assert counted[each.pk] == progress(rows_to_verify(each, person("monitor1")))
    assert counted[woman.pk].verified > 20
    assert counted[others[0].pk].verified == 0


def test_a_line_shows_its_ticks_its_marks_and_its_queries_and_escapes_what_is_typed(
    record: Record, client_of: ClientOf
) -> None:
    cells_verified(person("monitor1"), record, ["weight_kg", "height_cm"], seen_version=1)
    now = reweighed(record, "70.5")
    cells = {**now.cells, "note": "<b>&" + "x" * 50}
    record_change(person("coordinator1"), now, cells, seen_version=2, reason="a note was left out")
    query_raised(person("monitor1"), "Is it so?", record=record, column="height_cm")
    page = client_of("monitor1").get("/records/verification/P01/").content.decode()
    (line,) = (one for one in page.split("<tr>") if f'name="version:{record.pk}" value="3"' in one)
    key = f"c-{record.pk}-"
    assert f'<td class="stale"><input type="checkbox" name="cell" value="{record.pk}:weight_kg"' in line
    assert "changed since version 1, verified by monitor1" in line
    assert f'id="{key}height_cm"' not in line  # verified: nothing to tick
    assert 'class="sign good" title="monitor1 · ' in line
    assert f'<td class="unverified long"><input type="checkbox" name="cell" value="{record.pk}:note"' in line
    assert f'<label for="{key}note"><bdi>&lt;b&gt;&amp;xxx' in line
    assert f'data-dialog="/records/queries/ask/{record.pk}/height_cm/">?1</button>' in line
    assert 'aria-label="Whole line"' in line
    other = client_of("coordinator1").get("/records/verification/P01/").content.decode()
    assert 'type="checkbox"' not in other
    assert f'<label for="{key}note"><bdi>&lt;b&gt;&amp;xxx' in other


def test_cells_and_headings_are_in_words_and_times_in_both_calendars(record: Record, client_of: ClientOf) -> None:
    client = client_of("monitor1")
    page = client.get("/records/verification/P01/").content.decode()
    cells = set(re.findall(r"<label for=[^>]*><bdi>([^<]*)</bdi>", page))
    assert {"⁶⁸Ga-Trastuzumab", "Nuclear medicine physician", "Before treatment", "lymph node", "Persian"} <= cells
    assert {"Platelets", "Platelet count"} & cells
    # The consent of the virtual cohort's first participant, converted by hand.
    assert "2022-01-22 · 1400/11/02 09:16" in cells
    codes = [one for one in cells if re.search(r"[a-z]_[a-z]|T\d\d:\d\d", one)]
    assert codes == []
    heads = re.findall(r'<th scope="col">([^<]*)</th>', page)
    assert "Laboratory test" in heads
    assert max(map(len, heads)) <= 40, max(heads, key=len)
    client.cookies["theratrial_language"] = "fa"
    persian = client.get("/records/verification/P01/").content.decode()
    for english in ("Nuclear medicine physician", "lymph node", "Before treatment", "Laboratory test"):
        assert english not in persian


def test_summaries_of_forms_and_what_is_frozen_are_in_words(record: Record, client_of: ClientOf) -> None:
    for who, address in (
        ("coordinator1", "/records/participant/P01/"),
        ("manager1", "/records/locks/participant/P01/"),
    ):
        page = client_of(who).get(address).content.decode()
        assert "lesion 1" in page, address
        assert "lymph node" in page or who == "manager1"
        assert re.search(r">[^<]*(nuclear_medicine_physician|lymph_node|ga68_trastuzumab)", page) is None


def test_the_filter_shows_what_changed_since(record: Record, client_of: ClientOf) -> None:
    cells_verified(person("monitor1"), record, ["weight_kg"], seen_version=1)
    browser = client_of("monitor1")
    assert "No record is left" in browser.get("/records/verification/P01/?show=stale").content.decode()
    reweighed(record, "70.5")
    page = browser.get("/records/verification/P01/?show=stale").content.decode()
    assert "changed since version 1" in page
    assert "70.5" in page


def test_the_pages_take_a_bounded_number_of_queries(
    record: Record, client_of: ClientOf, django_assert_max_num_queries: Callable[..., object]
) -> None:
    browser = client_of("monitor1")
    for page in ("/records/verification/", "/records/verification/P01/"):
        with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
            assert browser.get(page).status_code == 200
