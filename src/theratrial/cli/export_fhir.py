"""`theratrial export fhir`."""

from __future__ import annotations

from pathlib import Path

import typer

from theratrial.cli import console


def fhir(
    protocol: Path = typer.Argument(help="Protocol file, or a trial folder that holds one."),
    out: Path = typer.Argument(help="File to write, for example trial.fhir.json."),
    registration: Path = typer.Option(None, "--registration", help="Registration record: period, sponsors, outcomes."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it is there."),
) -> None:
    """Write the trial as FHIR R5: ResearchStudy, eligibility Group and PlanDefinition in one Bundle."""
    from theratrial.cli.files import file_written
    from theratrial.exchange.fhir import fhir_json
    from theratrial.protocol.reader import read_protocol
    from theratrial.registry.reader import read_registration

    if protocol.is_dir():
        beside = protocol / "registration.yaml"
        registration = registration or (beside if beside.is_file() else registration)
        protocol = protocol / "protocol.yaml"
    record = read_registration(registration) if registration else None
    content = fhir_json(read_protocol(protocol), record=record)
    file_written(out, content, replace=force)
    console.say(f"{out}: {len(content)} bytes, FHIR R5 Bundle")
