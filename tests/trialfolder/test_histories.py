"""What the schedule needs of a participant, out of the record tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from sound_folder import SOUND

from theratrial.errors import InputError
from theratrial.schedule.history import Ending, Status
from theratrial.schedule.sessions import last_session
from theratrial.schedule.visits import planned_visits
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.histories import participant_history

Make = Callable[..., Path]


def _consents(kind: str) -> str:
    header = "participant_id,form_version,language,signed_at,obtained_by,withdrawn_at,withdrawal_kind"
    return f"{header}\nP-001,1.0,fa,2022-02-01T09:00,NU-01,2022-04-20T10:00,{kind}\n"


def test_a_history_holds_what_was_given_done_and_ended(make_folder: Make) -> None:
    visits = "participant_id,visit_id,session,status,occurred_on,reason\nP-001,follow_up,1,done,2022-04-14,\n"
    ended = "participant_id,occurred_on,event,reason\nP-001,2022-05-01,death,\n"
    folder = read_folder(make_folder(visits=visits, dispositions=ended))
    history = participant_history(folder, "P-001", endings=[Ending("gate_stop", date(2022, 4, 14))])
    assert history.screened_on == date(2022, 2, 1)
    assert [(one.product_id, one.session, one.source) for one in history.administrations] == [
        ("lu177_trastuzumab", 1, "record:records/administrations.csv#2")
    ]
    assert [(one.visit_id, one.occurred_on) for one in history.visits] == [("follow_up", date(2022, 4, 14))]
    assert [one.kind for one in history.endings] == ["death", "gate_stop"]
    assert last_session(folder.protocol, history).reason == "gate_stop"


@pytest.mark.parametrize(
    ("kind", "ends"), [("treatment", True), ("follow_up", True), ("all", True), ("data_use", False)]
)
def test_every_withdrawal_but_that_of_data_use_ends_the_sessions(make_folder: Make, kind: str, ends: bool) -> None:
    folder = read_folder(make_folder(consents=_consents(kind)))
    last = last_session(folder.protocol, participant_history(folder, "P-001"))
    assert last.known is ends
    assert (last.source == "record:records/consents.csv#2") is ends


@pytest.mark.parametrize(("kind", "stays"), [("treatment", True), ("follow_up", False), ("all", False)])
def test_withdrawal_from_treatment_leaves_the_follow_up_due(make_folder: Make, kind: str, stays: bool) -> None:
    folder = read_folder(make_folder(consents=_consents(kind)))
    now = datetime(2022, 6, 1, 12, tzinfo=folder.zone)
    visits = planned_visits(folder.protocol, participant_history(folder, "P-001"), now)
    follow_up = [one for one in visits if one.visit_id == "follow_up" and one.session == 1]
    assert [one.status for one in follow_up] == [Status.OVERDUE if stays else Status.NOT_EXPECTED]


def test_a_second_withdrawal_of_follow_up_ends_the_visits_that_the_first_of_treatment_left(make_folder: Make) -> None:
    more = "participant_id,withdrawn_at,withdrawal_kind,reason\nP-001,2022-04-20T11:00,follow_up,moved away\n"
    folder = read_folder(make_folder(consents=_consents("treatment"), withdrawals=more))
    history = participant_history(folder, "P-001")
    assert [one.kind for one in history.endings] == ["treatment_withdrawal", "withdrawal"]
    now = datetime(2022, 6, 1, 12, tzinfo=folder.zone)
    visits = planned_visits(folder.protocol, history, now)
    assert {one.status for one in visits if one.visit_id == "follow_up"} == {Status.NOT_EXPECTED}


def test_a_participant_nobody_knows_is_refused(make_folder: Make) -> None:
    with pytest.raises(InputError, match="P-009"):
        participant_history(read_folder(make_folder(consents=SOUND["consents"])), "P-009")
