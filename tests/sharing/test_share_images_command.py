"""`theratrial share images` as it is typed: what it says, what it leaves where, and with what rights."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from identified_images import PATIENT_ID, pet_slice, saved, series
from typer.testing import CliRunner

from theratrial.cli.share import app
from theratrial.cli.share_home import made_whole
from theratrial.errors import InputError
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.mapping import read_key, read_people, write_key, write_people
from theratrial.sharing.images.values import Person

RUN = CliRunner()


def shared(*args: object):
    return RUN.invoke(app, ["images", *map(str, args)])


def test_the_command_makes_key_mapping_release_and_keeps_them_apart(tmp_path: Path) -> None:
    series(tmp_path / "in")
    home = tmp_path / "home"
    home.mkdir()
    done = shared(tmp_path / "in", tmp_path / "out", "--key", home / "key")
    assert done.exit_code == 0, done.output
    assert "3 objects of 1 participant(s), without identity" in done.output
    assert sorted(p.name for p in home.iterdir()) == ["key", "key.mapping.json"]
    assert {stat.S_IMODE(p.stat().st_mode) for p in home.iterdir()} == {0o600}
    people = json.loads((home / "key.mapping.json").read_text())["releases"]["release"]
    assert list(people) == [PATIENT_ID]
    assert not [p for p in (tmp_path / "out").rglob("*") if "mapping" in p.name or "key" in p.name]


def test_json_is_the_report_and_nothing_else(tmp_path: Path) -> None:
    series(tmp_path / "in")
    done = shared(tmp_path / "in", tmp_path / "out", "--key", tmp_path / "key", "--json")
    report = json.loads(done.stdout)
    assert report["faults"] == []
    assert report["objects"] == 3
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())


def test_a_second_release_under_the_same_name_keeps_codes_and_dates(tmp_path: Path) -> None:
    series(tmp_path / "in" / "a")
    shared(tmp_path / "in", tmp_path / "one", "--key", tmp_path / "key")
    before = json.loads((tmp_path / "key.mapping.json").read_text())
    series(tmp_path / "in" / "b", day="20250101", series="1.2.826.0.1.55.3")
    shared(tmp_path / "in", tmp_path / "two", "--key", tmp_path / "key")
    assert json.loads((tmp_path / "key.mapping.json").read_text()) == before


def test_shared_images_are_proven_once_more_and_a_change_is_told(tmp_path: Path) -> None:
    import pydicom

    series(tmp_path / "in")
    shared(tmp_path / "in", tmp_path / "out", "--key", tmp_path / "key")
    place = [str(tmp_path / "in"), str(tmp_path / "out"), "--key", str(tmp_path / "key")]
    assert RUN.invoke(app, ["check-images", *place]).exit_code == 0
    path = sorted((tmp_path / "out").rglob("*.dcm"))[0]
    ds = pydicom.dcmread(path)
    ds.RescaleSlope = "0.6"
    ds.save_as(path)
    again = RUN.invoke(app, ["check-images", *place])
    assert again.exit_code == 1
    assert "1.2 times the value before" in again.output


@pytest.mark.parametrize("where", ["in/key", "out/key"])
def test_a_key_where_the_release_or_its_source_lies_is_refused(where: str, tmp_path: Path) -> None:
    series(tmp_path / "in")
    done = shared(tmp_path / "in", tmp_path / "out", "--key", tmp_path / where)
    assert isinstance(done.exception, InputError)
    assert "keep key and mapping apart" in str(done.exception)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / where).exists()


def test_withheld_pictures_lie_at_home_with_the_key(tmp_path: Path) -> None:
    series(tmp_path / "in" / "a")
    ds = pet_slice(0, series="1.2.826.0.1.55.7")
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    saved(ds, tmp_path / "in" / "b.dcm")
    done = shared(tmp_path / "in", tmp_path / "out", "--key", tmp_path / "key")
    assert done.exit_code == 0, done.output
    review = tmp_path / "key.review-release"
    assert stat.S_IMODE(review.stat().st_mode) == 0o700
    assert "1.2.826.0.1.55.7" in (review / "review.html").read_text()
    assert list(review.glob("*.png"))
    again = shared(tmp_path / "in", tmp_path / "all", "--key", tmp_path / "key", "--reviewed", "1.2.826.0.1.55.7")
    assert again.exit_code == 0
    assert "4 objects" in again.output


def test_where_everything_waits_for_a_look_the_pictures_are_there_to_look_at(tmp_path: Path) -> None:
    ds = pet_slice(0)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    saved(ds, tmp_path / "in" / "b.dcm")
    done = shared(tmp_path / "in", tmp_path / "out", "--key", tmp_path / "key")
    assert isinstance(done.exception, InputError)
    assert "1 x is a picture of a screen" in str(done.exception)
    assert list((tmp_path / "key.review-release").glob("*.png"))
    assert not (tmp_path / "out").exists()


def test_the_images_of_a_trial_are_those_of_people_who_let_them_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import theratrial.trialfolder as folders
    import theratrial.trialfolder.withdrawals as withdrawals

    class Trial:
        tables = {"participants": [{"participant_id": PATIENT_ID}, {"participant_id": "OTHER-1"}]}
        protocol = SimpleNamespace(identity=SimpleNamespace(reading=None))
        participant_ids = ()

    series(tmp_path / "trial" / "images" / "a")
    other = pet_slice(0, series="1.2.826.0.1.55.8")
    other.PatientID, other.StudyInstanceUID = "OTHER-1", "1.2.826.0.1.55.77"
    saved(other, tmp_path / "trial" / "images" / "b" / "1.dcm")
    (tmp_path / "trial" / "protocol.yaml").write_text("x: 1\n")
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "run.json").write_text('{"trial_folder": "../trial"}')
    monkeypatch.setattr(folders, "read_folder", lambda _path: Trial())
    monkeypatch.setattr(withdrawals, "data_use_withdrawn", lambda _trial, one: one == "OTHER-1")
    for number, source in enumerate(("trial", "result")):
        done = shared(tmp_path / source, tmp_path / f"out{number}", "--key", tmp_path / "key", "--json")
        assert done.exit_code == 0, done.output
        report = json.loads(done.stdout)
        assert (report["participants"], report["objects"]) == (1, 3)
        assert report["withheld"] == [], "how many images she has tells how far she came"


def test_keys_and_mappings_that_are_none_are_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    write_key(key, b"0123456789abcdef")
    assert read_key(key, "r").secret == b"0123456789abcdef"
    with pytest.raises(FileExistsError):
        write_key(key, b"another secret key")
    key.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others -> chmod 600"):
        read_key(key, "r")
    key.chmod(0o600)
    key.write_text("no key")
    with pytest.raises(InputError, match="is no key file"):
        read_key(key, "r")
    mapping = tmp_path / "map.json"
    one, other = (ReleaseKey(b"0123456789abcdef", name) for name in ("r", "s"))
    mine, hers = Person(one.participant_code("P"), -400, 0), Person(other.participant_code("Q"), -500, 0)
    assert read_people(mapping, one) == {}
    write_people(mapping, one, {"P": mine})
    write_people(mapping, other, {"Q": hers})
    assert read_people(mapping, one) == {"P": mine}
    for text in ("{}", "no json", '{"version": 2, "releases": {}}', '{"version": 1, "releases": {"r": {"P": {}}}}'):
        mapping.write_text(text)
        with pytest.raises(InputError, match="is no mapping"):
            read_people(mapping, one)


def test_a_mapping_is_of_one_key_and_one_trial(tmp_path: Path) -> None:
    mapping, key, other = tmp_path / "map.json", ReleaseKey(b"0123456789abcdef"), ReleaseKey(b"another secret key")
    mine = {"P": Person(key.participant_code("P"), -400, 0)}
    write_people(mapping, key, {}, "TRIAL-1")
    for use in (read_people, lambda *given: write_people(given[0], given[1], {}, *given[2:])):
        with pytest.raises(InputError, match="made with another key"):
            use(mapping, other, "TRIAL-1")
        with pytest.raises(InputError, match="is of the trial TRIAL-1, not of TRIAL-2"):
            use(mapping, key, "TRIAL-2")
    write_people(mapping, key, mine, "TRIAL-1")
    # Images in a folder of nobody's take the codes of the trial; its name stays.
    assert read_people(mapping, key) == mine
    write_people(mapping, key, mine)
    assert read_people(mapping, key, "TRIAL-1") == mine
    # A mapping of before says nothing of its key: its codes do.
    old = json.loads(mapping.read_text())
    del old["made_for"]
    mapping.write_text(json.dumps(old))
    assert read_people(mapping, key, "TRIAL-2") == mine
    with pytest.raises(InputError, match="made with another key"):
        read_people(mapping, other)


def test_a_release_that_is_refused_leaves_no_key_and_says_nothing_of_one(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    done = shared(tmp_path / "in", tmp_path / "out", "--key", tmp_path / "key")
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "key").exists()
    assert "A new key was made" not in done.output


def test_a_key_in_any_trial_or_release_is_refused(tmp_path: Path) -> None:
    series(tmp_path / "in")
    (tmp_path / "copy" / "records").mkdir(parents=True)
    (tmp_path / "copy" / "protocol.yaml").touch()
    done = shared(tmp_path / "in", tmp_path / "out", "--key", tmp_path / "copy" / "records" / "key")
    assert "keep key and mapping apart" in str(done.exception)
    assert not (tmp_path / "copy" / "records" / "key").exists()


def _interrupted(out: Path, left: dict[str, str]) -> None:
    with made_whole(out) as place:
        (place / "a").write_text("half")
        left |= {one.name: one.read_text() for one in place.iterdir()}
        raise KeyboardInterrupt


def test_an_unfinished_folder_is_cleared_only_if_it_is_ours(tmp_path: Path) -> None:
    out, theirs = tmp_path / "out", tmp_path / "out.partial"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is not what an interrupted command left"), made_whole(out):
        pass
    assert (theirs / "thesis.txt").read_text() == "years of work"
    shutil.rmtree(theirs)
    left: dict[str, str] = {}
    with pytest.raises(KeyboardInterrupt):
        _interrupted(out, left)
    assert not theirs.exists()
    # What a kill leaves is cleared by the next.
    theirs.mkdir()
    for name, text in left.items():
        (theirs / name).write_text(text)
    with made_whole(out) as place:
        assert not (place / "a").exists()
        (place / "b").write_text("whole")
    assert [one.name for one in out.iterdir()] == ["b"]
    with pytest.raises(InputError, match="exists already"), made_whole(out):
        pass
