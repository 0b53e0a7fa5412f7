"""What an installation sets about its node: read from the environment, refused in words where it cannot work."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from theratrial.cli.site import _node_or_refused
from theratrial.errors import InputError
from theratrial.web.dicom_node.config import node_settings, valid_ae_title
from theratrial.web.dicom_node.flushing import names_go_with_files


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("THERATRIAL_DICOM_"):
            monkeypatch.delenv(name)


def test_without_a_port_the_site_starts_no_node_and_with_one_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _node_or_refused()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    monkeypatch.setenv("THERATRIAL_DICOM_PORT", str(free))
    assert _node_or_refused()


def test_a_port_that_is_taken_is_told_before_the_site_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("THERATRIAL_DICOM_PORT", str(taken.getsockname()[1]))
        with pytest.raises(InputError, match="cannot be used"):
            _node_or_refused()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PORT", "eleven"),
        ("AE_TITLE", "A" * 17),
        ("AE_TITLE", "back\\slash"),
        ("ASSOCIATIONS", "0"),
        ("ASSOCIATIONS", "-3"),
        ("PDU", "100"),
        ("PDU", "99999999"),
        ("IDLE_S", "soon"),
        ("IDLE_S", "inf"),
        ("IDLE_S", "nan"),
        ("TLS_PORT", "2762"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_and_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"THERATRIAL_DICOM_{name}", value)
    with pytest.raises(InputError):
        node_settings()


def test_what_the_command_line_says_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERATRIAL_DICOM_PORT", "11112")
    monkeypatch.setenv("THERATRIAL_DICOM_AE_TITLE", "OURS")
    assert (node_settings().port, node_settings(port=104).port, node_settings(port=None).ae_title) == (
        11112,
        104,
        "OURS",
    )


@pytest.mark.parametrize(("title", "good"), [("CT 01", True), ("", False), (" X", False), ("é", False), ("A\n", False)])
def test_ae_titles_are_as_the_standard_has_them(title: str, good: bool) -> None:
    assert valid_ae_title(title) is good


def test_a_file_system_that_is_not_known_gets_its_folders_flushed_too(tmp_path: Path) -> None:
    """The kernel's own list of mounts is the witness."""
    kinds = {line.split()[1]: line.split()[2] for line in Path("/proc/mounts").read_text().splitlines()}
    place = tmp_path
    while str(place) not in kinds:
        place = place.parent
    assert names_go_with_files(tmp_path) == (kinds[str(place)] in {"ext4", "xfs", "btrfs"})
    assert not names_go_with_files(Path("/proc"))
