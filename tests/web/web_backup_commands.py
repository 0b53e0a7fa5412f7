"""Backup and restoring by the commands themselves, on a site that is made once: helpers and fixtures of the tests."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest
from tests.forked import ran

ROOT = Path(__file__).resolve().parents[2]
Environment = dict[str, str]


def environment(url: str = "") -> Environment:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("THERATRIAL_", "DATABASE_"))}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    return kept | ({"DATABASE_URL": url} if url else {})


def command(*words: object, url: str = "", code: int = 0) -> str:
    """`theratrial` with these words; its whole output."""
    done = ran(["theratrial", *(str(word) for word in words)], environment=environment(url), cwd=ROOT)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def site_process(*words: object, url: str = "") -> str:
    done = ran(["tests.web.web_backup_site", *(str(word) for word in words)], environment=environment(url), cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exports_of(site: Path, out: Path, url: str = "") -> dict[str, bytes]:
    site_process("export", site, out, url=url)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def site_copied(site: Path, place: Path) -> None:
    """With the images of a computation as they are: another name of the site's own."""
    subprocess.run(["cp", "-a", site, place], check=True)


def events(site: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(site / "site.sqlite3") as database:
        return list(database.execute("SELECT seq, hash FROM ledger_event ORDER BY seq"))


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with records, history, a voided signature, a redaction, images, deliveries that wait and results.

    Not to be changed.
    """
    site = tmp_path_factory.mktemp("made") / "site"
    site_process("make", site)
    return site


@pytest.fixture(scope="session")
def made_backups(made_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backups: as ``b.zip``, and as the folder ``b``; what was said of the first in ``said``. Not to be changed."""
    place = tmp_path_factory.mktemp("backups")
    site_copied(made_site, place / "site")
    (place / "said").write_text(command("backup", place / "b.zip", "--site", place / "site"))
    command("backup", place / "b", "--site", place / "site")
    return place


@pytest.fixture(scope="session")
def made_restored(made_backups: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site restored from ``b.zip``; what was said of it in ``said`` beside it. Not to be changed."""
    place = tmp_path_factory.mktemp("restored")
    (place / "said").write_text(command("restore", made_backups / "b.zip", "--site", place / "site"))
    return place / "site"


@pytest.fixture(scope="session")
def made_exports(made_site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every export of the site."""
    place = tmp_path_factory.mktemp("exports")
    site_copied(made_site, place / "site")
    return exports_of(place / "site", place / "out")
