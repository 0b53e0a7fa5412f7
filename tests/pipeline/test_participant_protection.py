"""Radiation protection in the run: what the records say, what is missing, what the traces lead to; and the sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.cohorts import shared_cohort

from theratrial.errors import InputError
from theratrial.pipeline.context import Context
from theratrial.pipeline.participant_protection import first_free_day, months_later, participant_protection
from theratrial.pipeline.traces import dead_ends
from theratrial.protocol.plans.protection import ProtectionPlan
from theratrial.report.leaflet.page import LeafletFacts, last_day, leaflet_page, leaflet_pdf
from theratrial.report.leaflet.stored import stored_facts
from theratrial.results.plain import plain
from theratrial.results.protection import SessionProtection
from theratrial.results.values import Note
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder

WHO = "P01"
PLAN = {
    "release_limit": "common_european_20uSv_h",
    "constraints": "relatives_1_public_0_3",
    "kinetics": "measured_dose_rates",
    "minimum_measurements": 2,
    "contraception_months": 7,
    "citation": "a test",
}
HOURS = (2.0, 24.0, 48.0, 120.0)


class Trial:
    """A folder with our own dose rates, discharge and household of one participant's first session."""

    def __init__(self, path: Path) -> None:
        self.folder: TrialFolder = read_folder(path)
        given = self.folder.rows("administrations", participant_id=WHO, session=1, product_id=self.product)[0]
        self.injected_at: datetime = given["injected_at"]

    @property
    def product(self) -> str:
        reading = self.folder.protocol.sessions.reading
        assert reading is not None
        return reading.product

    def rates(self, rates: tuple[float, ...], hours: tuple[float, ...] = HOURS, **more: Any) -> tuple[Row, ...]:
        return tuple(
            self.row(
                "dose_rates",
                index,
                {
                    "participant_id": WHO,
                    "session": 1,
                    "measured_at": self.injected_at + timedelta(hours=at),
                    "distance_m": 1.0,
                    "dose_rate_uSv_per_h": rate,
                    "background_uSv_per_h": 0.1,
                    "instrument": None,
                    "measured_by": None,
                    **more,
                },
            )
            for index, (at, rate) in enumerate(zip(hours, rates, strict=False), 2)
        )

    def row(self, table: str, line: int, values: Mapping[str, Any]) -> Row:
        return Row(table, line, values)

    def judged(
        self, rows: tuple[Row, ...], *, leaves_h: float | None = 48.0, people: tuple[str, ...] = (), **plan: Any
    ) -> tuple[SessionProtection, list[Note], TrialFolder]:
        leaving = {"participant_id": WHO, "session": 1, "decided_by": "PH-01", "leaflet_language": None}
        discharges = (
            ()
            if leaves_h is None
            else (
                self.row("discharges", 2, {**leaving, "discharged_at": self.injected_at + timedelta(hours=leaves_h)}),
            )
        )
        household = tuple(
            self.row(
                "household",
                number + 1,
                {
                    "participant_id": WHO,
                    "member_id": str(number),
                    "kind": kind.partition(":")[0],
                    "shares_bed": kind.endswith(":bed"),
                    "stated_on": self.injected_at.date(),
                },
            )
            for number, kind in enumerate(people, 1)
        )
        clause = self.folder.protocol.radiation_protection
        assert clause is not None
        protocol = self.folder.protocol.model_copy(
            update={"radiation_protection": clause.model_copy(update={"reading": ProtectionPlan(**{**PLAN, **plan})})}
        )
        tables = {
            **self.folder.tables,
            "dose_rates": rows,
            "discharges": discharges,
            "household": household,
        }
        folder = replace(self.folder, tables=tables, protocol=protocol)
        session = SimpleNamespace(
            session=1,
            injected_at=self.injected_at,
            administered_activity_MBq=Quantity(7400.0, "MBq", Trace("a", "1")),
            whole_body=None,
        )
        result: Any = SimpleNamespace(participant_id=WHO, sessions=(session,))
        notes: list[Note] = []
        found = participant_protection(folder, result, Context({}, self.injected_at, ("radiation_protection",)), notes)
        return found[0], notes, folder

    def facts(self, found: SessionProtection) -> LeafletFacts:
        return LeafletFacts(WHO, found, self.injected_at, self.folder.zone, demonstration=False)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(shared_cohort(tmp_path_factory, participants=1))


FALLING = (14.1, 12.6, 10.9, 7.1)


def test_falling_rates_let_her_leave_with_restrictions_for_each_person(trial: Trial) -> None:
    found, notes, _ = trial.judged(trial.rates(FALLING), people=("adult:bed", "child_2_to_5"))
    assert found.verdict == "may_leave"
    assert found.kinetics == "measured_dose_rates"
    assert [one.member_id for one in found.restrictions] == ["1", "1", "2", "", "", "", ""]
    assert all((one.dose_with_mSv.upper or 9) <= one.constraint_mSv * (1 + 1e-9) for one in found.restrictions)
    assert notes == []
    assert found.trace.demonstration == ("radiation_protection",)


def test_the_first_free_day_is_after_the_upper_bound_and_never_rounded_down(trial: Trial) -> None:
    found, _, folder = trial.judged(trial.rates(FALLING), people=("adult:bed",))
    for one in found.restrictions:
        assert one.until_on is not None
        assert one.until_h.upper is not None
        ends = (trial.injected_at + timedelta(hours=one.until_h.upper)).astimezone(folder.zone)
        assert one.until_on > ends.date()
        assert (one.until_on - ends.date()).days == 1


@pytest.mark.parametrize(
    ("rows", "more", "word"),
    [
        ((9.0, 14.0, 20.0, 30.0), {}, "contamination"),
        (FALLING, {"distance_m": 0.05}, "distance"),
        (FALLING, {"dose_rate_uSv_per_h": -1.0}, "allowed are 0"),
    ],
)
def test_readings_that_cannot_be_used_leave_it_undetermined_and_noted(
    trial: Trial, rows: tuple[float, ...], more: dict[str, Any], word: str
) -> None:
    found, notes, _ = trial.judged(trial.rates(rows, **more))
    assert found.verdict == "undetermined"
    assert word in found.because
    assert found.restrictions == ()
    assert any(word in note.message for note in notes)
    with pytest.raises(InputError, match="no sheet"):
        leaflet_page(trial.facts(found), "en")


def test_a_reading_before_the_injection_is_no_reading_of_hers(trial: Trial) -> None:
    found, _, _ = trial.judged(trial.rates(FALLING, hours=(-3.0, 24.0, 48.0, 120.0)))
    assert found.verdict == "undetermined"
    assert "before it" in found.because


@pytest.mark.parametrize("limit", ["ir_inra", "no_such_row"])
def test_a_limit_that_is_not_established_lets_nobody_leave(trial: Trial, limit: str) -> None:
    found, _, _ = trial.judged(trial.rates(FALLING), release_limit=limit)
    assert found.verdict == "undetermined"


def test_an_own_limit_with_its_citation_decides(trial: Trial) -> None:
    own: dict[str, Any] = {"release_limit": "ir_inra", "own_limit_uSv_per_h": 5.0, "own_limit_citation": "a letter"}
    assert trial.judged(trial.rates(FALLING), **own)[0].verdict == "may_not_leave"
    own["own_limit_uSv_per_h"] = 15.0
    assert trial.judged(trial.rates(FALLING), **own)[0].verdict == "may_leave"


def test_one_reading_gives_longer_restrictions_than_four(trial: Trial) -> None:
    four, _, _ = trial.judged(trial.rates(FALLING))
    one, _, _ = trial.judged(trial.rates(FALLING)[:1])
    assert one.kinetics == "physical_decay"
    pairs = zip(one.restrictions, four.restrictions, strict=True)
    assert all((a.until_h.upper or 0) > (b.until_h.upper or 0) for a, b in pairs)


def test_the_safety_margin_lengthens_restrictions_and_leaves_the_verdict(trial: Trial) -> None:
    plain_one, _, _ = trial.judged(trial.rates(FALLING))
    margin, _, _ = trial.judged(trial.rates(FALLING), safety_margin_fraction=0.5)
    assert margin.verdict == plain_one.verdict
    assert all(
        (a.until_h.value or 0) > (b.until_h.value or 0)
        for a, b in zip(margin.restrictions, plain_one.restrictions, strict=True)
    )


def test_every_input_of_the_trace_leads_somewhere(trial: Trial) -> None:
    found, _, folder = trial.judged(trial.rates(FALLING), people=("adult:bed",))
    session = {"session": 1, "administered_activity_MBq": {"value": 1.0}, "injected_at": "2026"}
    tree = {"participants": [{"participant_id": WHO, "sessions": [session], "protection": [plain(found)]}]}
    assert dead_ends(tree, folder, ()) == ()


def test_a_protocol_without_the_clause_has_no_result(trial: Trial) -> None:
    folder = replace(trial.folder, protocol=trial.folder.protocol.model_copy(update={"radiation_protection": None}))
    result: Any = SimpleNamespace(participant_id=WHO, sessions=())
    assert participant_protection(folder, result, Context({}, trial.injected_at, ()), []) == ()


@pytest.mark.parametrize(("language", "words"), [("en", "Sleep in separate beds"), ("fa", "در تخت جدا بخوابید")])
def test_the_sheet_says_the_last_day_of_each_restriction_in_both_calendars(
    trial: Trial, language: Any, words: str
) -> None:
    from theratrial.report.leaflet.dates import other_date, own_date

    found, _, _ = trial.judged(trial.rates(FALLING), people=("adult:bed",))
    page = leaflet_page(trial.facts(found), language)
    assert words in page
    for one in found.restrictions:
        day = last_day(one, found)
        assert day is not None
        if day != date.min:
            assert own_date(day, language) in page
            assert other_date(day, language) in page
    assert found.contraception_until is not None
    assert own_date(found.contraception_until, language) in page


def test_the_sheet_never_shows_a_number_that_is_not_settled(trial: Trial) -> None:
    found, _, _ = trial.judged(trial.rates(FALLING))
    first = found.restrictions[0]
    unsettled = replace(first, until_on=None)
    page = leaflet_page(trial.facts(replace(found, restrictions=(unsettled, *found.restrictions[1:]))), "en")
    assert "ask the physicist" in page
    assert page.count('class="until"') == len(found.restrictions)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"verdict": "undetermined"}, "undetermined"),
        ({"verdict": "may_not_leave"}, "may not leave"),
        ({"discharged_at": None}, "no discharge"),
        ({"restrictions": ()}, "no restriction could be computed"),
    ],
)
def test_no_sheet_is_printed_without_a_verdict_and_a_discharge(trial: Trial, change: dict[str, Any], word: str) -> None:
    found, _, _ = trial.judged(trial.rates(FALLING))
    with pytest.raises(InputError, match=word):
        leaflet_page(trial.facts(replace(found, **change)), "en")


def test_the_sheet_is_the_same_bytes_each_time_and_keeps_hostile_codes_harmless(trial: Trial) -> None:
    found, _, _ = trial.judged(trial.rates(FALLING), people=("adult:bed",))
    facts = trial.facts(found)
    assert leaflet_pdf(facts, "fa") == leaflet_pdf(facts, "fa")
    assert "<script>" not in leaflet_page(replace(facts, participant_id="<script>x"), "en")
    assert "DEMONSTRATION" in leaflet_page(replace(facts, demonstration=True), "en")
    assert "DEMONSTRATION" not in leaflet_page(facts, "en")


@pytest.mark.parametrize(("language", "mark"), [("en", "DRAFT"), ("fa", "پیش‌نویس")])
def test_a_sheet_that_no_physicist_signed_is_marked_as_a_draft_on_every_page(
    trial: Trial, language: Any, mark: str
) -> None:
    found, _, _ = trial.judged(trial.rates(FALLING), people=("adult:bed",))
    facts = trial.facts(found)
    page = leaflet_page(facts, language)
    # A fixed element is drawn on every page of print, by CSS 2.1, section 9.3.1.
    assert f'<p class="watermark" aria-hidden="true">{mark}</p>' in page
    assert f'<p class="draft">{mark}' in page
    assert ".watermark { position: fixed;" in page
    signed = leaflet_page(replace(facts, signed_by="A <b> Physicist", signed_at=trial.injected_at), language)
    assert mark not in signed
    assert "A &lt;b&gt; Physicist" in signed
    if language == "en":
        pypdf = pytest.importorskip("pypdf")
        reader = pypdf.PdfReader(BytesIO(leaflet_pdf(facts, language)))
        texts = [one.extract_text() for one in reader.pages]
        assert len(texts) > 1
        assert all("DRAFT" in one for one in texts)


def test_stored_results_give_the_same_sheet(trial: Trial) -> None:
    found, _, _ = trial.judged(trial.rates(FALLING), people=("adult:bed",))
    session = {"session": 1, "injected_at": trial.injected_at.isoformat()}
    person = {"participant_id": WHO, "sessions": [session], "protection": [plain(found)]}
    tree = {"participants": [person], "timezone": trial.folder.zone.key, "simulated": False}
    stored = stored_facts(tree, WHO, 1)
    assert stored.protection == found
    assert leaflet_page(replace(stored, demonstration=False), "fa") == leaflet_page(trial.facts(found), "fa")
    for who, session_number, word in (("P99", 1, "no participant"), (WHO, 4, "no session")):
        with pytest.raises(InputError, match=word):
            stored_facts(tree, who, session_number)


def test_months_and_days_are_never_too_short() -> None:
    assert months_later(date(2026, 1, 31), 1) == date(2026, 3, 1)
    assert months_later(date(2025, 12, 15), 7) == date(2026, 7, 15)
    assert months_later(date(2026, 1, 1), 3.5) == date(2026, 4, 17)
    zone = datetime.fromisoformat("2026-03-02T10:00:00+03:30").tzinfo
    assert zone is not None
    at = datetime.fromisoformat("2026-03-02T10:00:00+03:30")
    assert first_free_day(at, 13.9, zone) == date(2026, 3, 3)
    assert first_free_day(at, 14.1, zone) == date(2026, 3, 4)
