"""Files where folders belong, folders where files belong, places that cannot be written, runs that are broken off."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from theratrial.errors import InputError
from theratrial.pipeline import outputs
from theratrial.pipeline.outputs import check_place, write_outputs
from theratrial.pipeline.trial import TrialRun

Command = Callable[..., Any]

_DOSE = ("--administered-MBq", "100", "--injected-at", "2022-01-01T10:00")


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """A file, a folder with a stranger's file, and a place that does not exist."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/mine.txt").write_text("mine")
    return {"file": tmp_path / "file", "foreign": tmp_path / "foreign", "absent": tmp_path / "absent"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "{file}", "--out", "{absent}"), "is a file; a trial folder is a folder with protocol.yaml"),
        (("run", "{absent}", "--out", "{absent}2"), "does not exist; a trial folder is a folder"),
        (("run", "{foreign}", "--out", "{absent}"), "protocol.yaml: is missing -> copy the trial's protocol here"),
        (("run", "{foreign}", "--out", "{file}"), "is a file, a folder is needed for the results -> give another"),
        (("run", "{foreign}", "--out", "{file}/out"), "is a file, no folder can be made in it -> give another"),
        (("run", "{absent}", "--out", "{foreign}"), "holds files that are not results of theratrial (mine.txt) ->"),
        (
            ("verify", "{file}"),
            "no results here, and no archive (it is no zip file) -> give the folder that `theratrial",
        ),
        (
            ("archive", "verify", "{file}"),
            "is no zip file, so no archive, certified copy or backup; give the file",
        ),
        (("verify", "{absent}"), "no results here -> give the folder"),
        (("verify", "{foreign}"), "no results here -> give the folder"),
        (("image", "info", "{absent}"), "no such file or folder"),
        (("image", "info", "{file}"), "is not a DICOM file"),
        (("image", "suv", "{file}"), "is a file, a folder with a series was expected"),
        (("image", "suv", "{absent}"), "no such folder"),
        (("image", "suv", "{foreign}"), "holds no PT series"),
        (("dose", "--image", "{absent}", "--regions", "{file}", *_DOSE), "no such folder -> give a folder or file"),
        (("dose", "--image", "{file}", "--regions", "{file}", *_DOSE), "no readable DICOM at all -> give a folder"),
        (("dose", "--image", "{foreign}", "--regions", "{foreign}", *_DOSE), "no readable DICOM at all -> give"),
        (("protocol", "check", "{absent}"), "there is no file or folder"),
        (("protocol", "check", "{file}"), "is no protocol: a mapping of keys is expected -> start with"),
        (("protocol", "show", "{foreign}"), "protocol.yaml"),
        (("simulate", "{file}"), "is a file; give a folder that does not exist yet"),
        (("simulate", "{foreign}"), "holds something that is no simulation; give another folder, or --force"),
        (("simulate", "{absent}", "--protocol", "{foreign}"), "cannot be read: Is a directory; give a protocol file"),
        (("init", "{file}"), "is a file; give the name of a new or empty folder"),
        (("init", "{foreign}"), "is not empty and stays as it is; give the name of a new or empty folder"),
        (("init", "{file}/new"), "Not a directory; a folder is expected where a file is"),
    ],
)
def test_a_place_of_the_wrong_kind_is_named_and_nothing_is_written(
    words: tuple[str, ...], said: str, places: dict[str, Path], command: Command
) -> None:
    done = command(*(word.format(**places) for word in words))
    assert done.code == 1
    assert said in done.err
    assert sorted(path.name for path in places["file"].parent.iterdir()) == ["file", "foreign"]
    assert [path.name for path in places["foreign"].iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["images", "records", "protocol.yaml", "registration.yaml", "folder.yaml"])
def test_a_file_and_a_folder_changed_for_each_other_inside_the_trial_folder_are_named(
    name: str, broken_trial: Path, command: Command, tmp_path: Path
) -> None:
    path = broken_trial / name
    away = tmp_path / "away"
    was_folder = path.is_dir()
    path.rename(away)
    if was_folder:
        path.write_text("x")
    else:
        path.mkdir()
    done = command("run", broken_trial, "--out", tmp_path / "out")
    assert done.code == 1
    assert f"  {name}: " in done.err
    assert "is a file" in done.err if was_folder else "cannot be read: Is a directory" in done.err
    assert not (tmp_path / "out").exists()


def test_results_are_never_written_into_the_trial_folder(small_trial: Path) -> None:
    for out in (small_trial, small_trial / "out", small_trial / "images/out"):
        with pytest.raises(InputError, match="lies in the trial folder, which is input only"):
            check_place(out, small_trial)


def test_a_place_without_the_right_to_write_is_refused_before_computing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as root nothing is forbidden, so it is played
    with pytest.raises(InputError, match=r"nothing can be written in .* -> give an --out where you may write"):
        check_place(tmp_path / "a/b/out", tmp_path / "trial")


@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), SystemExit(143)], ids=repr
)
def test_whatever_breaks_the_writing_leaves_the_old_result_whole_and_nothing_beside_it(
    fault: BaseException, small_trial: Path, small_run: TrialRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text("{}")

    def broken(*_: object, pdf: bool) -> None:
        raise fault

    monkeypatch.setattr("theratrial.report.write.write_report", broken)
    with pytest.raises(type(fault)):
        write_outputs(small_run, out, small_trial)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["run.json"]


def test_a_move_that_fails_brings_the_old_result_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, place = tmp_path / "new", tmp_path / "out"
    for folder in (new, place):
        folder.mkdir()
        (folder / "from").write_text(folder.name)
    rename = Path.rename

    def fails_for_the_new(self: Path, target: Path) -> Path:
        if self == new:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new)
    with pytest.raises(OSError, match="No space left"):
        outputs._replace(new, place)
    assert (place / "from").read_text() == "out"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "out"]


def test_a_full_disk_ends_in_one_sentence(
    small_trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "out"))

    monkeypatch.setattr("theratrial.pipeline.trial.trial_run", full)
    done = command("run", small_trial, "--out", tmp_path / "out")
    assert done.code == 1
    assert "No space left on device; free some space, or write to another disk" in done.err
    assert not (tmp_path / "out").exists()


def test_a_run_told_to_end_leaves_nothing(small_trial: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "theratrial", "run", str(small_trial), "--out", str(tmp_path / "out"), "--workers", "2"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "(images)" in line:  # the participants are being walked
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
