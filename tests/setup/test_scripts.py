"""The scripts behind `make`, run for real against commands of the test that write down how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a virtual environment's python does for setup.sh, without a network: it logs its arguments.
FAKE_PYTHON = """#!/bin/sh
echo "python $*" >>"$CALLS"
case "$*" in
    --version) echo "Python ${FAKE_VERSION:-3.11.2}" ;;
    "-c import sys; raise SystemExit"*) [ "${FAKE_VERSION:-3.11.2}" = 3.11.2 ] ;;
    "-m venv --clear .venv")
        rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python
        echo "#!$(pwd -P)/.venv/bin/python" >.venv/bin/pip ;;
    "-m pip install "*) exit "${FAKE_PIP:-0}" ;;
esac
"""


class Checkout:
    """A folder with the scripts and locks, in a path with spaces, and a PATH that begins with fake commands."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.fakes = folder / "fakes"
        self.log = folder / "calls"
        self.fakes.mkdir()
        shutil.copytree(ROOT / "scripts", self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
            (self.root / name).write_text(f"# {name}\n", encoding="utf-8")

    def fake(self, name: str, script: str) -> None:
        path = self.fakes / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)

    def sh(self, *arguments: str, **environment: str) -> tuple[int, str, list[str]]:
        """Run a script: exit code, all it said, and the calls of fake commands."""
        self.log.write_text("", encoding="utf-8")
        done = subprocess.run(
            ["/bin/sh", *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                "PATH": f"{self.fakes}:/usr/bin:/bin",
                "HOME": str(self.root),
                "CALLS": str(self.log),
                **environment,
            },
        )
        return done.returncode, done.stdout, self.log.read_text(encoding="utf-8").splitlines()

    def setup(self, want: str = "dev", **environment: str) -> tuple[int, str, list[str]]:
        code, said, calls = self.sh("scripts/setup.sh", want, **environment)
        return code, said, [call for call in calls if "pip install" in call or "venv" in call]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path)
    checkout.fake("python3", FAKE_PYTHON)
    return checkout


def test_setup_installs_only_what_is_locked_by_hash(checkout: Checkout) -> None:
    code, said, calls = checkout.setup("run")
    assert code == 0, said
    venv, packages, project = calls
    assert venv.endswith("-m venv --clear .venv")
    assert "--require-hashes" in packages
    assert packages.endswith("--requirement requirements.lock")
    # The project itself has no hash; it must then come from nowhere but here.
    assert "--no-index --editable ." in project


def test_setup_that_is_up_to_date_calls_nothing_and_so_needs_no_network(checkout: Checkout) -> None:
    assert checkout.setup()[0] == 0
    assert checkout.setup(FAKE_PIP="1") == (0, "", [])


def test_the_developers_environment_serves_the_user_but_not_the_reverse(checkout: Checkout) -> None:
    checkout.setup("run")
    assert any("requirements-dev.lock" in call for call in checkout.setup("dev")[2])
    assert checkout.setup("run") == (0, "", [])


@pytest.mark.parametrize("changed", ["requirements-dev.lock", "pyproject.toml", "scripts/setup.sh"])
def test_setup_installs_again_when_what_it_rests_on_changed(checkout: Checkout, changed: str) -> None:
    checkout.setup()
    with (checkout.root / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    code, _, calls = checkout.setup()
    assert code == 0
    assert [call for call in calls if "-m venv" in call] == []
    assert len(calls) == 2


def test_a_setup_that_broke_off_begins_anew_next_time(checkout: Checkout) -> None:
    code, said, _ = checkout.setup(FAKE_PIP="1")
    assert code == 1
    assert "PIP_INDEX_URL" in said
    assert "https_proxy" in said
    code, _, calls = checkout.setup()
    assert code == 0
    assert calls[0].endswith("-m venv --clear .venv")


def test_a_checkout_that_was_moved_is_set_up_again(checkout: Checkout) -> None:
    checkout.setup()
    moved = checkout.root.with_name("moved here")
    checkout.root.rename(moved)
    checkout.root = moved
    assert checkout.setup()[2][0].endswith("-m venv --clear .venv")


@pytest.mark.parametrize("version", ["3.9.2", "3.14.0"])
def test_a_python_that_does_not_suit_is_named_with_the_remedy(checkout: Checkout, version: str) -> None:
    # Whatever else the machine has, a Python that the user names is taken or refused.
    code, said, calls = checkout.setup(FAKE_VERSION=version, PYTHON="python3")
    assert code == 1
    assert f"python3 is Python {version}, but theratrial needs Python 3.11, 3.12 or 3.13" in said
    assert calls == []
    assert not (checkout.root / ".venv").exists()


def test_no_python_at_all_is_named_with_the_remedy(checkout: Checkout) -> None:
    code, said, _ = checkout.setup(PYTHON="/nowhere/python3")
    assert code == 1
    assert "no Python found (/nowhere/python3)" in said
    assert "apt install python3 python3-venv" in said


def test_a_python_without_venv_is_named_with_the_remedy(checkout: Checkout) -> None:
    checkout.fake("python3", FAKE_PYTHON.replace("rm -rf .venv;", "echo ensurepip is not available; exit 1;"))
    code, said, _ = checkout.setup()
    assert code == 1
    assert "ensurepip is not available" in said
    assert "apt install python3-venv" in said
    assert not (checkout.root / ".venv").exists()


APT = 'echo "apt-get $*" >>"$CALLS"\ncase "$*" in *" $REFUSED"*) echo "E: no $REFUSED" >&2; exit 100 ;; esac\n'


@pytest.fixture
def debian(checkout: Checkout) -> Checkout:
    checkout.fake(
        "dpkg-query",
        '#!/bin/sh\nfor last; do :; done\ncase " $HAVE " in *" $last "*) echo installed;; *) exit 1;; esac\n',
    )
    checkout.fake("apt-get", f"#!/bin/sh\n{APT}")
    checkout.fake("id", '#!/bin/sh\necho "$USER_ID"\n')
    return checkout


def packages(checkout: Checkout, want: str = "run", **environment: str) -> tuple[int, str, list[str]]:
    return checkout.sh(
        "scripts/system-packages.sh", want, **{"USER_ID": "0", "HAVE": "", "REFUSED": "-", **environment}
    )


PANGO = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


def test_nothing_is_said_or_asked_when_all_packages_are_there(debian: Checkout) -> None:
    assert packages(debian, HAVE=PANGO) == (0, "", [])
    there = f"{PANGO} chromium dcmtk poppler-utils postgresql orthanc orthanc-dicomweb"
    assert packages(debian, "test", HAVE=there) == (0, "", [])


def test_root_gets_what_is_missing_and_only_that(debian: Checkout) -> None:
    code, _, calls = packages(debian, "test", HAVE=f"{PANGO} chromium", REFUSED="nothing-is")
    assert code == 0
    assert len(calls) == 2
    assert calls[0].endswith("update")
    wanted = "dcmtk poppler-utils postgresql orthanc orthanc-dicomweb"
    assert calls[1].endswith(f"install --yes --no-install-recommends {wanted}")


def test_others_get_the_line_to_type_and_the_work_goes_on(debian: Checkout) -> None:
    code, said, calls = packages(debian, USER_ID="1000", HAVE="fonts-dejavu-core")
    assert code == 0
    assert "apt-get install --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0\n" in said
    assert calls == []


def test_apt_that_fails_is_a_warning_and_the_work_goes_on(debian: Checkout) -> None:
    code, said, calls = packages(debian, REFUSED="update")
    assert code == 0
    assert "warning: could not install" in said
    assert len(calls) == 1


def test_one_package_that_is_not_to_be_had_does_not_keep_the_others_away(debian: Checkout) -> None:
    code, said, calls = packages(debian, HAVE=PANGO, want="test", REFUSED="chromium")
    assert code == 0
    assert "could not install chromium;" in said
    assert calls[-1].endswith("orthanc-dicomweb")


def test_the_system_is_left_alone_when_asked_to(debian: Checkout) -> None:
    assert packages(debian, THERATRIAL_SYSTEM_PACKAGES="skip") == (0, "", [])


def test_nothing_calls_sudo() -> None:
    files = [ROOT / "Makefile", ROOT / ".ci" / "run", *(ROOT / "scripts").glob("*.*")]
    assert len(files) > 5
    callers = [
        file
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.lstrip("@\t ").startswith("sudo")
    ]
    assert callers == []


def make(*arguments: str) -> str:
    done = subprocess.run(
        ["make", "--dry-run", *arguments], cwd=ROOT, text=True, capture_output=True, env={**os.environ, "MAKEFLAGS": ""}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_alone_shows_what_can_be_made() -> None:
    done = subprocess.run(
        ["make"], cwd=ROOT, text=True, capture_output=True, env={**os.environ, "MAKEFLAGS": ""}, check=True
    )
    for target in ("setup", "run", "test", "test-long", "bench", "lint", "lock", "clean", "help"):
        assert f"\n{target} " in done.stdout


def test_the_tests_are_split_into_quick_and_long_and_none_is_left_out() -> None:
    assert '-m "not long and not walk"' in make("test")
    assert '-m "long and not walk"' in make("test-long")


def test_what_only_runs_the_program_sets_up_no_tools_of_developers() -> None:
    assert "setup.sh dev" not in make("run")
    assert "setup.sh dev" in make("test")


@pytest.mark.parametrize(("fails_at", "reached"), [("", 3), ("lint", 3), ("test-postgresql", 2), ("test", 1)])
def test_ci_stops_at_the_first_failure_and_names_it(checkout: Checkout, fails_at: str, reached: int) -> None:
    (checkout.root / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", checkout.root / ".ci" / "run")
    checkout.fake("make", '#!/bin/sh\necho "make $*" >>"$CALLS"\n[ "$1" != "$FAILS_AT" ]\n')
    code, said, calls = checkout.sh("-c", "bash .ci/run", FAILS_AT=fails_at)
    assert calls == ["make test", "make test-postgresql", "make lint"][:reached]
    assert (code == 0) is (fails_at == "")
    assert ("all passed" in said) is (fails_at == "")
    assert (f"FAILED in: make {fails_at} " in said) is (fails_at != "")
