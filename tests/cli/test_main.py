"""The shell around the commands: what is listed, what is imported, and how every kind of error ends."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import types
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

import theratrial
from theratrial import cli
from theratrial.errors import InputError, Problem, Problems

HEAVY = ("numpy", "scipy", "pydicom", "matplotlib", "SimpleITK", "yaml", "jinja2")


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "theratrial", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
    )


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Put a function of the test behind a command named `probe`."""
    module = types.ModuleType("theratrial_probe")
    monkeypatch.setitem(sys.modules, "theratrial_probe", module)
    monkeypatch.setitem(cli.COMMANDS, "probe", cli.CommandEntry("theratrial_probe", "probe", "A probe."))

    def install(function: Callable[..., None]) -> None:
        module.probe = function  # type: ignore[attr-defined]

    return install


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `main` in this process: exit code, standard output, standard error."""
    monkeypatch.delenv("THERATRIAL_DEBUG", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["theratrial", *arguments])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        code = exit_.value.code
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run


def raising(error: BaseException) -> Callable[[], None]:
    def probe() -> None:
        raise error

    return probe


def test_help_lists_every_command_with_its_whole_line() -> None:
    result = start("--help", COLUMNS="80")
    assert result.returncode == 0
    text = " ".join(result.stdout.split())
    for name, entry in cli.COMMANDS.items():
        assert f" {name} {entry.summary}" in text


def test_help_says_that_this_is_no_medical_device() -> None:
    assert "Not a medical device" in " ".join(start("--help").stdout.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in cli.COMMANDS)])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['theratrial', *{arguments}]\n"
        "from theratrial.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as done:\n    assert done.code == 0\n    print('LOADED', *sorted(sys.modules))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split("LOADED")[1].split())
    assert "theratrial.cli" in loaded
    assert not loaded & set(HEAVY)


def test_version_is_that_of_the_package() -> None:
    result = start("--version")
    assert (result.returncode, result.stdout) == (0, f"theratrial {theratrial.__version__}\n")


def test_no_command_shows_the_help_and_is_a_wrong_usage() -> None:
    result = start()
    assert result.returncode == 2
    assert "simulate" in result.stdout + result.stderr


def test_a_misspelt_command_is_a_wrong_usage_with_a_suggestion() -> None:
    result = start("simulat")
    assert result.returncode == 2
    assert "'simulate'" in result.stderr
    assert "Traceback" not in result.stderr


def test_both_doors_of_the_package_lead_to_the_same_help() -> None:
    other = subprocess.run([sys.executable, "-m", "theratrial.cli", "--help"], capture_output=True, text=True)
    assert other.stdout == start("--help").stdout


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_listed_command_exists_and_has_a_help_page(name: str) -> None:
    result = CliRunner().invoke(cli.app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"{name}" in result.output


def test_a_command_that_is_not_installed_is_named_only_when_called(
    ended: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "probe", cli.CommandEntry("theratrial.cli.absent", "probe", "A probe."))
    assert ended("--help")[0] == 0
    code, out, err = ended("probe")
    assert (code, out) == (1, "")
    assert "theratrial.cli.absent" in err
    assert "Traceback" not in err


def test_a_missing_package_behind_a_command_is_named(
    ended: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    with open(os.path.join(tmp_path, "needs_much.py"), "w", encoding="utf-8") as file:
        file.write("import a_package_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(cli.COMMANDS, "probe", cli.CommandEntry("needs_much", "probe", "A probe."))
    code, _, err = ended("probe")
    assert code == 1
    assert "'a_package_nobody_has'" in err


def test_an_error_of_ours_is_a_message_without_traceback_and_exit_code_1(
    command: Callable[..., None], ended: Callable[..., tuple[int, str, str]]
) -> None:
    command(raising(InputError("dose is 3 mGy; give Gy")))
    assert ended("probe") == (1, "", "Error: dose is 3 mGy; give Gy\n")


def test_all_problems_of_an_input_are_shown_line_by_line(
    command: Callable[..., None], ended: Callable[..., tuple[int, str, str]]
) -> None:
    problems = [Problem(f"records/visits.csv line {n}", "no date", "write one") for n in range(2, 40)]
    command(raising(Problems("trial folder", problems)))
    code, _, err = ended("probe")
    assert code == 1
    assert [line.strip() for line in err.splitlines()[1:]] == [str(problem) for problem in problems]


def test_a_hostile_name_in_a_message_neither_colours_nor_drives_the_terminal(
    command: Callable[..., None], ended: Callable[..., tuple[int, str, str]]
) -> None:
    command(raising(InputError("[bold red]x[/] [/nonsense] \x1b]0;owned\x07 \u202egnp.exe :smile:")))
    _, _, err = ended("probe")
    assert "[bold red]x[/] [/nonsense]" in err
    assert "\x1b" not in err
    assert "\x07" not in err
    assert "\u202e" not in err
    assert ":smile:" in err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/out.json"), "/data/out.json: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/data"), "/data: Permission denied"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", b"/nowhere"), "/nowhere: No such file"),
        (OSError("a bare remark"), "a bare remark"),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_the_machine_refuses_is_a_message_and_exit_code_1(
    error: BaseException,
    said: str,
    command: Callable[..., None],
    ended: Callable[..., tuple[int, str, str]],
) -> None:
    command(raising(error))
    code, out, err = ended("probe")
    assert (code, out) == (1, "")
    assert said in err
    assert "Traceback" not in err


def test_a_fault_of_our_own_is_called_so_and_has_exit_code_70(
    command: Callable[..., None], ended: Callable[..., tuple[int, str, str]]
) -> None:
    command(raising(ZeroDivisionError("division by zero")))
    code, out, err = ended("probe")
    assert (code, out) == (70, "")
    assert "ZeroDivisionError: division by zero (test_main.py line" in err
    assert "THERATRIAL_DEBUG=1" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), InputError("no")])
def test_the_traceback_is_shown_when_asked_for(
    error: Exception,
    command: Callable[..., None],
    ended: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command(raising(error))
    quiet_code = ended("probe")[0]
    monkeypatch.setenv("THERATRIAL_DEBUG", "1")
    code, _, err = ended("probe")
    assert code == quiet_code
    assert "Traceback (most recent call last)" in err


def test_an_interruption_ends_with_130(
    command: Callable[..., None], ended: Callable[..., tuple[int, str, str]]
) -> None:
    command(raising(KeyboardInterrupt()))
    assert ended("probe") == (130, "", "Interrupted.\n")


def test_an_exit_code_chosen_by_a_command_is_kept(
    command: Callable[..., None], ended: Callable[..., tuple[int, str, str]]
) -> None:
    command(raising(SystemExit(1)))
    assert ended("probe") == (1, "", "")


def test_a_reader_who_leaves_early_gets_no_complaint() -> None:
    # A pipe whose reading end is closed before we start: the first flush fails for certain.
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as pipe:
        done = subprocess.run([sys.executable, "-m", "theratrial", "--help"], stdout=pipe, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_under_standard_output_is_said_once() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "theratrial", "--help"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_command_given_as_a_group_has_its_own_commands(
    monkeypatch: pytest.MonkeyPatch, ended: Callable[..., tuple[int, str, str]]
) -> None:
    import typer

    group = typer.Typer()

    @group.command()
    def only() -> None:
        typer.echo("only called")

    module = types.ModuleType("theratrial_probe_group")
    module.app = group  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "theratrial_probe_group", module)
    monkeypatch.setitem(cli.COMMANDS, "probes", cli.CommandEntry("theratrial_probe_group", "app", "Probes."))
    # A group of one must still be called by both names, or adding a second command would change the first.
    assert ended("probes", "only") == (0, "only called\n", "")
