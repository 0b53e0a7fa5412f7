"""A small virtual cohort: as `simulate` writes it, as `trial_run` computes it, and in a site."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.cohorts import shared_cohort, shared_outputs, shared_run

from theratrial.pipeline.trial import TrialRun
from theratrial.web.results import computing
from theratrial.web.results.models import Computation
from theratrial.web.results.selectors import computation_folder
from theratrial.web.results.services import computation_requested
from theratrial.web.results.tasks import computed
from theratrial.web.setup_site import SETUP, demonstration_made
from theratrial.web.trials.models import Trial

PARTICIPANTS = 2


@pytest.fixture(scope="session")
def virtual_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trial folder of two treated participants, with coarse images."""
    return shared_cohort(tmp_path_factory, participants=PARTICIPANTS)


@pytest.fixture(scope="session")
def folder_run(tmp_path_factory: pytest.TempPathFactory) -> TrialRun:
    """What `theratrial run` computes of it: the outside answer."""
    return shared_run(tmp_path_factory, participants=PARTICIPANTS)


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch, virtual_folder: Path) -> None:
    """The site's images are those of the folder."""

    def images_of(codes: Iterable[str]) -> Iterator[tuple[str, Path]]:
        for code in codes:
            for file in sorted((virtual_folder / "images" / code).rglob("*")):
                if file.is_file():
                    yield file.relative_to(virtual_folder / "images").as_posix(), file

    monkeypatch.setattr(computing, "_images_of", images_of)


@pytest.fixture
def demonstration(db: None) -> Trial:
    """The same cohort in a site, its people included; nothing computed."""
    return demonstration_made(participants=PARTICIPANTS)


@pytest.fixture
def computed_site(
    demonstration: Trial, images: None, folder_run: TrialRun, monkeypatch: pytest.MonkeyPatch
) -> Computation:
    """The site with its results, taken from the folder's run so that not every test computes."""
    monkeypatch.setattr(computing, "trial_run", lambda *_args, **_named: folder_run)
    monkeypatch.setattr(computing, "write_outputs", lambda _run, out, *_args, **_named: _report(out))
    _remembering(monkeypatch)
    asked = computation_requested(SETUP, "trial")
    assert computed(str(asked.pk)) == "done"
    asked.refresh_from_db()
    return asked


@pytest.fixture
def computed_files(
    computed_site: Computation, virtual_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Computation:
    """The site's computation with all the files that a run leaves."""
    place = computation_folder(computed_site)
    assert place is not None
    shutil.rmtree(place)
    shutil.copytree(virtual_folder, place / "trial", copy_function=os.link)
    shutil.copytree(shared_outputs(tmp_path_factory, participants=PARTICIPANTS), place / "out")
    return computed_site


_KNOWN: dict[tuple[Any, ...], tuple[Any, Any]] = {}
"""What was called with which values -> the values, so that they live on, and the answer."""


def _remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is the same for every test, and so is what is stored of it: written out and digested once."""
    for name in ("participant_content", "gate_content", "cohort_content", "json_digest"):
        monkeypatch.setattr(computing, name, partial(_once, name, getattr(computing, name)))


def _once(name: str, how: Callable[..., Any], *given: Any) -> Any:
    parts = [part for one in given for part in (one.values() if isinstance(one, dict) else [one])]
    key = (name, *map(id, parts))
    if key not in _KNOWN:
        _KNOWN[key] = (given, how(*given))
    return _KNOWN[key][1]


def _report(out: Path) -> None:
    (out / "dosimetry").mkdir(parents=True)
    (out / "report.html").write_text("<!doctype html><title>report</title>", encoding="utf-8")
    (out / "dosimetry" / "P01.html").write_text("<!doctype html><title>P01</title>", encoding="utf-8")
