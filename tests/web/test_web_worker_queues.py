"""What arrives is read by a worker of its own: a computation or a release of hours keeps nobody at the camera waiting.

Found by sending images while a release was made: the delivery stayed "being checked" until the release was done.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from django.conf import settings
from django_tasks.base import Task

from theratrial.cli import site as command
from theratrial.errors import InputError
from theratrial.web.settings import TASKS

IMAGES = {"read_upload", "participant_judged_later", "study_fetched"}


def _tasks() -> dict[str, str]:
    found = {}
    for name in ("studies", "dicom_node", "results", "exports", "ledger"):
        module = importlib.import_module(f"theratrial.web.{name}.tasks")
        found |= {one.func.__name__: one.queue_name for one in vars(module).values() if isinstance(one, Task)}
    return found


def test_what_the_camera_waits_for_is_on_a_queue_of_its_own_and_nothing_else_is() -> None:
    found = _tasks()
    assert len(found) >= 8
    assert {name for name, queue in found.items() if queue == settings.IMAGES_QUEUE} == IMAGES
    assert set(found.values()) == set(TASKS["default"]["QUEUES"]), "a queue that the site does not know takes no task"


def test_the_workers_of_the_site_take_every_queue_once() -> None:
    lines = command._commands(Path("site"), "127.0.0.1", 8000, 4, True)
    given = [line[line.index("--queue") + 1] for line in lines.values() if "--queue" in line]
    assert sorted(given) == ["images", "other"]
    assert sorted(command.QUEUE_NAMES[one] for one in given) == sorted(TASKS["default"]["QUEUES"])
    assert list(command._commands(Path("site"), "127.0.0.1", 8000, 4, False)) == ["server"]


@pytest.mark.parametrize("queue", ["", "image", "default"])
def test_a_queue_that_is_none_is_refused_before_the_site_is_touched(queue: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all, images, other"):
        command.worker(tmp_path / "none", queue)
    assert not (tmp_path / "none").exists()
