"""What a release may not tell: planted names, original UIDs, files, lines, offsets, looked for in all that leaves.

UIDs are read by pydicom and digests made by hashlib from the trial's own files, not by the product's search.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pydicom
import pytest

from theratrial.pipeline.sharing_release import Release, ReleaseAsked, release_made
from theratrial.pipeline.trial import TrialRun
from theratrial.protocol.schema import SHARED_ITEMS, SharingPlan
from theratrial.results.values import TrialResult
from theratrial.sharing.identity import dates_moved, leaks_in, shared_folder, trial_cleaner
from theratrial.sharing.identity.cleaner import Cleaner, cleaner_of
from theratrial.sharing.images.clocks import Clock
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder

KEY = ReleaseKey(b"a secret of sixteen bytes or more", "test")
TEHRAN = ZoneInfo("Asia/Tehran")
WINTER = timezone(timedelta(hours=3, minutes=30))
LESION, CALIBRATION, TYPED = "Fatemeh_les1", "cal_Testname_20220110", "told by Fatemeh of Testabad"
DIGEST = hashlib.sha256(b"a file").hexdigest()
OWN_UID = "2.25.186795331502791472876831390121667920470"


@pytest.fixture
def cleaner() -> Cleaner:
    people = {"P01": Person("P-AAAAAAAA", -1000, 210)}
    clocks = {"P01": Clock(TEHRAN, (datetime(2022, 3, 20, 9, tzinfo=TEHRAN),))}
    instead = {LESION: "LESION-ABCDEF", TYPED: "[withheld]", "bone_of_Fatemeh": "bone_of"}
    return cleaner_of(
        KEY, people, {"site_01": "SITE-XYZ"}, instead, clocks=clocks, uids={"1.2.3.4"}, public={"2021-10-18", "a" * 64}
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"series:{OWN_UID}.", f"series:{KEY.uid(OWN_UID)}."),
        ("of 1.2.3.4, not of 1.2.3", f"of {KEY.uid('1.2.3.4')}, not of 1.2.3"),
        ("record:records/laboratory.csv#107", "record:records/laboratory.csv"),
        ("record:consents/0b8f3c1e-8a53-4a1e-9d0e-0123456789ab@2", "record:records/consents.csv"),
        (f"protocol sha256:{'a' * 64}", f"protocol sha256:{'a' * 64}"),
        (f"lesions[{LESION}] and {LESION.upper()}", "lesions[LESION-ABCDEF] and LESION-ABCDEF"),
        ("site bone_of_Fatemeh", "site bone_of"),
        ("the liver is normal", "the liver is normal"),
        ("registration record of 2021-10-18, seen 2022-03-02", "registration record of 2021-10-18, seen [date]"),
    ],
)
def test_a_sentence_keeps_nothing_that_leads_home(cleaner: Cleaner, said: str, shown: str) -> None:
    assert cleaner.sentence(said) == shown


def test_a_file_has_one_label_that_only_the_key_can_make(cleaner: Cleaner) -> None:
    said = cleaner.sentence(f"sha256:{DIGEST}#liver and {DIGEST}")
    assert re.fullmatch(r"(file:FILE-[A-Z2-7]{12})#liver and \1", said)
    other = replace(cleaner, key=ReleaseKey(b"another secret of sixteen bytes", "test"))
    assert other.sentence(DIGEST) != cleaner.sentence(DIGEST)


def test_a_day_that_everybody_knows_is_not_moved_with_a_participants(cleaner: Cleaner) -> None:
    """Moved, it would tell the shift: 2021-10-18 is in the protocol."""
    assert cleaner.sentence("since 2021-10-18", "P01") == "since [date]"
    assert cleaner.sentence("on 2022-03-02", "P01") == f"on {date(2022, 3, 2) - timedelta(days=1000)}"


def test_a_moment_shows_the_wall_and_no_offset_in_sentences_and_values_alike(cleaner: Cleaner) -> None:
    """The clocks changed on 22 March 2022; P01 was treated on the 20th, so hers do not change until 3 April."""
    back = timedelta(days=1000)
    for local, shown in (
        (datetime(2022, 3, 1, 9, 30, tzinfo=TEHRAN), datetime(2022, 3, 1, 9, 30)),
        (datetime(2022, 3, 25, 9, 30, tzinfo=TEHRAN), datetime(2022, 3, 25, 8, 30)),
        (datetime(2022, 4, 25, 9, 30, tzinfo=TEHRAN), datetime(2022, 4, 25, 9, 30)),
        (datetime(2022, 4, 25, 5, 0, tzinfo=UTC), datetime(2022, 4, 25, 9, 30)),
    ):
        assert cleaner.moved(local, "P01") == shown.replace(tzinfo=UTC) - back
        assert cleaner.sentence(f"at {local.isoformat(timespec='minutes')}", "P01") == (
            f"at {(shown - back).isoformat(timespec='minutes')}+00:00"
        )
    assert cleaner.sentence("at 2022-03-25 09:30", "P01") == f"at {datetime(2022, 3, 25, 8, 30) - back:%Y-%m-%d %H:%M}"


# -- a whole release -------------------------------------------------------------------------------------------------


def renamed(value: Any, words: Mapping[str, str], whole: Mapping[str, str]) -> Any:
    """A tree of results in which words inside texts, and texts as a whole, are others."""
    if isinstance(value, str):
        said = whole.get(value, value)
        for old, new in words.items():
            said = re.sub(rf"\b{old}\b", new, said)
        return said
    if is_dataclass(value) and not isinstance(value, type):
        made = {one.name: renamed(getattr(value, one.name), words, whole) for one in fields(value) if one.init}
        return replace(value, **made)
    if isinstance(value, tuple | list):
        return type(value)(renamed(one, words, whole) for one in value)
    if isinstance(value, Mapping):
        found = {renamed(key, words, whole): renamed(one, words, whole) for key, one in value.items()}
        return MappingProxyType(found) if isinstance(value, MappingProxyType) else found
    return value


@pytest.fixture(scope="session")
def planted(small_trial: Path, small_run: TrialRun) -> tuple[TrialFolder, TrialResult]:
    """The small trial as a careless site might have typed it."""
    folder = read_folder(small_trial)
    site = str(folder.tables["lesion_readings"][0]["site"])
    calibration = str(folder.tables["calibrations"][0]["calibration_id"])
    words = {"lesion_1": LESION, calibration: CALIBRATION}
    whole = {site: f"{site}_of_Fatemeh_Testname"}
    tables = {}
    for name, rows in folder.tables.items():
        made = []
        for row in rows:
            values = {column: renamed(value, words, whole) for column, value in row.values.items()}
            if name == "tumour_measurements":
                values["modality"] = "CT Fatemeh"
            if name == "consents":
                values["form_version"] = "1.0 Testname"
            if name == "adverse_events":
                values["comment"] = TYPED if row is rows[0] else "normal"
            made.append(Row(row.table, row.line, values, row.original, row.origin))
        tables[name] = tuple(made)
    plan = SharingPlan.model_validate(
        dict.fromkeys(SHARED_ITEMS, "yes") | {"informed_consent_form": "no", "study_protocol": "no"}
    )
    clause = folder.protocol.sharing.model_copy(update={"reading": plan})
    protocol = folder.protocol.model_copy(update={"sharing": clause})
    whole_folder = replace(folder, registration=None, tables=tables, protocol=protocol)
    return whole_folder, renamed(small_run.result, words, whole)


@pytest.fixture(scope="session")
def release(planted: tuple[TrialFolder, TrialResult]) -> Release:
    folder, result = planted
    return release_made(folder, result, ReleaseAsked(KEY, {}, with_pdf=False))


@pytest.fixture(scope="session")
def shared(release: Release) -> dict[str, str]:
    return {name: content.decode("utf-8", "replace") for name, content in release.files.items()}


@pytest.fixture(scope="session")
def uids(small_trial: Path) -> set[str]:
    names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
    paths = (one for one in (small_trial / "images").rglob("*") if one.is_file())
    headers = [pydicom.dcmread(path, specific_tags=list(names)) for path in paths]
    return {str(one[name].value) for one in headers for name in names if name in one}


@pytest.mark.long
def test_no_typed_site_lesion_modality_calibration_or_form_stands_in_any_file(shared: dict[str, str]) -> None:
    """In transport files and definitions too, and whatever the case: SDTM writes capitals."""
    assert {"data/sdtm/xpt/tr.xpt", "data/adam/xpt/adtr.xpt", "report/report-en.html"} <= shared.keys()
    words = ("fatemeh", "testname", "testabad", "20220110")
    left = [(name, one) for name, text in shared.items() for one in words if one in text.casefold()]
    assert left == []


@pytest.mark.long
def test_a_typed_lesion_has_the_same_label_wherever_it_stands(shared: dict[str, str]) -> None:
    label = KEY.label("LESION", LESION)
    for name in ("data/tables/lesion_readings.csv", "data/results.json", "data/sdtm/dataset-json/tu.json"):
        assert label in shared[name], name
    assert label in shared["analysis/adtr.json"]
    assert KEY.label("CALIBRATION", CALIBRATION) in shared["data/tables/calibrations.csv"]


@pytest.mark.long
def test_images_are_named_by_their_shared_uids_and_by_no_other(shared: dict[str, str], uids: set[str]) -> None:
    mapped = {KEY.uid(one) for one in uids}
    dotted = {name: set(re.findall(r"2\.25\.\d+", text)) for name, text in shared.items()}
    assert [(name, found & uids) for name, found in dotted.items() if found & uids] == []
    for name in ("data/results.json", "data/sdtm/dataset-json/pr.json", "data/sdtm/dataset-json/tr.json"):
        assert dotted[name], name
        assert dotted[name] <= mapped, name


@pytest.mark.long
def test_no_digest_of_a_file_at_home_leaves_but_that_of_the_protocol(
    shared: dict[str, str], small_trial: Path, planted: tuple[TrialFolder, TrialResult]
) -> None:
    from theratrial.results.plain import results_text

    _, result = planted
    own = {hashlib.sha256(one.read_bytes()).hexdigest() for one in small_trial.rglob("*") if one.is_file()}
    own |= set(re.findall(r"[0-9a-f]{64}", results_text(result))) - {result.protocol_hash.removeprefix("sha256:")}
    assert len(own) > 100
    short = {one[:16] for one in own}
    for name, text in shared.items():
        assert not short & {one[:16] for one in re.findall(r"[0-9a-f]{16,64}", text)}, name


@pytest.mark.long
def test_no_line_of_a_table_at_home_and_no_offset_of_the_season_leaves(shared: dict[str, str]) -> None:
    for name, text in shared.items():
        assert not re.search(r"\.csv#\d", text), name
    for name in [one for one in shared if one.startswith("data/") and one.endswith((".csv", ".json"))]:
        moments = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?([+-]\d\d:\d\d)", shared[name])
        assert set(moments) <= {"+00:00"}, name


@pytest.mark.long
def test_an_ordinary_comment_refuses_nothing_and_is_not_cut_from_the_products_sentences(
    shared: dict[str, str], planted: tuple[TrialFolder, TrialResult]
) -> None:
    assert "normal" in shared["analysis_plan/analysis_plan-en.html"]
    rows = shared["data/tables/adverse_events.csv"].splitlines()
    assert not any(line.split(",")[-1] == "normal" or ",normal," in line for line in rows), "nobody has allowed it"
    folder, _ = planted
    cleaner = trial_cleaner(folder, KEY, {one: Person(f"P-{one}", -500, 210) for one in folder.participant_ids})
    assert "normal" not in cleaner.typed
    comments = {row["comment"] for row in shared_folder(folder, cleaner).tables["adverse_events"]}
    assert comments == {None}


@pytest.mark.long
def test_the_search_finds_each_and_says_where_it_stands_at_home(planted: tuple[TrialFolder, TrialResult]) -> None:
    folder, result = planted
    cleaner = trial_cleaner(folder, KEY, {one: Person(f"P-{one}", -500, 210) for one in folder.participant_ids})
    uid = str(pydicom.dcmread(folder.path / folder.image_files[0], stop_before_pixels=True).SOPInstanceUID)
    digest = next(one.content_hash for one in result.inputs if one.path.startswith("images/"))
    line = folder.tables["adverse_events"][0].line
    for planted_text, said in (
        (TYPED.upper(), f"a text that somebody typed; at home: records/adverse_events.csv line {line}, column comment"),
        (f"of {uid}.", "a UID of the trial's images"),
        (digest, "a digest of a file of the trial"),
        (digest.removeprefix("sha256:")[:16], "a digest of a file of the trial"),
        ("record:records/laboratory.csv#7", "a line of a table of the trial"),
        (f"lesions[{LESION}]", "a text that somebody typed; at home: records/lesion_readings.csv"),
    ):
        found = list(leaks_in({"a.txt": planted_text.encode()}, folder, cleaner, home=result))
        assert len(found) == 1, planted_text
        assert said in found[0]


@pytest.mark.long
def test_a_moment_with_an_offset_of_the_season_is_off_its_shift(small_run: TrialRun, planted: Any) -> None:
    """The proof of the dates refuses what the mending of the clock mended."""
    from theratrial.sharing.identity import shared_result

    folder, _ = planted
    cleaner = trial_cleaner(folder, KEY, {one: Person(f"P-{one}", -500, 210) for one in folder.participant_ids})
    assert dates_moved(small_run.result, shared_result(small_run.result, cleaner), cleaner)[1] == 0

    class Seasonal:
        """A cleaner as it was: the offset lowered, the hour of summer kept."""

        people = cleaner.people
        code, sentence = cleaner.code, cleaner.sentence

        @staticmethod
        def moved(value: date, participant: str) -> date:
            moved = value + timedelta(days=-500)
            if not isinstance(moved, datetime):
                return moved
            return moved.replace(tzinfo=timezone((moved.utcoffset() or timedelta()) - timedelta(minutes=210)))

    assert dates_moved(small_run.result, shared_result(small_run.result, Seasonal()), cleaner)[1] > 0  # type: ignore[arg-type]
