"""What went wrong in the trial is noted as a deviation with its place, and what went right is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from theratrial.pipeline.deviations import deviations, history
from theratrial.pipeline.trial import cut_off
from theratrial.protocol.reader import shipped_protocol, shipped_protocol_bytes
from theratrial.safety.pregnancy import pregnancy_test_needed
from theratrial.trialfolder import read_folder

_SEED = "IRCT20210612051548N3"

# Injections of 177Lu on days 0 and 50, with all visits in their windows (follow_up 42-56 days, interval 42-70 days).
SOUND = {
    "participants": "participant_id,site_id,screened_on,sex\nP1,site_01,2022-02-01,female\n",
    "consents": "participant_id,form_version,language,signed_at,obtained_by,withdrawn_at,withdrawal_kind\n"
    "P1,1.0,fa,2022-02-01T09:00,NU-01,,\n",
    "selection_reads": "participant_id,read_at,reader,reader_role,result\n"
    "P1,2022-02-05T09:00,NM-01,nuclear_medicine_physician,positive\n",
    "batches": "batch_id,product_id,activity_MBq,reference_at,expires_at,radiochemical_purity_percent,"
    "released,released_at\n"
    "B1,lu177_trastuzumab,5000,2022-03-01T08:00,2022-03-02T08:00,98,yes,2022-03-01T08:30\n"
    "B2,lu177_trastuzumab,5000,2022-04-20T08:00,2022-04-21T08:00,98,yes,2022-04-20T08:30\n",
    "administrations": "participant_id,product_id,session,timepoint,batch_id,measured_activity_MBq,measured_at,"
    "injected_at,route,pregnancy_test\n"
    "P1,lu177_trastuzumab,1,,B1,1510,2022-03-01T09:00,2022-03-01T09:30,intravenous,negative\n"
    "P1,lu177_trastuzumab,2,,B2,1510,2022-04-20T09:00,2022-04-20T09:30,intravenous,negative\n",
    "visits": "participant_id,visit_id,session,status,occurred_on\n"
    "P1,screening,,done,2022-02-01\nP1,follow_up,1,done,2022-04-13\n",
}


@pytest.fixture
def noted(tmp_path: Path) -> Callable[..., list[str]]:
    """Deviations of the sound folder with some texts of some tables replaced, as `place: message`."""

    def of(*changes: tuple[str, str, str], eligible: str = "eligible") -> list[str]:
        tables = dict(SOUND)
        for table, old, new in changes:
            assert old in tables[table]
            tables[table] = tables[table].replace(old, new)
        (tmp_path / "records").mkdir(exist_ok=True)
        (tmp_path / "protocol.yaml").write_bytes(shipped_protocol_bytes(_SEED))
        for name, text in tables.items():
            (tmp_path / f"records/{name}.csv").write_text(text, encoding="utf-8")
        folder = read_folder(tmp_path)
        found, _ = deviations(
            folder,
            "P1",
            eligible=eligible,  # type: ignore[arg-type]
            past=history(folder, "P1"),
            now=cut_off(folder),
        )
        assert all(note.severity == "deviation" for note in found)
        return [f"{note.place}: {note.message}" for note in found]

    return of


def test_a_trial_by_the_book_has_no_deviation(noted: Callable[..., list[str]]) -> None:
    assert noted() == []


_FIRST = "session 1, records/administrations.csv line 2: "


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("consents", "2022-02-01T09:00", "2022-03-05T09:00"),
            _FIRST + "lu177_trastuzumab was injected at 2022-03-01 09:30+03:30, before the consent of 2022-03-05",
        ),
        (("consents", "P1,1.0,fa,2022-02-01T09:00,NU-01,,\n", ""), _FIRST + "lu177_trastuzumab was injected, but no"),
        (
            ("consents", "NU-01,,", "NU-01,2022-02-20T09:00,treatment"),
            _FIRST
            + "lu177_trastuzumab was injected at 2022-03-01 09:30+03:30, after consent was withdrawn on 2022-02-20",
        ),
        (
            ("batches", "98,yes,2022-03-01T08:30", "98,no,"),
            _FIRST + "batch B1 (records/batches.csv line 2) was injected although it was not released",
        ),
        (
            ("batches", "yes,2022-03-01T08:30", "yes,2022-03-01T10:00"),
            _FIRST
            + "batch B1 (records/batches.csv line 2) was injected at 2022-03-01 09:30+03:30, before its release at",
        ),
        (
            ("batches", "2022-03-02T08:00", "2022-03-01T09:15"),
            _FIRST
            + "batch B1 (records/batches.csv line 2) was injected at 2022-03-01 09:30+03:30, after it expired at",
        ),
        (
            ("batches", "2022-03-02T08:00,98", "2022-03-02T08:00,80"),
            _FIRST + "batch B1 (records/batches.csv line 2) has a radiochemical purity of 80 %; the protocol asks for",
        ),
        (
            ("batches", "2022-03-02T08:00,98", "2022-03-02T08:00,"),
            _FIRST + "batch B1 (records/batches.csv line 2): its radiochemical purity is not recorded",
        ),
        (
            ("selection_reads", "2022-02-05T09:00", "2022-03-02T09:00"),
            _FIRST + "treated before the selection image was read: it was read only afterwards",
        ),
        (
            ("visits", "2022-04-13", "2022-04-11"),
            "session 1, follow_up: ",
        ),
    ],
)
def test_each_deviation_is_noted_alone_with_its_place(
    change: tuple[str, str, str], said: str, noted: Callable[..., list[str]]
) -> None:
    found = [one for one in noted(change) if "session 2" not in one]
    assert len(found) == 1, found
    assert found[0].startswith(said)


def test_a_visit_before_its_window_is_noted_with_the_days(noted: Callable[..., list[str]]) -> None:
    (found,) = noted(("visits", "2022-04-13", "2022-04-11"))
    # 2022-03-01 and 42 to 56 days.
    assert found.startswith("session 1, follow_up: ")
    assert found.endswith("held on 2022-04-11, 1 day before its window (2022-04-12 to 2022-04-26)")


@pytest.mark.parametrize(
    ("eligible", "said"), [("not eligible", "treated although not eligible"), ("not known", "eligibility is not known")]
)
def test_treatment_without_eligibility_is_noted(eligible: str, said: str, noted: Callable[..., list[str]]) -> None:
    (found,) = noted(eligible=eligible)
    assert found.startswith(_FIRST)
    assert said in found


def test_a_session_outside_the_protocols_interval_is_noted_with_the_days(noted: Callable[..., list[str]]) -> None:
    late = noted(
        ("administrations", "2022-04-20", "2022-05-20"), ("batches", "2022-04-20", "2022-05-20"),
        ("batches", "2022-04-21", "2022-05-21"),
    )  # fmt: skip
    assert len(late) == 1
    # 2022-03-01 and 70 days is 2022-05-10.
    assert "session 2: given on 2022-05-20, 10 days after the protocol's 42 to 70 days" in late[0]


def test_a_later_consent_takes_a_withdrawal_back(noted: Callable[..., list[str]]) -> None:
    again = "NU-01,2022-02-20T09:00,treatment\nP1,1.1,fa,2022-02-25T09:00,NU-01,,"
    assert noted(("consents", "NU-01,,", again)) == []


def test_the_purity_limit_is_the_protocols(noted: Callable[..., list[str]]) -> None:
    assert noted(("batches", "2022-03-02T08:00,98", "2022-03-02T08:00,95.0")) == []
    assert noted(("batches", "2022-03-02T08:00,98", "2022-03-02T08:00,94.9")) != []


_GALLIUM = "P1,ga68_trastuzumab,,baseline,B1,150,2022-02-10T09:00,2022-02-10T09:30,intravenous,{test}\n"


@pytest.mark.parametrize(("test", "noted_as"), [("", "not recorded"), ("not_done", "not done"), ("negative", "")])
def test_a_pregnancy_test_is_asked_before_an_imaging_injection_as_before_a_therapy(
    tmp_path: Path, test: str, noted_as: str
) -> None:
    tables = SOUND | {
        "administrations": SOUND["administrations"] + _GALLIUM.format(test=test).replace("B1", "B0"),
        "batches": SOUND["batches"]
        + "B0,ga68_trastuzumab,500,2022-02-10T08:00,2022-02-10T12:00,98,yes,2022-02-10T08:30\n",
    }
    (tmp_path / "records").mkdir()
    (tmp_path / "protocol.yaml").write_bytes(shipped_protocol_bytes(_SEED))
    for name, text in tables.items():
        (tmp_path / f"records/{name}.csv").write_text(text, encoding="utf-8")
    folder = read_folder(tmp_path)
    found, major = deviations(folder, "P1", eligible="eligible", past=history(folder, "P1"), now=cut_off(folder))
    said = [one.message for one in found if "pregnancy test" in one.message]
    assert said == ([f"ga68_trastuzumab was injected although the pregnancy test is {noted_as}"] if noted_as else [])
    assert major == bool(noted_as)


def test_a_protocol_that_asks_for_it_before_therapy_alone_asks_for_it_so() -> None:
    protocol = shipped_protocol(_SEED)
    gate = protocol.safety_gate.reading
    assert gate is not None
    clause = protocol.safety_gate.model_copy(
        update={"reading": gate.model_copy(update={"pregnancy_test_before": ("therapy",)})}
    )
    only = protocol.model_copy(update={"safety_gate": clause})
    assert pregnancy_test_needed(protocol, "ga68_trastuzumab", "female")
    assert not pregnancy_test_needed(only, "ga68_trastuzumab", "female")
    assert pregnancy_test_needed(only, "lu177_trastuzumab", "female")
    assert not pregnancy_test_needed(protocol, "lu177_trastuzumab", "male")
