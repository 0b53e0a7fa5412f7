"""`theratrial site`, `theratrial serve` and `theratrial worker`: the trial in a browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from theratrial.cli import console
from theratrial.cli.backup import move
from theratrial.errors import InputError

app = typer.Typer(help="Set up a site: the trial's people do their work there in a browser.", no_args_is_help=True)
app.command("move")(move)

_FOLDER_HELP = "Site folder: database, images, secret key, results."
_RESTART_AFTER_S = 2.0
_STOP_WITHIN_S = 15.0
QUEUE_NAMES = {"all": "*", "images": "images", "other": "default"}
"""Which work a worker does -> the queue of the settings."""


def site_ready(folder: Path | None) -> Path:
    """Point Django at a site folder and start it."""
    if folder is not None:
        os.environ["THERATRIAL_SITE"] = str(folder.resolve())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "theratrial.web.settings")
    import django
    from django.conf import settings

    settings.SITE_FOLDER.mkdir(parents=True, exist_ok=True)
    django.setup()
    found: Path = settings.SITE_FOLDER
    return found


def _migrated() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def _trial_or_refused() -> Any:
    from theratrial.web.trials.selectors import trial_or_none

    trial = trial_or_none()
    if trial is None:
        raise InputError(
            "this site has no trial yet; `theratrial site init --protocol FILE` sets one up, "
            "`theratrial serve --demo` the demonstration"
        )
    return trial


@app.command("init")
def init(
    protocol: Path = typer.Option(..., "--protocol", help="Protocol file of the trial."),
    registration: Path = typer.Option(
        None,
        "--registration",
        help="Registration record; versions of it in registration_versions/ beside it are taken in.",
    ),
    site: Path = typer.Option(Path("theratrial-site"), "--site", help=_FOLDER_HELP),
    centre: str = typer.Option(..., "--centre", help="Code of the recruiting centre, as in participants.csv."),
    administrator: str = typer.Option("administrator", "--administrator", help="Account name of the administrator."),
    investigator: str = typer.Option("investigator", "--investigator", help="Account name of the investigator."),
) -> None:
    """Set up an empty site for one's own trial, with an administrator and a principal investigator."""
    import secrets

    contents = [_content(protocol), _content(registration) if registration else b""]
    folder = site_ready(site)
    from theratrial.web.registration.taking import versions_beside
    from theratrial.web.setup_site import site_set_up

    _migrated()
    passwords = {name: secrets.token_urlsafe(12) for name in (administrator, investigator)}
    site_set_up(
        contents[0],
        contents[1],
        centre=centre,
        administrator=(administrator, passwords[administrator]),
        investigator=(investigator, passwords[investigator]),
        registration_versions=versions_beside(registration) if registration else None,
    )
    console.say(f"The site is in {folder}. First passwords, to be changed at the first sign-in:")
    for name, password in passwords.items():
        console.say(f"  {name}  {password}")
    console.say(f"Start it:  theratrial serve --site {site}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give a file that exists") from error


@app.command("import")
def import_folder(
    folder: Path = typer.Argument(help="Trial folder, or ODM 1.3.2 file of theratrial, that is taken in."),
    site: Path = typer.Option(Path("theratrial-site"), "--site", help=_FOLDER_HELP),
) -> None:
    """Take in a trial folder, or an ODM file with its history; the site has no participants yet. All or nothing."""
    from theratrial.trialfolder import read_folder

    if folder.is_file():
        _odm_taken(folder, site)
        return
    read = read_folder(folder)
    site_ready(site)
    from theratrial.web.setup_site import folder_imported

    _trial_or_refused()
    count = folder_imported(read)
    console.say(f"{count} records of {len(read.participant_ids)} participants are in the site.")


def _odm_taken(file: Path, site: Path) -> None:
    site_ready(site)
    from theratrial.web.exports.odm_import import odm_imported

    _trial_or_refused()
    console.note(f"Reading {file.name}; it is compared with what the site then exports before anything is kept.")
    made = odm_imported(file)
    what = f"{made.changes} changes that led to " if made.transactional else ""
    console.say(
        f"{what}{made.records} records of {made.participants} participants and {made.queries} queries are in the site, "
        "which exports the same file again."
    )
    if made.transactional:
        console.note("Signatures came in as history of the other site; what needs one here is signed here anew.")


@app.command("manage", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def manage(
    context: typer.Context, site: Path = typer.Option(Path("theratrial-site"), "--site", help=_FOLDER_HELP)
) -> None:
    """Run one of Django's own commands on the site (`theratrial site manage showmigrations`)."""
    site_ready(site)
    from django.core.management import execute_from_command_line

    execute_from_command_line(["theratrial site manage", *context.args])


def worker(
    site: Path = typer.Option(Path("theratrial-site"), "--site", help=_FOLDER_HELP),
    queue: str = typer.Option("all", "--queue", help="all; images: what arrives, alone; other: everything else."),
) -> None:
    """Do the background work of a site until stopped; on several machines with PostgreSQL, several times."""
    if queue not in QUEUE_NAMES:
        raise InputError(f"--queue {queue!r} is not known; take one of {', '.join(QUEUE_NAMES)}")
    site_ready(site)
    from django.core.management import call_command

    _resumed(images=queue != "other", other=queue != "images")
    call_command("db_worker", queue_name=QUEUE_NAMES[queue], interval=0.5, verbosity=0, reload=False)


def _resumed(*, images: bool, other: bool) -> None:
    """Put back what ended with its process."""
    from theratrial.web.dicom_node.fetching import fetches_resumed
    from theratrial.web.exports.documents import documents_resumed
    from theratrial.web.exports.making import packages_resumed
    from theratrial.web.exports.sharing_making import releases_resumed
    from theratrial.web.results.services import interrupted_requeued, lost_requeued
    from theratrial.web.studies.services import uploads_resumed

    if other:
        interrupted_requeued()
        lost_requeued()
        packages_resumed()
        documents_resumed()
        releases_resumed()
    if images:
        uploads_resumed()
        fetches_resumed()


def serve(
    site: Path = typer.Option(Path("theratrial-site"), "--site", help=_FOLDER_HELP),
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on."),
    port: int = typer.Option(8000, "--port", min=0, max=65535, help="Port to listen on."),
    threads: int = typer.Option(4, "--threads", min=1, help="Threads that answer requests."),
    with_worker: bool = typer.Option(True, "--worker/--no-worker", help="Also do the background work."),
    demo: bool = typer.Option(False, "--demo", help="Set up the demonstration if the site is new."),
    participants: int = typer.Option(15, "--participants", min=1, max=500, help="Of the demonstration."),
    seed: int = typer.Option(1, "--seed", min=0, help="Of the demonstration."),
) -> None:
    """Start the site."""
    folder = site_ready(site)
    from theratrial.web import setup_site
    from theratrial.web.ledger.startup import anchor_written, refuse_altered_triggers
    from theratrial.web.trials.selectors import trial_or_none

    if host not in ("127.0.0.1", "localhost", "::1") and not os.environ.get("THERATRIAL_HOSTS"):
        raise InputError(
            f"--host {host} lets other machines in: name the site's address in THERATRIAL_HOSTS and put a proxy with "
            "https in front (THERATRIAL_HTTPS=1); see docs/site.md"
        )
    _port_or_refused(host, port)
    node = _node_or_refused()
    _migrated()
    refuse_altered_triggers()
    anchor_written(folder)
    if demo and trial_or_none() is None:
        console.note("Setting up the demonstration: people, and the records of a virtual cohort.")
        setup_site.demonstration_made(participants=participants, seed=seed)
        setup_site.demonstration_computing(participants=participants, seed=seed)
    trial = _trial_or_refused()
    commands = _commands(folder, host, port, threads, with_worker)
    if node:
        commands["DICOM node"] = [sys.executable, "-m", "theratrial", "dicom-node", "--site", str(folder)]
    _supervise(commands, f"http://{host}:{port}/", bool(trial.simulated))


def _node_or_refused() -> bool:
    """Whether a port is set for the DICOM node; a wrong setting is told before anything starts."""
    from theratrial.web.dicom_node.config import node_settings, server_tls

    chosen = node_settings()
    for one in (chosen.port, chosen.tls_port):
        if one is not None:
            _port_or_refused(chosen.host, one)
    if chosen.tls_port is not None:
        server_tls(chosen)
    return chosen.port is not None or chosen.tls_port is not None


def _port_or_refused(host: str, port: int) -> None:
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"port {port} of {host} cannot be used ({error.strerror}); give another with --port"
            ) from error


def _commands(folder: Path, host: str, port: int, threads: int, with_worker: bool) -> dict[str, list[str]]:
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)]
    server += ["--workers", "1", "--blocking-threads", str(threads), "--log-level", "warning"]
    server += ["--respawn-failed-workers", "theratrial.web.wsgi:application"]
    commands = {"server": server}
    if with_worker:
        # Two: whoever stands beside the camera does not wait for a computation of an hour.
        line = [sys.executable, "-m", "theratrial", "worker", "--site", str(folder), "--queue"]
        commands["worker"] = [*line, "other"]
        commands["worker of images"] = [*line, "images"]
    return commands


def _supervise(commands: dict[str, list[str]], address: str, demonstration: bool) -> None:
    """Keep the processes running until this one is told to stop; then stop them."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    # Their own sessions: Ctrl-C reaches this process alone, which then stops them in order.
    running = {name: subprocess.Popen(line, start_new_session=True) for name, line in commands.items()}
    try:
        _until_answering(address, running["server"], lambda: stopping)
        if not stopping:
            _greeting(address, demonstration)
        while not stopping:
            time.sleep(0.2)
            for name, process in running.items():
                if process.poll() is not None and not stopping:
                    if name == "server":
                        raise InputError(f"the web server ended by itself (exit code {process.returncode})")
                    console.warn(f"the {name} ended (exit code {process.returncode}); starting it again")
                    time.sleep(_RESTART_AFTER_S)
                    running[name] = subprocess.Popen(commands[name], start_new_session=True)
    finally:
        for process in running.values():
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + _STOP_WITHIN_S
        for process in running.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    console.note("The site is stopped.")


def _until_answering(address: str, server: subprocess.Popen[bytes], stopping: Any) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None and not stopping():
        try:
            with urllib.request.urlopen(f"{address}people/sign-in/", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)


def _greeting(address: str, demonstration: bool) -> None:
    console.say(f"theratrial is at {address}")
    if demonstration:
        from theratrial.web.people.permissions import matrix
        from theratrial.web.setup_site import CAST, DEMONSTRATION_PASSWORD

        console.say(f"Virtual participants. Sign in with the password {DEMONSTRATION_PASSWORD} as")
        for member in CAST:
            console.say(f"  {member.username:<15} {matrix().roles[member.role].label}")
    console.say("Ctrl-C stops it.")
