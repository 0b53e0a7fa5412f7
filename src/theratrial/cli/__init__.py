"""The commands. Thin: each parses, calls one room below, and shows what it returned.

`COMMANDS` is the one list of them. The module behind a command is imported when the command is called, never for
`theratrial --help`, which therefore takes a fraction of a second although numpy, pydicom and matplotlib do not.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

# Rich help pages cost a quarter of a second of imports: plain ones unless somebody asks. Read by typer at its import.
os.environ.setdefault("TYPER_USE_RICH", "0")
# Nobody's plugins read our records; to look for some takes longer than to check one.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import typer
from typer.core import TyperCommand, TyperGroup

from theratrial.errors import InputError, TheratrialError

EXIT_ERROR = 1
EXIT_OWN_FAULT = 70  # EX_SOFTWARE of sysexits.h
EXIT_INTERRUPTED = 130  # 128 + SIGINT
EXIT_TERMINATED = 143  # 128 + SIGTERM

NOT_A_MEDICAL_DEVICE = "Research software. Not a medical device: not for diagnosis or treatment decisions."


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """Where a command lives (`attribute` is a function or a `typer.Typer`), and its line in the help text."""

    module: str
    attribute: str
    summary: str


COMMANDS: dict[str, CommandEntry] = {
    "init": CommandEntry("theratrial.cli.init", "init", "Make an empty trial folder for one's own protocol."),
    "protocol": CommandEntry("theratrial.cli.protocol", "app", "Check or show a protocol and its open conflicts."),
    "registry": CommandEntry("theratrial.cli.registry", "app", "Check, show and convert a registration record."),
    "simulate": CommandEntry("theratrial.cli.simulate", "simulate", "Write a virtual cohort as a trial folder."),
    "run": CommandEntry("theratrial.cli.run", "run", "Run a trial folder to its result and report."),
    "report": CommandEntry("theratrial.cli.report", "app", "Study report, analysis plan, data-safety report."),
    "verify": CommandEntry("theratrial.cli.run", "verify", "Recompute every derived number of a result."),
    "export": CommandEntry("theratrial.cli.export", "app", "A trial in the standards: SDTM, ADaM, ODM, USDM, DICOM."),
    "share": CommandEntry("theratrial.cli.share", "app", "Share what the sharing plan says, without identities."),
    "archive": CommandEntry("theratrial.cli.archive", "app", "The inspector's archive: make it, verify it."),
    "image": CommandEntry("theratrial.cli.image", "app", "Describe DICOM files; convert a PET series to SUV."),
    "dose": CommandEntry("theratrial.cli.dose", "dose", "Images of one patient to absorbed dose per region."),
    "schedule": CommandEntry("theratrial.cli.schedule", "app", "Judge what a protocol's scan times can determine."),
    "respond": CommandEntry("theratrial.cli.respond", "app", "Response categories from a table of lesions."),
    "design": CommandEntry("theratrial.cli.design", "app", "Plan a single-arm trial; say what a size can show."),
    "analyse": CommandEntry("theratrial.cli.analyse", "app", "Analyse a proportion or times to event."),
    "grade": CommandEntry("theratrial.cli.grade", "grade", "Grade laboratory values by CTCAE 5.0 and 6.0."),
    "protect": CommandEntry("theratrial.cli.protect", "app", "Release, contact restrictions, the participant's sheet."),
    "events": CommandEntry("theratrial.cli.events", "app", "CTCAE terms; adverse and serious events of a trial."),
    "ledger": CommandEntry("theratrial.cli.ledger", "app", "Verify or export the ledger of a site."),
    "serve": CommandEntry("theratrial.cli.site", "serve", "Start the site: the trial in a browser."),
    "worker": CommandEntry("theratrial.cli.site", "worker", "Do a site's background work."),
    "site": CommandEntry("theratrial.cli.site", "app", "Set up a site for a trial; import a trial folder."),
    "dicom-node": CommandEntry("theratrial.cli.dicom_node", "dicom_node", "Receive images over the DICOM network."),
    "backup": CommandEntry("theratrial.cli.backup", "backup", "Save a site: database, images, settings."),
    "restore": CommandEntry("theratrial.cli.backup", "restore", "Bring a saved site back, checked."),
    "svalues": CommandEntry("theratrial.cli.svalues", "app", "Make or show organ S values of a nuclide."),
}


def load_command(name: str) -> Any:
    """The command itself, imported now.

    Raises
    ------
    InputError
        The module behind it, or a package that it needs, is not installed.
    """
    entry = COMMANDS[name]
    try:
        target = getattr(importlib.import_module(entry.module), entry.attribute)
    except ModuleNotFoundError as error:
        if error.name and entry.module.startswith(error.name):
            raise InputError(
                f"the command '{name}' is not part of this installation (module {entry.module} is missing); "
                "install theratrial again, or `make setup` in its checkout"
            ) from error
        raise InputError(
            f"the command '{name}' needs the Python package '{error.name}', which is not installed; "
            "install theratrial with its dependencies, or `make setup` in its checkout"
        ) from error
    if isinstance(target, typer.Typer):
        return typer.main.get_group(target)
    single = typer.Typer(add_completion=False)
    single.command(name)(target)
    return typer.main.get_command(single)


class LazyGroup(TyperGroup):
    """Lists the commands from the table; imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name=name, help=entry.summary) for name, entry in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name and command else None, rest


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    help="Runs a radiopharmaceutical-therapy trial from its registration record to its registered result.",
    epilog=f"{NOT_A_MEDICAL_DEVICE} THERATRIAL_DEBUG=1 in the environment shows the traceback of an error.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        from theratrial import __version__

        typer.echo(f"theratrial {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
    ),
) -> None:
    """Carries the options that stand before a command."""


def main() -> NoReturn:
    """Entry point of `theratrial`: every error ends as a message and an exit code.

    0 done; 1 the input or the disk said no; 2 wrong usage; 70 a fault of theratrial itself; 130 interrupted; 143 told
    to end.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A report sentence with a Greek letter must not die on an ASCII terminal.
            stream.reconfigure(errors="backslashreplace")
    try:
        with _termination_as_exit():
            code = _exit_code()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) left; the interpreter's own flush at exit must not complain a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_ERROR
    except OSError as error:
        code = _tell(f"standard output: {_os_error_text(error)}", error, EXIT_ERROR)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


@contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Within it SIGTERM unwinds as an exit does, so that whoever is writing takes the unfinished away."""

    def leave(_number: int, _frame: object) -> NoReturn:
        raise SystemExit(EXIT_TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_code() -> int:
    try:
        typer.main.get_command(app).main(prog_name="theratrial")
    except SystemExit as done:
        if done.code == EXIT_INTERRUPTED:
            print("Interrupted.", file=sys.stderr)  # noqa: T201 - rich may be what was interrupted
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    except TheratrialError as error:
        return _tell(str(error), error, EXIT_ERROR)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _tell(_os_error_text(error), error, EXIT_ERROR)
    except MemoryError as error:
        return _tell("out of memory; close other programs, or give fewer --workers", error, EXIT_ERROR)
    except Exception as error:  # noqa: BLE001 - the outermost place: whatever comes here is a fault of ours
        return _tell(_own_fault_text(error), error, EXIT_OWN_FAULT)
    return 0


def _tell(text: str, error: BaseException, code: int) -> int:
    from theratrial.cli import console

    if os.environ.get("THERATRIAL_DEBUG") == "1":
        import traceback

        print(console.harmless("".join(traceback.format_exception(error))), file=sys.stderr)  # noqa: T201
    console.show_error(text)
    return code


_REMEDIES = {
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some space, or write to another disk",
    errno.EACCES: "check who may read and write there",
    errno.EPERM: "check who may read and write there",
    errno.EROFS: "choose a place that can be written to",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a folder is expected where a file is",
    errno.EISDIR: "a file is expected where a folder is",
    errno.EEXIST: "choose another name, or remove it first",
    errno.EMFILE: "raise the limit with `ulimit -n`",
    errno.ENAMETOOLONG: "use a shorter path",
}


def _os_error_text(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes | os.PathLike) else ""
    remedy = _REMEDIES.get(error.errno or 0, "")
    return f"{place}{what}" + (f"; {remedy}" if remedy else "")


def _own_fault_text(error: Exception) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)} line {frames[-1].lineno})" if frames else ""
    return (
        f"theratrial failed, and the fault is its own: {type(error).__name__}: {error}{place}\n"
        "Please report it with the command you gave and what it prints once more with THERATRIAL_DEBUG=1 set; "
        "remove names of people first."
    )
