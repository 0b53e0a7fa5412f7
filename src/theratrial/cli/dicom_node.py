"""`theratrial dicom-node`."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import typer

from theratrial.cli import console


def dicom_node(
    site: Path = typer.Option(Path("theratrial-site"), "--site", help="Site folder: database, images, results."),
    host: str = typer.Option(None, "--host", help="Address to listen on (else THERATRIAL_DICOM_HOST)."),
    port: int = typer.Option(None, "--port", min=0, max=65535, help="Port (else THERATRIAL_DICOM_PORT)."),
    tls_port: int = typer.Option(None, "--tls-port", min=0, max=65535, help="Port for TLS (certificates: docs)."),
    ae_title: str = typer.Option(None, "--ae-title", help="Our AE title (else THERATRIAL_DICOM_AE_TITLE)."),
) -> None:
    """Receive images over the DICOM network (C-ECHO, C-STORE) until stopped; a worker must read them.

    Says so when what has arrived waits without being read. `theratrial serve` runs site, node and worker together.
    """
    from theratrial.cli.site import site_ready

    site_ready(site)
    from theratrial.web.dicom_node.config import node_settings
    from theratrial.web.dicom_node.peers import known_site_or_refused
    from theratrial.web.dicom_node.server import Node
    from theratrial.web.trials.selectors import trial_or_none

    if trial_or_none() is None:
        from theratrial.errors import InputError

        raise InputError("this site has no trial yet; `theratrial site init --protocol FILE` sets one up")
    chosen = node_settings(host=host, port=port, tls_port=tls_port, ae_title=ae_title)
    known_site_or_refused(chosen.unknown_site)
    node = Node(chosen)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    node.start()
    ports = " and ".join(str(one) for one in node.ports)
    console.note(f"DICOM node {chosen.ae_title} listens on port {ports} of {chosen.host} (process {os.getpid()}).")
    console.note(
        "It takes images in; a worker registers them (`theratrial worker`, or `theratrial serve`, which has both)."
    )
    ended.wait()
    node.stop()
    console.note("The DICOM node is stopped.")
