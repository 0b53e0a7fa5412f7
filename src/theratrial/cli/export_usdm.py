"""`theratrial export usdm` and `theratrial protocol from-usdm`."""

from __future__ import annotations

from pathlib import Path

import typer

from theratrial.cli import console


def usdm(
    protocol: Path = typer.Argument(help="Protocol file, or a trial folder that holds one."),
    out: Path = typer.Argument(help="File to write, for example trial.usdm.json."),
    registration: Path = typer.Option(None, "--registration", help="Registration record: sponsor, further outcomes."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it is there."),
) -> None:
    """Write the protocol as USDM 4.0, every clause with its object, so that it can be read back without loss."""
    from theratrial import __version__
    from theratrial.cli.files import file_written
    from theratrial.exchange.usdm import usdm_json
    from theratrial.protocol.reader import read_protocol
    from theratrial.registry.reader import read_registration

    if protocol.is_dir():
        beside = protocol / "registration.yaml"
        registration = registration or (beside if beside.is_file() else registration)
        protocol = protocol / "protocol.yaml"
    record = read_registration(registration) if registration else None
    content = usdm_json(read_protocol(protocol), record=record, software=__version__)
    file_written(out, content, replace=force)
    console.say(f"{out}: {len(content)} bytes, USDM 4.0")
    if record is None:
        console.note("note: without --registration no sponsor is named, which USDM's rules ask for")


def from_usdm(
    file: Path = typer.Argument(help="USDM file that `theratrial export usdm` wrote."),
    out: Path = typer.Argument(help="Protocol file to write (YAML)."),
    registration: Path = typer.Option(None, "--registration", help="The record it was exported with."),
    accept_changes: bool = typer.Option(
        False, "--accept-changes", help="Take the clauses though USDM around them was changed by another program."
    ),
    force: bool = typer.Option(False, "--force", help="Replace the file if it is there."),
) -> None:
    """Read a protocol back from USDM: the clauses hold; what was changed around them is named and refused."""
    from theratrial.cli.files import file_written
    from theratrial.errors import InputError
    from theratrial.exchange.usdm import read_usdm
    from theratrial.protocol.reader import protocol_hash, protocol_yaml
    from theratrial.registry.reader import read_registration

    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from error
    record = read_registration(registration) if registration else None
    protocol = read_usdm(content, file.name, record=record, accept_changes=accept_changes)
    file_written(out, protocol_yaml(protocol).encode(), replace=force)
    console.say(f"{out}: {protocol_hash(protocol)}")
