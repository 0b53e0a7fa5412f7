"""The release log: who made what for whom, who signed it, and whose data it holds who has since withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.exports.models import SharedRelease
from theratrial.web.exports.scope import data_use_withdrawn, everywhere
from theratrial.web.exports.sharing_keeping import digest_on_disk
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import content_digest, is_valid, sign, signatures_of
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import the_trial

KIND: Final = "shared_release"
FETCHED: Final = "export.shared-release"


@dataclass(frozen=True, slots=True)
class ReleaseShown:
    """A line of the log."""

    row: SharedRelease
    given: tuple[tuple[Signature, bool], ...]
    """Signatures, and whether each stands."""
    withdrawn: int
    """Participants in it who have withdrawn the use of their data since."""

    @property
    def signed(self) -> bool:
        """Whether it may leave as far as the signature goes."""
        return any(stands for _signature, stands in self.given)

    @property
    def key(self) -> str:
        """What is signed."""
        return str(self.row.pk)

    @property
    def digest(self) -> str:
        """Of what is signed."""
        return content_digest(KIND, self.key, signed_content(self.row))

    @property
    def statement(self) -> str:
        """The sentence that is signed."""
        named = {"number": self.row.number, "to_whom": self.row.to_whom}
        return _("I reviewed what release %(number)s holds, its proof and its risk. It may go to: %(to_whom)s") % named


def signed_content(row: SharedRelease) -> dict[str, Any]:
    """Exactly what the page of a release shows."""
    return {
        "number": row.number,
        "to_whom": row.to_whom,
        "made_by": row.requested_by.get_username(),
        "made_at": row.finished_at.isoformat() if row.finished_at else "",
        "sha256": row.sha256,
        "bytes": row.bytes,
        **row.content,
    }


def release_shown(row: SharedRelease, withdrawn: frozenset[str]) -> ReleaseShown:
    """A line with its signatures."""
    content = signed_content(row)
    given = tuple((one, is_valid(one, content)) for one in signatures_of(KIND, str(row.pk)))
    return ReleaseShown(row, given, len(withdrawn & frozenset(row.participants)))


def release_log() -> list[ReleaseShown]:
    """Every release, the newest first."""
    withdrawn = data_use_withdrawn()
    rows = SharedRelease.objects.select_related("requested_by", "computation").order_by("-number")
    return [release_shown(row, withdrawn) for row in rows]


def may_not_leave(shown: ReleaseShown) -> str:
    """Why a release may neither be signed nor fetched now; empty where it may."""
    if shown.row.state != "made":
        return _("This release is not made.")
    if shown.withdrawn:
        return _("Somebody in it has withdrawn the use of her data since: make a new release, which leaves her out.")
    if digest_on_disk(shown.row) != shown.row.sha256:
        return _("The package is gone or is not the one that was made: make a new release.")
    return ""


def signing_hindered(user: Any, shown: ReleaseShown) -> str:
    """Why this person cannot sign it; empty where she can."""
    if shown.signed:
        return _("It is signed.")
    if shown.row.requested_by_id == user.pk:
        return _("You made this release; another principal investigator signs it.")
    return may_not_leave(shown)


def release_signed(request: HttpRequest, row: SharedRelease) -> Signature:
    """Sign a release: from then on it may be fetched.

    Raises
    ------
    NotConfirmed
        The signer is not confirmed, or what was shown has changed.
    InputError
        This person cannot sign it, or it may not leave.
    """
    shown = release_shown(row, data_use_withdrawn())
    if why := signing_hindered(request.user, shown):
        raise InputError(why)
    return sign(
        request,
        kind=KIND,
        key=shown.key,
        content=signed_content(row),
        meaning="approved",
        statement=shown.statement,
        rows=[row],
        permission="release.sign",
    )


def fetching_hindered(user: Any, shown: ReleaseShown) -> str:
    """Why this person cannot fetch the package; empty where she can."""
    if not shown.signed:
        return _("It can be fetched once a principal investigator has signed it.")
    if hidden_records(user):
        return _("Readers see what is computed from all readings once their own readings are signed.")
    locked = the_trial().data_state in ("locked", "hard_locked")
    if not locked and not everywhere(user, "endpoint.view"):
        return _("The data are not locked: it is fetched by who may see the endpoint.")
    return may_not_leave(shown)


def release_fetched(user: Any, row: SharedRelease) -> None:
    """Note in the ledger that the package leaves the site, with its digest."""
    with act(user, FETCHED):
        note(FETCHED, release=row.number, to_whom=row.to_whom, sha256=row.sha256, bytes=row.bytes)
