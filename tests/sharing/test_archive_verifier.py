"""The verifier of copies, archives and backups: whatever is done to one of them, it says so, and it never crashes.

That the files are ordinary ones is checked with programs that nobody here wrote: Info-ZIP's ``unzip -t`` and coreutils'
``sha256sum``.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import random
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.sharing.archive import packing as packing_module
from theratrial.sharing.archive import verifier
from theratrial.sharing.archive.packing import manifest_bytes, packing, zip_bytes
from theratrial.sharing.archive.verifier import SEAL, bad_name, faults

FILES = {
    "README.txt": b"what it is\n",
    "copy/a.csv": b"a,b\n1,2\n" * 40,
    "trial/images/P01/1.dcm": bytes(range(256)) * 3,
    "trial/empty.txt": b"",
    "n\u00e4me.txt": "\u0645\u062a\u0646".encode(),
}


def written(place: Path, files: dict[str, bytes] | None = None, **about: Any) -> str:
    with packing(place) as made:
        made.add_all(FILES if files is None else files)
        return made.finished({"ledger_is_whole": False, **about})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    written(tmp_path / "a.zip")
    return tmp_path / "a.zip"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path / "a")
    return tmp_path / "a"


def sealed(content: bytes) -> bytes:
    """The content with the seal of whoever knows how to make one; it has to end with 64 digits."""
    return content[:-64] + hashlib.sha256(content[:-64]).hexdigest().encode()


def rewritten(place: Path, change: Callable[[dict[str, bytes]], None], *, manifest: bool = False) -> Path:
    """The archive written anew after a change of its entries; with `manifest` by who mends the manifest too."""
    with zipfile.ZipFile(place) as old:
        files = {name: old.read(name) for name in old.namelist()}
    change(files)
    if manifest:
        about = json.loads(files.pop("manifest.json"))
        about["files"] = packing_module.listed(files)
        files["manifest.json"] = manifest_bytes(about)
    place.write_bytes(zip_bytes(files))
    return place


def test_an_untouched_archive_is_intact(archive: Path, folder: Path) -> None:
    assert list(faults(archive)) == []
    assert list(faults(folder)) == []


def test_other_programs_read_the_same_files(archive: Path, folder: Path) -> None:
    if shutil.which("unzip") is None or shutil.which("sha256sum") is None:
        pytest.skip("unzip or sha256sum is not installed; the archive was not read by another program")
    tested = subprocess.run(["unzip", "-t", str(archive)], capture_output=True, text=True, check=False)
    assert "No errors detected" in tested.stdout
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    lines = "".join(f"{one['sha256']}  {name}\n" for name, one in listed.items())
    summed = subprocess.run(
        ["sha256sum", "-c", "-"], input=lines, text=True, cwd=folder, capture_output=True, check=False
    )
    assert summed.returncode == 0
    assert summed.stdout.count("OK") == len(FILES)


def test_every_single_altered_byte_of_an_archive_is_found(archive: Path) -> None:
    content, chosen = archive.read_bytes(), random.Random(1)
    for at in range(len(content)):
        other = bytearray(content)
        other[at] ^= 1 << chosen.randrange(8)
        archive.write_bytes(other)
        assert list(faults(archive)), f"byte {at} of {len(content)}"


def test_every_single_altered_byte_of_a_file_is_named_with_it(folder: Path) -> None:
    for path in (one for one in sorted(folder.rglob("*")) if one.is_file()):
        content, name = path.read_bytes(), path.relative_to(folder).as_posix()
        for at in range(0, len(content), 7):
            path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
            said = list(faults(folder))
            assert any(one.startswith((f"{name}:", "it cannot be read")) for one in said), (name, at)
        path.write_bytes(content)


@given(at=st.integers(0, 10**6), bits=st.binary(min_size=1, max_size=40))
def test_any_bytes_written_over_an_archive_are_found(
    tmp_path_factory: pytest.TempPathFactory, at: int, bits: bytes
) -> None:
    content = zip_bytes({**FILES, "manifest.json": manifest_bytes({"files": packing_module.listed(FILES)})})
    at %= len(content)
    other = content[:at] + bits + content[at + len(bits) :]
    place = tmp_path_factory.mktemp("a") / "a.zip"
    place.write_bytes(other)
    assert bool(list(faults(place))) == (other != content)


@pytest.mark.parametrize("end", [0, 1, 21, 100, -1, -64, -65, -100])
def test_a_cut_archive_is_not_intact(archive: Path, end: int) -> None:
    archive.write_bytes(archive.read_bytes()[:end])
    said = list(faults(archive))
    assert said
    assert not any("Error(" in one or "BadZipFile(" in one for one in said), "words, not Python's names"
    if end in (21, 100, -100):
        assert said == ["it cannot be read as a zip: cut off or damaged (File is not a zip file)"]


def test_a_file_of_another_kind_is_said_to_be_none(tmp_path: Path) -> None:
    for name, content in (("passwd", b"root:x:0:0\n"), ("empty", b""), ("a.pdf", b"%PDF-1.7\n")):
        (tmp_path / name).write_bytes(content)
        assert list(faults(tmp_path / name)) == ["it is no zip file, so no archive, certified copy or backup"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files.pop("copy/a.csv"), "copy/a.csv: missing"),
        (lambda files: files.update({"more.txt": b"x"}), "more.txt: not part of the copy, added later"),
        (lambda files: files.update({"b.csv": files.pop("copy/a.csv")}), "b.csv: not part of the copy, added later"),
        (lambda files: files.update({"README.txt": b"what it IS\n"}), "README.txt: altered"),
        (lambda files: files.pop("manifest.json"), "manifest.json is missing: no archive"),
        (lambda files: files.update({"manifest.json": b"{}"}), "it cannot be read"),
        (lambda files: files.update({"manifest.json": b"[" * 10**5}), "it cannot be read"),
    ],
)
def test_entries_removed_added_renamed_or_changed_are_named_though_sealed_again(
    archive: Path, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    assert any(one.startswith(said) for one in faults(rewritten(archive, change)))


def test_contents_and_manifest_exchanged_together_are_found_by_the_digest_alone(tmp_path: Path) -> None:
    digest = written(tmp_path / "a.zip")
    place = rewritten(tmp_path / "a.zip", lambda files: files.update({"README.txt": b"other"}), manifest=True)
    assert list(faults(place)) == []
    assert list(faults(place, digest)) == ["manifest.json: not the one that was certified"]


@pytest.mark.parametrize(
    "name", ["../out.txt", "/etc/x", "a/../../b", "C:\\x", "a\\b", "a//b", "./a", "nul\x01", "a/.", "what?.txt", ""]
)
def test_names_that_lead_out_are_refused_on_writing_and_on_reading(archive: Path, tmp_path: Path, name: str) -> None:
    assert bad_name(name)
    with pytest.raises(InputError, match="cannot be the name"):
        written(tmp_path / "b.zip", {name: b"x"})
    assert not (tmp_path / "b.zip").exists()
    if name:
        said = list(faults(rewritten(archive, lambda files: files.update({name: b"x"}), manifest=True)))
        assert any("a name that no file of a copy has" in one or "cannot be read" in one for one in said)


def test_an_entry_twice_is_named(archive: Path) -> None:
    content = archive.read_bytes()
    with zipfile.ZipFile(archive) as old:
        entries, comment = {name: old.read(name) for name in old.namelist()}, old.comment
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as new:
        new.comment = comment
        for name, data in entries.items():
            new.writestr(zipfile.ZipInfo(name), data)
        with pytest.warns(UserWarning, match="Duplicate"):
            new.writestr(zipfile.ZipInfo("README.txt"), b"another\n")
    archive.write_bytes(sealed(memory.getvalue()))
    assert content != archive.read_bytes()
    assert any("README.txt: in the zip more than once" in one for one in faults(archive))


def _central(content: bytes, name: bytes) -> tuple[int, int]:
    """Where the directory entry of a file is, and where it says that its local entry starts."""
    at = content.index(b"PK\x01\x02")
    while content[at + 46 : at + 46 + len(name)] != name:
        at = content.index(b"PK\x01\x02", at + 4)
    return at, struct.unpack_from("<L", content, at + 42)[0]


def test_a_local_name_other_than_that_of_the_directory_is_named(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    _at, local = _central(bytes(content), b"README.txt")
    content[local + 30 : local + 36] = b"README"[::-1]
    archive.write_bytes(sealed(bytes(content)))
    assert list(faults(archive))


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_bytes_that_belong_to_no_file_are_found_though_sealed_again(archive: Path, place: str) -> None:
    content, hidden = archive.read_bytes(), b"hidden message"
    if place == "after":
        archive.write_bytes(content + hidden)
        assert list(faults(archive))
        return
    start = content.index(b"PK\x01\x02") if place == "between" else 0
    moved = bytearray(content[:start] + hidden + content[start:])
    if place == "before":
        at = moved.index(b"PK\x01\x02")
        while moved[at : at + 4] == b"PK\x01\x02":
            lengths = struct.unpack_from("<3H", moved, at + 28)
            struct.pack_into("<L", moved, at + 42, struct.unpack_from("<L", moved, at + 42)[0] + len(hidden))
            at += 46 + sum(lengths)
    end = moved.rindex(b"PK\x05\x06")
    struct.pack_into("<L", moved, end + 16, struct.unpack_from("<L", moved, end + 16)[0] + len(hidden))
    archive.write_bytes(sealed(bytes(moved)))
    with zipfile.ZipFile(archive) as readable:
        assert readable.testzip() is None, "every other program takes it"
    assert any("belong to no" in one for one in faults(archive))


def test_a_seal_taken_off_is_missed(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as opened:
        opened.comment = b""
    assert "the zip: its seal is missing" in list(faults(archive))


def test_an_encrypted_or_streamed_entry_is_not_what_was_written(archive: Path) -> None:
    content = archive.read_bytes()
    for bit in (1, 8):
        other = bytearray(content)
        at, local = _central(content, b"README.txt")
        other[at + 8] |= bit
        other[local + 6] |= bit
        archive.write_bytes(sealed(bytes(other)))
        assert list(faults(archive)), bit


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "bomb.zip"
    about = {"ledger_is_whole": True, "files": {"ledger.jsonl": {"sha256": "0" * 64, "bytes": 10}}}
    place.write_bytes(zip_bytes({"ledger.jsonl": b"\0" * 50_000_000, "manifest.json": manifest_bytes(about)}))
    read = 0
    opened = zipfile.ZipExtFile.read

    def counted(self: Any, n: int | None = -1) -> bytes:
        nonlocal read
        found = opened(self, n)
        read += len(found)
        return found

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    assert any(one.startswith("ledger.jsonl: altered (of 50000000 bytes, not 10)") for one in faults(place))
    assert read < 100_000


def test_a_bomb_of_overlapping_entries_is_refused(archive: Path) -> None:
    """As of David Fifield, "A better zip bomb" (2019): many directory entries of one and the same data."""
    content = archive.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    at, _local = _central(content, b"copy/a.csv")
    length = 46 + sum(struct.unpack_from("<3H", content, at + 28))
    entry = bytearray(content[at : at + length])
    more = b""
    for number in range(20):
        entry[46:48] = f"{number:02d}".encode()
        more += bytes(entry)
    forged = bytearray(content[:end] + more + content[end:])
    new_end = end + len(more)
    count = struct.unpack_from("<H", forged, new_end + 10)[0] + 20
    struct.pack_into("<2H2L", forged, new_end + 8, count, count, new_end - start, start)
    archive.write_bytes(sealed(bytes(forged)))
    assert any("belong to no file" in one or "says different things" in one for one in faults(archive))


def test_a_link_in_an_unpacked_copy_is_named_and_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(FILES["README.txt"])
    (folder / "README.txt").unlink()
    (folder / "README.txt").symlink_to(tmp_path / "secret")
    assert any("README.txt" in one for one in faults(folder))


def test_image_manifest_and_files_must_agree(tmp_path: Path) -> None:
    name = "trial/images/1.dcm"
    digest = hashlib.sha256(b"x").hexdigest()
    for one in ({"sha256": "0" * 64, "inside": True}, {"sha256": digest, "inside": False}):
        images = {"images": [{"path": "images/1.dcm", "bytes": 1, **one}]}
        place = tmp_path / f"{one['inside']}.zip"
        with pytest.raises(InputError, match=r"images\.json says otherwise"):
            written(place, {name: b"x", "images.json": json.dumps(images).encode()})
        assert not place.exists()


def test_the_same_contents_give_the_same_bytes(tmp_path: Path) -> None:
    written(tmp_path / "a.zip")
    written(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert (
        (tmp_path / "a.zip")
        .read_bytes()
        .endswith(SEAL + hashlib.sha256((tmp_path / "a.zip").read_bytes()[:-64]).hexdigest().encode())
    )


def test_files_beyond_four_gigabytes_are_written_in_the_long_form_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing_module, "_LARGE", 1)
    (tmp_path / "x.dcm").write_bytes(b"large" * 1000)
    with packing(tmp_path / "a.zip") as made:
        made.add_file("x.dcm", tmp_path / "x.dcm")
        made.finished({"ledger_is_whole": False})
    content = (tmp_path / "a.zip").read_bytes()
    assert struct.unpack_from("<2L", content, 18) == (0xFFFFFFFF, 0xFFFFFFFF)
    for at in range(30 + 5, 30 + 5 + 20):
        (tmp_path / "a.zip").write_bytes(sealed(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]))
        assert list(faults(tmp_path / "a.zip")), at


def fails(made: Any) -> None:
    made.add("x", b"x")
    raise ZeroDivisionError


@pytest.mark.parametrize("name", ["a.zip", "a"])
def test_a_writing_that_fails_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ZeroDivisionError), packing(tmp_path / name) as made:
        fails(made)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        written(archive)
    assert archive.read_bytes() == before


def test_the_verifier_needs_python_3_9_and_nothing_else(archive: Path, tmp_path: Path) -> None:
    source = Path(verifier.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert len(source.splitlines()) < 300
    (tmp_path / "verify.py").write_text(source)
    line = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(archive)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"Intact: {len(FILES) + 1} files.")
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "NOT intact.")
