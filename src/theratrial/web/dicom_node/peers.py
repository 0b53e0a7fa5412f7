"""Who may send, and whose images they are."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.dicom_node.config import valid_ae_title
from theratrial.web.dicom_node.models import Peer
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.people.models import Site
from theratrial.web.people.permissions import sites_of

CALLING_NOT_RECOGNISED: Final = 3
CALLED_NOT_RECOGNISED: Final = 7


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends in an association, for whom its images are taken."""

    ae_title: str
    site: Site = field(compare=False)
    known: bool
    """Whether it is a peer of the site; what others send stays in quarantine until somebody has looked."""
    key: int
    """Of the peer, 0 where it is none."""

    @property
    def actor(self) -> SystemActor:
        """Under whose name the delivery stands in the ledger; no account can bear it."""
        return SystemActor(f"dicom:{self.ae_title}")


def sender_of(ae_title: str, address: str, *, tls: bool, unknown_site: str) -> Sender | None:
    """The sender behind a calling AE title and address; None: it may not send.

    An AE title is no secret and no proof: the peer's address must be right as well, and TLS where it was agreed.
    """
    peer = Peer.objects.filter(ae_title=ae_title, is_active=True).select_related("site").first()
    if peer is None:
        site = Site.objects.filter(code=unknown_site).first() if unknown_site else None
        return Sender(ae_title, site, known=False, key=0) if site is not None and valid_ae_title(ae_title) else None
    right_place = peer.any_address or not peer.host or _is_at(peer.host, address)
    if not peer.may_send or not right_place or (peer.tls and not tls):
        return None
    return Sender(ae_title, peer.site, known=True, key=peer.pk)


def known_site_or_refused(code: str) -> None:
    """Refuse a setting that names no site, where it names one.

    Raises
    ------
    InputError
        There is no such site.
    """
    if code and not Site.objects.filter(code=code).exists():
        known = ", ".join(Site.objects.order_by("code").values_list("code", flat=True))
        raise InputError(f"THERATRIAL_DICOM_UNKNOWN names the site {code!r}, which is not there; there are: {known}")


def _is_at(host: str, address: str) -> bool:
    given = _plain(address)
    try:
        return _plain(host) == given
    except ValueError:
        return given in _addresses(host)


def _plain(text: str) -> Any:
    found = ipaddress.ip_address(text.split("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


@lru_cache(maxsize=256)
def _addresses(host: str) -> frozenset[Any]:
    try:
        return frozenset(_plain(str(one[4][0])) for one in socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return frozenset()


def peers_of(user: Any, permission: str) -> QuerySet[Peer]:
    """Peers of the sites at which the user may do `permission`."""
    return Peer.objects.filter(site__in=sites_of(user, permission)).select_related("site")


def peer_recorded(
    actor: Any,
    *,
    name: str,
    ae_title: str,
    host: str,
    port: str,
    site: Site,
    may_send: bool,
    may_be_asked: bool,
    any_address: bool,
    tls: bool,
    reason: str = "",
    peer: Peer | None = None,
) -> Peer:
    """Enter a peer, or change one.

    Raises
    ------
    InputError
        Something is missing, or the AE title is another active peer's.
    """
    row = peer or Peer()
    if peer is not None and not reason.strip():
        raise InputError(_("Say why the peer is changed; the reason is kept in the ledger."))
    if not name.strip():
        raise InputError(_("Give the peer a name that people know it by."))
    if not valid_ae_title(ae_title.strip()):
        raise InputError(_("An AE title has 1 to 16 plain characters, without a backslash."))
    number = _port(port)
    if may_be_asked and not (host.strip() and number):
        raise InputError(_("A peer that is asked for images needs a host and a port."))
    if may_send and not host.strip() and not any_address:
        raise InputError(_("Say from which host the peer sends, or that it may send from any address."))
    if not (may_send or may_be_asked):
        raise InputError(_("Say whether the peer sends, is asked, or both; or close it."))
    with act(actor, "dicom-peer.change" if peer else "dicom-peer.enter", reason=reason.strip()):
        others = Peer.objects.filter(ae_title=ae_title.strip(), is_active=True).exclude(pk=row.pk)
        if others.exists():
            raise InputError(_("Another peer has this AE title already; close it first."))
        row.name, row.ae_title, row.host, row.port, row.site = (
            name.strip()[:80],
            ae_title.strip(),
            host.strip()[:255],
            number,
            site,
        )
        row.may_send, row.may_be_asked, row.any_address, row.tls = may_send, may_be_asked, any_address, tls
        row.is_active = True
        row.save()
    return row


def _port(text: str) -> int | None:
    said = text.strip()
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and 1 <= int(said[:6]) <= 65535):
        raise InputError(_("A port is a number from 1 to 65535; DICOM usually takes 104 or 11112."))
    return int(said)


def peer_closed(actor: Any, peer: Peer, *, reason: str) -> None:
    """Close a peer: it is refused from now on; its deliveries stay.

    Raises
    ------
    InputError
        No reason is given.
    """
    if not reason.strip():
        raise InputError(_("Say why the peer is closed; the reason is kept in the ledger."))
    with act(actor, "dicom-peer.close", reason=reason.strip()):
        current = Peer.objects.select_for_update().get(pk=peer.pk)
        current.is_active = False
        current.save()


__all__ = [
    "CALLED_NOT_RECOGNISED",
    "CALLING_NOT_RECOGNISED",
    "Sender",
    "known_site_or_refused",
    "peer_closed",
    "peer_recorded",
    "peers_of",
    "sender_of",
]
