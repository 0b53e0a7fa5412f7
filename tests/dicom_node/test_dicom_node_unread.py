"""A node without a worker says that nothing of what it takes in is registered."""

from __future__ import annotations

import logging

import pytest

from theratrial.web.dicom_node import unread


class Scene:
    """A clock and deliveries of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.waiting = 0.0, {}  # type: float, dict[str, Any]
        monkeypatch.setattr(unread, "_waiting", lambda: dict(self.waiting))
        self.watch = unread.UnreadWatch(60.0, clock=lambda: self.now)

    def after(self, seconds: int) -> None:
        """Looked every second, as the node does."""
        for _second in range(seconds):
            self.now += 1
            self.watch.looked()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_deliveries_that_wait_for_a_minute_unread_are_told_once_an_hour(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.waiting = {"a": {}, "b": {}}
    scene.after(50)
    assert caplog.records == []
    scene.after(30)
    [said] = caplog.messages
    assert "waiting to be read: 2; no worker has been seen reading for 60 s" in said
    assert "theratrial worker" in said
    scene.after(3500)
    assert len(caplog.records) == 1
    scene.after(200)
    assert len(caplog.records) == 2


def test_when_they_are_read_after_all_that_is_told_too(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.waiting = {"a": {}}
    scene.after(90)
    scene.waiting = {}
    scene.after(30)
    assert caplog.messages[1:] == ["a worker reads the deliveries again"]


def test_a_delivery_that_is_being_read_or_came_just_now_is_not_told(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(20):
        scene.waiting = {"large": {"read": second}, f"new{second}": {}}
        scene.after(15)
    assert caplog.records == []
