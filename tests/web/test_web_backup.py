"""Backup, restoring and moving, by the commands themselves on a site of their own: requirement C3."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.web.web_backup_commands import ROOT, command, environment, events, exports_of, site_copied, site_process

from theratrial.sharing.archive.packing import manifest_bytes
from theratrial.sharing.archive.verifier import faults
from theratrial.web.ledger.verification_file import file_verified


@pytest.fixture
def site(made_site: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    site_copied(made_site, tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def backups(made_backups: Path) -> Path:
    """Its backups, not to be changed."""
    return made_backups


@pytest.fixture
def folder(backups: Path, tmp_path: Path) -> Path:
    """A copy of the backup in a folder."""
    shutil.copytree(backups / "b", tmp_path / "b")
    return tmp_path / "b"


def described_anew(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A manifest that somebody who knows how wrote anew."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    for name, one in manifest["files"].items():
        content = (folder / name).read_bytes()
        one |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))


def without_key_and_database(site: Path) -> dict[str, str]:
    """Files of a site -> digests, but for the database and what only the copy of a running site has."""
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(site.rglob("*"))
        if path.is_file()
        and not (name := path.relative_to(site).as_posix()).startswith(("site.sqlite3", ".", "anchors", "restores"))
        and "/." not in name
    }


def test_C3_a_restored_site_has_the_same_files_ledger_and_exports(backups: Path, made_restored: Path) -> None:
    _as_it_was(backups, made_restored, (made_restored.parent / "said").read_text())


def test_a_site_restored_from_a_backup_in_a_folder_is_the_same_too(backups: Path, tmp_path: Path) -> None:
    _as_it_was(backups, tmp_path / "again", command("restore", backups / "b", "--site", tmp_path / "again"))


def _as_it_was(backups: Path, again: Path, said: str) -> None:
    assert "Ledger: whole; its head is that of the backup" in said
    assert without_key_and_database(again) == without_key_and_database(backups / "site")
    before, after = events(backups / "site"), events(again)
    at = json.loads(_report(again))["head"]["seq"]
    assert after[:at] == before[:at]
    assert len(after) == at + 1, "one event more: that it was restored"
    assert "The ledger is whole" in command("ledger", "verify", "--site", again)
    assert stat.S_IMODE((again / "secret.key").stat().st_mode) == 0o600


def _report(site: Path) -> str:
    [report] = (site / "restores").glob("*.json")
    return report.read_text()


def test_C3_the_restore_report_compares_row_counts_chain_head_and_file_hashes(
    backups: Path, made_restored: Path
) -> None:
    report = json.loads(_report(made_restored))
    with sqlite3.connect(made_restored / "site.sqlite3") as database:
        for one in report["tables"]:
            [(count,)] = database.execute(f"SELECT count(*) FROM {one['table']}")
            added = {"ledger_event": 1, "ledger_payload": 1, "ledger_note": 1}.get(one["table"], 0)
            assert one == {"table": one["table"], "rows": count - added, "restored": count - added, "same": True}
    seq, digest = report["head"]["seq"], report["head"]["hash"]
    assert (seq, digest) in events(backups / "site")
    assert report["files"]["restored"] == report["files"]["same"] > 5
    assert report["files"]["linked"] == 1


def test_a_restored_site_exports_the_same_bytes_as_the_one_that_was_saved(
    made_restored: Path, made_exports: dict[str, bytes], tmp_path: Path
) -> None:
    site_copied(made_restored, tmp_path / "again")
    compared(made_exports, exports_of(tmp_path / "again", tmp_path / "after"), more=1)


def compared(before: dict[str, bytes], after: dict[str, bytes], *, more: int) -> None:
    """The exports are the same bytes; the ledger goes on with the events that tell of the restoring or the move."""
    ledger = "ledger/ledger.jsonl"
    assert before.keys() == after.keys()
    assert {"copy/history.csv", "copy/signatures.json", "copy/queries.json"} < before.keys()
    assert [name for name in before if name != ledger and before[name] != after[name]] == []
    old, new = before[ledger].splitlines()[:-1], after[ledger].splitlines()[:-1]
    assert new[: len(old)] == old
    assert len(new) == len(old) + more
    check = file_verified(after[ledger].decode().splitlines())
    assert check.faults == []
    assert check.redacted == 1


def test_A7_after_a_restore_the_triggers_refuse_what_they_refused_before(
    backups: Path, made_restored: Path, tmp_path: Path
) -> None:
    site_copied(made_restored, tmp_path / "again")
    said = site_process("raw", tmp_path / "again").splitlines()
    assert len(said) == 3
    assert all(line.startswith("refused: theratrial:") for line in said)
    with (
        sqlite3.connect(backups / "site" / "site.sqlite3") as old,
        sqlite3.connect(tmp_path / "again" / "site.sqlite3") as new,
    ):
        triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
        assert list(new.execute(triggers)) == list(old.execute(triggers)) != []


def test_nobody_is_signed_in_after_a_restore(backups: Path, made_restored: Path) -> None:
    with sqlite3.connect(backups / "site" / "site.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM django_session").fetchone()[0] == 1
    with sqlite3.connect(made_restored / "site.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM django_session").fetchone()[0] == 0


def test_only_its_owner_may_read_a_backup(backups: Path) -> None:
    assert stat.S_IMODE((backups / "b.zip").stat().st_mode) == 0o600
    assert stat.S_IMODE((backups / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((backups / "b" / "site" / "secret.key").stat().st_mode) == 0o600


def test_a_backup_of_a_site_that_is_being_written_to_is_of_one_moment(site: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "tests.web.web_backup_site", "write", str(site)]
    writer = subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.5)
        command("backup", tmp_path / "b.zip", "--site", site)
        time.sleep(0.5)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    command("restore", tmp_path / "b.zip", "--site", tmp_path / "again")
    after = events(tmp_path / "again")
    assert after[:-1] == events(site)[: len(after) - 1]
    with sqlite3.connect(tmp_path / "again" / "site.sqlite3") as database:
        issues = database.execute("SELECT count(*), max(CAST(text AS INTEGER)) FROM people_issue").fetchone()
        notes = database.execute("SELECT count(*) FROM ledger_note WHERE action = 'test.written'").fetchone()[0]
    assert issues == (notes, notes), "each act is there whole or not at all"
    assert notes > 0
    with sqlite3.connect(site / "site.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM people_issue").fetchone()[0] > notes, (
            "it was written on meanwhile"
        )


def test_one_altered_byte_in_any_file_of_a_backup_is_named(folder: Path) -> None:
    chosen, files = random.Random(7), [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert list(faults(folder)) == []
    for path in files:
        content = path.read_bytes()
        for _once in range(3 if content else 0):
            other = bytearray(content)
            other[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
            path.write_bytes(other)
            said = list(faults(folder))
            assert said, path
            name = path.relative_to(folder).as_posix()
            assert name == "manifest.json" or said == [f"{name}: altered"]
        path.write_bytes(content)
    assert len(files) > 40


def test_one_altered_byte_at_any_place_of_a_backup_file_is_found(backups: Path, tmp_path: Path) -> None:
    content, chosen = (backups / "b.zip").read_bytes(), random.Random(8)
    place = tmp_path / "b.zip"
    ends = (*range(60), *range(len(content) - 160, len(content)))
    for at in (*ends, *(chosen.randrange(len(content)) for _ in range(150))):
        other = bytearray(content)
        other[at] ^= 1 << chosen.randrange(8)
        place.write_bytes(other)
        assert list(faults(place)), at


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_backup_is_refused_and_nothing_is_made(backups: Path, tmp_path: Path, part: float) -> None:
    content = (backups / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(content[: int(len(content) * part)])
    said = command("restore", tmp_path / "b.zip", "--site", tmp_path / "again", code=1)
    assert "nothing was restored" in said
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_an_altered_row_is_refused_with_the_name_of_its_table(folder: Path, tmp_path: Path) -> None:
    file = folder / "database" / "capture_record.jsonl"
    file.write_bytes(file.read_bytes().replace(b"70.5", b"90.5", 1).replace(b"P01", b"P02", 1))
    said = command("restore", folder, "--site", tmp_path / "again", code=1)
    assert "database/capture_record.jsonl: altered" in said
    assert not (tmp_path / "again").exists()


def test_a_row_altered_by_who_wrote_the_manifest_anew_is_found_by_the_ledger(folder: Path, tmp_path: Path) -> None:
    file = folder / "database" / "people_site.jsonl"
    file.write_bytes(file.read_bytes().replace(b"virtual", b"another"))
    described_anew(folder, lambda _manifest: None)
    assert list(faults(folder)) == []
    assert "people_site does not hold" in command("restore", folder, "--site", tmp_path / "again", code=1)
    made_to_fit = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    given = "0" * 64
    said = command("restore", folder, "--site", tmp_path / "again", "--manifest-sha256", given, code=1)
    assert "manifest.json: not the one that was certified" in said
    assert made_to_fit != given
    assert not (tmp_path / "again").exists()


def test_a_backup_of_a_newer_version_is_refused(folder: Path, tmp_path: Path) -> None:
    described_anew(folder, lambda manifest: manifest["migrations"]["ledger"].append("0099_of_tomorrow"))
    said = command("restore", folder, "--site", tmp_path / "again", code=1)
    assert "was made by a newer theratrial" in said
    assert "ledger 0099_of_tomorrow" in said
    described_anew(folder, lambda manifest: manifest.update(format_version=2))
    assert "has backup format 2" in command("restore", folder, "--site", tmp_path / "again", code=1)
    assert not (tmp_path / "again").exists()


def test_a_backup_of_an_older_version_is_restored_and_brought_up(folder: Path, tmp_path: Path) -> None:
    def older(manifest: dict[str, Any]) -> None:
        manifest["migrations"]["exports"] = ["0001_initial", "0002_package_worker"]
        manifest["tables"]["exports_package"]["columns"].remove(["kind", "text"])
        for name in [one for one in manifest["tables"] if one.startswith("exports_") and one != "exports_package"]:
            del manifest["tables"][name]
            del manifest["files"][f"database/{name}.jsonl"]
            (folder / "database" / f"{name}.jsonl").unlink()

    described_anew(folder, older)
    command("restore", folder, "--site", tmp_path / "again")
    with sqlite3.connect(tmp_path / "again" / "site.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM exports_studydocument").fetchone()[0] == 0
    assert "The ledger is whole" in command("ledger", "verify", "--site", tmp_path / "again")
    assert len(site_process("raw", tmp_path / "again").splitlines()) == 3


def test_a_backup_is_restored_into_an_empty_place_only(backups: Path, site: Path) -> None:
    before = without_key_and_database(site)
    assert "is not empty" in command("restore", backups / "b.zip", "--site", site, code=1)
    assert without_key_and_database(site) == before


def test_what_is_no_backup_is_refused(backups: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("a.txt", "a")
    for place in (tmp_path / "other.zip", tmp_path / "absent.zip", backups / "site"):
        command("restore", place, "--site", tmp_path / "again", code=1)
        assert not (tmp_path / "again").exists()


def test_a_link_or_table_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    described_anew(folder, lambda manifest: manifest["links"].update({"site/../../out": next(iter(manifest["files"]))}))
    assert "leads nowhere" in command("restore", folder, "--site", tmp_path / "again", code=1)
    described_anew(folder, lambda manifest: manifest["links"].clear())
    described_anew(
        folder, lambda manifest: manifest["tables"]["people_site"].update(key='id"; DROP TABLE people_user; --')
    )
    assert "in a way that no theratrial does" in command("restore", folder, "--site", tmp_path / "again", code=1)
    assert not (tmp_path.parent / "out").exists()


@pytest.mark.parametrize("name", ["b.zip", "b"])
def test_a_backup_that_is_killed_leaves_nothing_that_looks_whole(site: Path, tmp_path: Path, name: str) -> None:
    chosen, out = random.Random(5), tmp_path / "out"
    for _round in range(4):
        line = [sys.executable, "-m", "theratrial", "backup", str(out / name), "--site", str(site)]
        process = subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stderr is not None
        process.stderr.readline()  # the ledger is read; the backup begins
        time.sleep(chosen.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for left in out.iterdir() if out.is_dir() else ():
            if left.name == name:
                assert list(faults(left)) == [], "renamed only when whole"
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            elif list(faults(left)):
                assert left.name.startswith(".")
    command("backup", out / name, "--site", site)
    assert list(faults(out / name)) == []


def test_a_restore_that_is_killed_leaves_no_site(backups: Path, tmp_path: Path) -> None:
    chosen = random.Random(6)
    for _round in range(4):
        line = [sys.executable, "-m", "theratrial", "restore", str(backups / "b"), "--site", str(tmp_path / "again")]
        process = subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(chosen.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (tmp_path / "again").exists():
            assert "The ledger is whole" in command("ledger", "verify", "--site", tmp_path / "again")
            shutil.rmtree(tmp_path / "again")
    command("restore", backups / "b", "--site", tmp_path / "again")


def test_a_missing_or_altered_image_is_told_and_the_backup_made_all_the_same(site: Path, tmp_path: Path) -> None:
    missing, altered, _whole = sorted(path for path in (site / "images").glob("??/??/*"))
    missing.unlink()
    content = altered.read_bytes()
    altered.unlink()  # not through the hard link of a computation
    altered.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    said = command("backup", tmp_path / "b.zip", "--site", site, code=1)
    assert f"image {missing.name}: missing" in said
    assert f"image {altered.name}: its bytes are not those that were received" in said
    said = command("restore", tmp_path / "b.zip", "--site", tmp_path / "again", code=1)
    assert "the site was damaged when it was backed up" in said


def test_a_ledger_altered_before_the_backup_stays_known_as_altered(site: Path, tmp_path: Path) -> None:
    with sqlite3.connect(site / "site.sqlite3") as database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE 'theratrial_event_%'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE ledger_event SET reason = 'another' WHERE seq = 5")
    command("ledger", "install-triggers", "--site", site)
    said = command("backup", tmp_path / "b.zip", "--site", site, code=1)
    assert "event 5" in said
    assert "event 5" in command("restore", tmp_path / "b.zip", "--site", tmp_path / "again", code=1)
    assert "event 5" in command("ledger", "verify", "--site", tmp_path / "again", code=1)


def test_images_of_an_earlier_backup_are_linked_and_not_written_again(
    site: Path, backups: Path, tmp_path: Path
) -> None:
    shutil.copytree(backups / "b", tmp_path / "first")
    damaged = sorted((tmp_path / "first" / "site" / "images").glob("??/??/*"))[0]
    damaged.write_bytes(b"other")
    command("backup", tmp_path / "second", "--site", site, "--against", tmp_path / "first")
    kept = sorted((tmp_path / "second" / "site" / "images").glob("??/??/*"))
    assert [path.stat().st_nlink for path in kept] == [1, 2, 2], "what is damaged there is written anew"
    assert list(faults(tmp_path / "second")) == []
    assert "which only a backup in a folder can" in command(
        "backup", tmp_path / "b.zip", "--site", site, "--against", tmp_path / "first", code=1
    )


def test_every_column_of_every_table_has_a_kind() -> None:
    from django.apps import apps

    from theratrial.web.backup.kinds import POSTGRESQL, kind_of

    kinds = {
        kind_of(field) for model in apps.get_models(include_auto_created=True) for field in model._meta.concrete_fields
    }
    assert kinds <= POSTGRESQL.keys()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Callable[[], str]]:
    """Gives the address of a new empty database of a server of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL on this machine (initdb); moving between databases was not tested")
    binaries, folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="theratrial-move-", dir="/tmp"))
    root = os.geteuid() == 0
    if root:
        shutil.chown(folder, "postgres")

    def owner(line: str) -> None:
        words = ["su", "postgres", "-s", "/bin/sh", "-c", line] if root else ["sh", "-c", line]
        subprocess.run(words, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    owner(f"{binaries}/initdb -D {folder}/data -U theratrial -A trust -E UTF8")
    owner(f"{binaries}/pg_ctl -D {folder}/data -l {folder}/log -w start -o '{options}'")
    count = 0

    def database() -> str:
        import psycopg

        nonlocal count
        count += 1
        address = f"postgres://theratrial@127.0.0.1:{port}/"
        with psycopg.connect(address + "postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE moved_{count}")
        return f"{address}moved_{count}"

    yield database
    owner(f"{binaries}/pg_ctl -D {folder}/data -m immediate stop")
    shutil.rmtree(folder, ignore_errors=True)


def test_C3_a_site_moved_to_postgresql_and_back_exports_the_same_bytes(
    site: Path, made_exports: dict[str, bytes], tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    url, before = postgresql(), made_exports
    command("site", "move", "--site", site, "--to", url)
    assert not (site / "site.sqlite3").exists()
    assert len(list(site.glob("site.sqlite3.moved-*"))) == 1
    assert "The ledger is whole" in command("ledger", "verify", "--site", site, url=url)
    assert site_process("raw", site, url=url).count("refused: theratrial:") == 3
    compared(before, exports_of(site, tmp_path / "between", url), more=1)
    command("site", "move", "--site", site, "--to", "sqlite", url=url)
    assert "The ledger is whole" in command("ledger", "verify", "--site", site)
    compared(before, exports_of(site, tmp_path / "after"), more=2)


def test_C3_a_backup_of_either_database_is_restored_onto_the_other(
    backups: Path, made_exports: dict[str, bytes], tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    url, before, first = postgresql(), made_exports, backups / "b.zip"
    command("restore", first, "--site", tmp_path / "two", url=url)
    compared(before, exports_of(tmp_path / "two", tmp_path / "second", url), more=1)
    command("backup", tmp_path / "b2.zip", "--site", tmp_path / "two", url=url)
    command("restore", tmp_path / "b2.zip", "--site", tmp_path / "three")
    # ... the restoring, the note of the second backup is not in it, the second restoring
    compared(before, exports_of(tmp_path / "three", tmp_path / "third"), more=2)
    contents = [
        {name: table["content_sha256"] for name, table in _manifest(place)["tables"].items()}
        for place in (first, tmp_path / "b2.zip")
    ]
    changed = {name for name in contents[0] if contents[0][name] != contents[1][name]}
    assert changed == {"ledger_event", "ledger_payload", "ledger_head", "ledger_note"}, (
        "only what tells of the restoring"
    )


def _manifest(place: Path) -> dict[str, Any]:
    with zipfile.ZipFile(place) as archive:
        found: dict[str, Any] = json.loads(archive.read("manifest.json"))
        return found


def test_after_a_restore_onto_postgresql_new_rows_get_new_numbers(
    backups: Path, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    import psycopg

    url = postgresql()
    command("restore", backups / "b", "--site", tmp_path / "again", url=url)
    command("ledger", "export", tmp_path / "l.jsonl", "--site", tmp_path / "again", url=url)
    with psycopg.connect(url) as connection:
        notes = connection.execute("SELECT count(*), max(id) FROM ledger_note").fetchone()
        [(old,)] = sqlite3.connect(backups / "site" / "site.sqlite3").execute("SELECT count(*) FROM ledger_note")
    assert notes is not None
    assert notes[0] >= old + 1
    assert "is not empty" in command("restore", backups / "b", "--site", tmp_path / "more", url=url, code=1)


def test_a_restore_onto_postgresql_that_is_killed_leaves_an_empty_database(
    backups: Path, tmp_path: Path, postgresql: Callable[[], str]
) -> None:
    import psycopg

    url, chosen = postgresql(), random.Random(4)
    for _round in range(3):
        line = [sys.executable, "-m", "theratrial", "restore", str(backups / "b"), "--site", str(tmp_path / "again")]
        process = subprocess.Popen(line, env=environment(url), stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(chosen.random() * 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        if (tmp_path / "again").exists():
            break  # it was quicker than the kill
        assert found == (0,)
    else:
        command("restore", backups / "b", "--site", tmp_path / "again", url=url)
    assert "The ledger is whole" in command("ledger", "verify", "--site", tmp_path / "again", url=url)


def test_a_site_that_is_open_is_not_moved(site: Path, postgresql: Callable[[], str]) -> None:
    with sqlite3.connect(site / "site.sqlite3") as other:
        other.execute("SELECT count(*) FROM ledger_event").fetchone()
        assert "somebody has the site open" in command("site", "move", "--site", site, "--to", postgresql(), code=1)
    assert (site / "site.sqlite3").is_file()
    assert "on SQLite already" in command("site", "move", "--site", site, "--to", "sqlite", code=1)


def test_a_move_onto_a_used_database_changes_nothing(site: Path, postgresql: Callable[[], str]) -> None:
    import psycopg

    url = postgresql()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE somebody_elses (id int)")
    assert "is not empty" in command("site", "move", "--site", site, "--to", url, code=1)
    command("site", "move", "--site", site, "--to", "postgres://x@127.0.0.1:1/y", code=1)
    assert (site / "site.sqlite3").is_file()
    assert [path.name for path in site.iterdir() if path.name.startswith(".moving")] == []
