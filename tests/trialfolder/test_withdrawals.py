"""One rule for every room: when a withdrawal stands, and that a consent signed later takes it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from theratrial.gates.facts import Withdrawal
from theratrial.gates.records import gate_facts
from theratrial.pipeline.deviations import deviations
from theratrial.schedule.history import Status
from theratrial.schedule.sessions import last_session
from theratrial.schedule.visits import planned_visits
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.histories import participant_history
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import data_use_withdrawn, withdrawals

Make = Callable[..., Path]
HEADER = "participant_id,form_version,language,signed_at,obtained_by,withdrawn_at,withdrawal_kind\n"


def _folder(make_folder: Make, kind: str, again: str = "", version: str = "2.0") -> TrialFolder:
    """P-001, treated on 2022-03-01, withdraws on 2022-03-20 and signs again on the day `again`."""
    text = HEADER + f"P-001,1.0,fa,2022-02-01T09:00,NU-01,2022-03-20T10:00,{kind}\n"
    if again:
        text += f"P-001,{version},fa,{again},NU-01,,\n"
    return read_folder(make_folder(consents=text))


def _follow_up(folder: TrialFolder) -> Status:
    now = datetime(2022, 6, 1, 12, tzinfo=folder.zone)
    visits = planned_visits(folder.protocol, participant_history(folder, "P-001"), now)
    return next(one.status for one in visits if one.visit_id == "follow_up" and one.session == 1)


def test_a_later_consent_takes_the_withdrawal_back_in_the_schedule(make_folder: Make) -> None:
    back = _folder(make_folder, "all", "2022-04-01T09:00")
    assert not last_session(back.protocol, participant_history(back, "P-001")).known
    assert _follow_up(back) is Status.OVERDUE


def test_a_visit_whose_window_closed_while_she_was_away_stays_not_expected(make_folder: Make) -> None:
    # The window of the visit after the session of 2022-03-01 ends 56 days later.
    assert _follow_up(_folder(make_folder, "all", "2022-07-01T09:00")) is Status.NOT_EXPECTED


def test_a_consent_signed_at_the_very_moment_of_the_withdrawal_leaves_it_standing(make_folder: Make) -> None:
    folder = _folder(make_folder, "treatment", "2022-03-20T10:00")
    (one,) = withdrawals(folder, "P-001")
    assert one.taken_back_at is None
    assert last_session(folder.protocol, participant_history(folder, "P-001")).known


def test_a_withdrawal_stands_from_its_moment_until_the_consent_that_takes_it_back(make_folder: Make) -> None:
    folder = _folder(make_folder, "treatment", "2022-04-01T09:00")
    (one,) = withdrawals(folder, "P-001")
    began, ended = one.withdrawn_at, one.taken_back_at
    assert ended is not None
    step = timedelta(minutes=1)
    standing = [one.stands(at) for at in (began - step, began, ended - step, ended)]
    assert standing == [False, True, True, False]


def test_the_same_version_of_the_form_may_be_signed_again_after_a_withdrawal(make_folder: Make) -> None:
    folder = _folder(make_folder, "all", "2022-04-01T09:00", version="1.0")
    assert withdrawals(folder, "P-001")[0].taken_back_at is not None


def test_the_same_kind_may_be_withdrawn_twice_with_a_consent_between(make_folder: Make) -> None:
    more = "participant_id,withdrawn_at,withdrawal_kind,reason\n"
    more += "P-001,2022-03-25T11:00,follow_up,\nP-001,2022-04-25T11:00,follow_up,\n"
    text = HEADER + "P-001,1.0,fa,2022-02-01T09:00,NU-01,2022-03-20T10:00,treatment\n"
    text += "P-001,2.0,fa,2022-04-01T09:00,NU-01,,\n"
    folder = read_folder(make_folder(consents=text, withdrawals=more))
    assert [one.taken_back_at is None for one in withdrawals(folder, "P-001")] == [False, False, True]


@pytest.mark.parametrize(
    ("kind", "again", "withdrawn"),
    [("data_use", "", True), ("all", "", True), ("treatment", "", False), ("all", "2022-04-01T09:00", False)],
)
def test_the_use_of_the_data_is_withdrawn_until_she_consents_again(
    make_folder: Make, kind: str, again: str, withdrawn: bool
) -> None:
    assert data_use_withdrawn(_folder(make_folder, kind, again), "P-001") is withdrawn


@pytest.mark.parametrize(("again", "told"), [("2022-04-01T09:00", 1), ("2022-02-25T09:00", 0)])
def test_an_injection_between_withdrawal_and_consent_is_a_deviation_and_one_after_it_is_none(
    make_folder: Make, again: str, told: int
) -> None:
    # She was injected on 2022-03-01 at 09:30.
    text = HEADER + f"P-001,1.0,fa,2022-02-01T09:00,NU-01,2022-02-20T09:00,treatment\nP-001,2.0,fa,{again},NU-01,,\n"
    folder = read_folder(make_folder(consents=text))
    past, now = participant_history(folder, "P-001"), datetime(2022, 3, 10, tzinfo=folder.zone)
    notes, _ = deviations(folder, "P-001", eligible="eligible", past=past, now=now)
    assert len([note for note in notes if "withdrawn" in note.message]) == told


def test_the_gate_is_told_until_when_a_withdrawal_stood(make_folder: Make) -> None:
    folder = _folder(make_folder, "treatment", "2022-04-01T09:00")
    facts = gate_facts(folder, "P-001", session=1, administered_activity_MBq={}, doses=())
    (one,) = facts.withdrawals
    assert isinstance(one, Withdrawal)
    assert one.taken_back_at == datetime(2022, 4, 1, 9, tzinfo=folder.zone)
    assert one.withdrawn_at.date() == date(2022, 3, 20)
