"""A real full disk under the site: nothing is half saved, every answer says what to do, and with room it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SIZE = "40m"
STEPS = Path(__file__).with_name("web_full_disk_steps.py")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 40 MB; only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here ({mounted.stderr.strip()}): run as root")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_C4_a_full_disk_saves_nothing_half_says_what_to_do_and_with_room_the_site_goes_on(small_disk: Path) -> None:
    site = small_disk / "site"
    site.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"THERATRIAL_SITE": str(site), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    done = subprocess.run(
        [sys.executable, str(STEPS)], env=environment, capture_output=True, text=True, check=False, timeout=850
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.strip().split("\n")[-1])
    before = said["before"]
    for what, status in (("form", 503), ("upload", 507)):
        got, words, counts = said[f"full {what}"]
        assert (got, words or what == "upload", counts) == (status, True, before), what
    assert said["full page"][0] == 200, "a page that only shows something is shown"
    assert said["full kept"] == [], "no half of a file looks whole"
    assert said["full halves"] == [], "no half of a computation or package is left"
    assert said["full job"][0] in ("waiting", "failed"), said["full job"]
    assert said["full package"][0] in ("waiting", "failed"), said["full package"]
    for what in ("page", "upload"):
        assert said[f"free {what}"][0] == 200, what
    assert said["free form"][0] == 302
    assert said["free form"][2][0] == before[0] + 1
    assert said["free job"][0] in ("done", "failed")
    assert "disk" not in said["free job"][1]
    assert said["free package"][0] == "ready", said["free package"]
    assert said["ledger"] == []
