"""What an installation sets about its DICOM node, from the environment; see ``docs/dicom_node.md``."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError

IMPLEMENTATION_CLASS_UID: Final = "2.25.234837632575299844416149493997761648994"
IMPLEMENTATION_VERSION: Final = "THERATRIAL"
"""Without the software's version: it stands in every file received, and a file sent again must come out the same."""
LEAST_PDU: Final = 4096
MOST_PDU: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How the node listens and what it allows."""

    ae_title: str = "THERATRIAL"
    host: str = "127.0.0.1"
    port: int | None = None
    """Without TLS."""
    tls_port: int | None = None
    certificate: str = ""
    key: str = ""
    authorities: str = ""
    """Certificates that peers are checked against; with it, a peer without a certificate of theirs is refused."""
    unknown_site: str = ""
    """Code of the site whose quarantine takes what unknown senders send; empty: they are refused."""
    associations: int = 16
    """At once."""
    pdu_bytes: int = 131_072
    request_s: float = 30.0
    """Within it, an association must be asked for (ARTIM)."""
    idle_s: float = 120.0
    """Without a word from the peer for so long, its association is aborted; within it a PDU must be complete."""
    silent_s: float = 10.0
    """After so long without an image a delivery is read, though the association stays open."""
    grace_s: float = 2.0
    """After the last association of a sender so long is waited for its next one: many open one per image."""
    unread_s: float = 60.0
    """A delivery that waits for so long without being read is told: no worker seems to run."""
    reserve_bytes: int = 500 * 1000**2
    """With less room left on the disk nothing more is taken."""

    def __post_init__(self) -> None:
        if not valid_ae_title(self.ae_title):
            raise InputError(f"{self.ae_title!r} is no AE title: 1 to 16 characters of ASCII without backslash")
        if not LEAST_PDU <= self.pdu_bytes <= MOST_PDU:
            raise InputError(f"PDUs of {self.pdu_bytes} bytes; {LEAST_PDU} to {MOST_PDU} are allowed")
        if self.tls_port is not None and not (self.certificate and self.key):
            raise InputError(
                "a TLS port needs THERATRIAL_DICOM_TLS_CERT and THERATRIAL_DICOM_TLS_KEY (files in PEM format)"
            )


def valid_ae_title(text: str) -> bool:
    """Whether the text may be an AE title (PS3.5 6.2: ASCII without control characters and backslash)."""
    return 1 <= len(text) <= 16 and text == text.strip() and all(" " <= c <= "~" and c != "\\" for c in text)


def node_settings(**given: object) -> NodeSettings:
    """The environment's settings; what is `given` and not None goes before."""
    usual = NodeSettings()
    found = {
        "ae_title": _text("AE_TITLE", usual.ae_title),
        "host": _text("HOST", usual.host),
        "port": _port("PORT"),
        "tls_port": _port("TLS_PORT"),
        "certificate": _text("TLS_CERT", ""),
        "key": _text("TLS_KEY", ""),
        "authorities": _text("TLS_CA", ""),
        "unknown_site": _text("UNKNOWN", ""),
        "associations": int(_number("ASSOCIATIONS", usual.associations, least=1)),
        "pdu_bytes": int(_number("PDU", usual.pdu_bytes, least=LEAST_PDU)),
        "request_s": _number("REQUEST_S", usual.request_s),
        "idle_s": _number("IDLE_S", usual.idle_s),
        "silent_s": _number("SILENT_S", usual.silent_s),
        "grace_s": _number("GRACE_S", usual.grace_s),
        "unread_s": _number("UNREAD_S", usual.unread_s),
        "reserve_bytes": int(_number("RESERVE_MB", usual.reserve_bytes / 1e6) * 1e6),
    }
    return NodeSettings(**{**found, **{key: value for key, value in given.items() if value is not None}})  # type: ignore[arg-type]


def _text(name: str, usual: str) -> str:
    return os.environ.get(f"THERATRIAL_DICOM_{name}", "").strip() or usual


def _number(name: str, usual: float, *, least: float = 0.0) -> float:
    said = _text(name, "")
    try:
        value = float(said) if said else usual
    except ValueError:
        value = -1.0
    if not least <= value < float("inf"):
        raise InputError(f"THERATRIAL_DICOM_{name} is {said!r}; a number from {least:g} is expected")
    return value


def _port(name: str) -> int | None:
    said = _text(name, "")
    if not said:
        return None
    if not said.isdecimal() or not 1 <= int(said) <= 65535:
        raise InputError(f"THERATRIAL_DICOM_{name} is {said!r}; a port is a number from 1 to 65535")
    return int(said)


def server_tls(settings: NodeSettings) -> ssl.SSLContext:
    """For peers that call us.

    Raises
    ------
    InputError
        A file of the certificates cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _loaded(context, settings)
    if settings.authorities:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(settings: NodeSettings) -> ssl.SSLContext:
    """For peers that we call: their certificate must be of our authorities.

    Their host name is not compared: cameras rarely bear it in their certificates, and the authorities are the
    installation's own list.
    """
    if not settings.authorities:
        raise InputError(
            "to ask a peer over TLS, name the certificates it is checked against in THERATRIAL_DICOM_TLS_CA"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    _loaded(context, settings)
    return context


def _loaded(context: ssl.SSLContext, settings: NodeSettings) -> None:
    try:
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.key or None)
        if settings.authorities:
            context.load_verify_locations(settings.authorities)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"the certificates of the DICOM node cannot be used ({error}); give files in PEM format"
        ) from error


__all__ = [
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION",
    "NodeSettings",
    "client_tls",
    "node_settings",
    "server_tls",
    "valid_ae_title",
]
