"""STOW-RS: instances in a multipart body, taken one by one on the way every upload goes.

The body is read as a stream: a part goes to the disk as it comes, and is answered as stored when it is flushed and in
the journal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.imaging.catalogue_header import Header, NotDicom, read_header
from theratrial.web.dicom_node.commands import CANNOT_UNDERSTAND, DOES_NOT_MATCH
from theratrial.web.people.models import Site
from theratrial.web.studies import arrivals, services, store
from theratrial.web.studies.limits import limits
from theratrial.web.studies.models import Upload

_BLOCK: Final = 1 << 18
_MOST_HEAD: Final = 8192
_BOUNDARY: Final = re.compile(r'boundary="?([0-9A-Za-z\'()+_,\-./:=? ]{1,70})"?')


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance of a body: stored, or why not."""

    sop_class: str
    sop_instance: str
    failure: int = 0
    """Status of PS3.4 annex B; 0 where it is stored."""


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart body of DICOM instances.

    Raises
    ------
    InputError
        It is another kind of body.
    """
    kind, _semicolon, rest = content_type.partition(";")
    found = _BOUNDARY.search(rest)
    wanted = 'type="application/dicom"' in rest or "type=application/dicom;" in f"{rest.replace(' ', '')};"
    if kind.strip().casefold() != "multipart/related" or not wanted or found is None:
        raise InputError('send multipart/related; type="application/dicom"; boundary=...')
    return found[1]


class Parts:
    """A multipart body as a stream: `next_part` until it is False, and each part is read to its end."""

    def __init__(self, read: Callable[[int], bytes], boundary: str) -> None:
        self._read, self._mark = read, b"\r\n--" + boundary.encode()
        # The first mark may stand without a line break before it.
        self._held, self._ended, self._over = b"\r\n", False, True

    def _more(self) -> bool:
        block = self._read(_BLOCK)
        self._ended = not block
        self._held += block
        return bool(block)

    def next_part(self) -> bool:
        """Go to the next part, past its headers; False at the end of the body."""
        while self.read(_BLOCK):
            continue
        while len(self._held) < len(self._mark) + 2 and self._more():
            continue
        if not self._held.startswith(self._mark):
            # Text before the first part.
            while (at := self._held.find(self._mark)) < 0:
                self._held = self._held[-len(self._mark) :]
                if not self._more():
                    raise InputError("the body holds no part, or ends within one")
            self._held = self._held[at:]
            while len(self._held) < len(self._mark) + 2 and self._more():
                continue
        rest = self._held[len(self._mark) :]
        if rest.startswith(b"--"):
            return False
        self._held = rest
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > _MOST_HEAD or not self._more():
                raise InputError("the headers of a part do not end")
        self._held, self._over = self._held[end + 4 :], False
        # An empty part is ended by a mark whose line break was taken for that of the headers.
        if self._held.startswith(self._mark[2:]):
            self._held = b"\r\n" + self._held
        return True

    def read(self, most: int) -> bytes:
        """At most so many bytes of the part; none at its end."""
        if self._over:
            return b""
        while (at := self._held.find(self._mark)) < 0 and len(self._held) < most + len(self._mark):
            if not self._more():
                raise InputError("the body ends within a part")
        safe = at if at >= 0 else len(self._held) - len(self._mark) + 1
        taken, self._held = self._held[: min(most, safe)], self._held[min(most, safe) :]
        self._over = not taken
        return taken


def stored(
    actor: Any, site: Site, read: Callable[[int], bytes], boundary: str, *, study: str = ""
) -> tuple[list[Stored], str]:
    """Take the instances of a body; what came whole stays when the body breaks off.

    Returns
    -------
    What became of each, and why the body was not read to its end (empty: it was).

    Parameters
    ----------
    study
        Study Instance UID that all must belong to; empty: any.

    Raises
    ------
    InputError
        The body is broken before its first instance, or a limit is passed.
    """
    parts, bounds = Parts(read, boundary), limits()
    upload: Upload | None = None
    answers: list[Stored] = []
    total, cut = 0, ""
    try:
        while parts.next_part():
            if len(answers) >= bounds.files or total > bounds.delivery_bytes:
                raise InputError("more than is allowed in one request; send the rest in another one")
            upload = upload or services.upload_begun(actor, site, source="dicomweb")
            answer, size = _kept(str(upload.pk), parts.read, study)
            answers.append(answer)
            total += size
    except (InputError, OSError) as error:
        if not answers:
            _cancelled(actor, upload)
            raise
        cut = str(error)
    if upload is not None:
        if any(not one.failure for one in answers):
            services.upload_finished(actor, upload)
        else:
            _cancelled(actor, upload)
    return answers, cut


def _cancelled(actor: Any, upload: Upload | None) -> None:
    if upload is not None:
        services.upload_cancelled(actor, upload)


def _kept(delivery: str, read: Callable[[int], bytes], study: str) -> tuple[Stored, int]:
    folder = store.incoming_folder(delivery)
    came = store.written(read, folder, most=limits().file_bytes)
    path = folder / came.sha256
    header: Header | None = None
    try:
        header = read_header(path)
    except (InputError, NotDicom, OSError, ValueError, OverflowError, RecursionError):
        header = None
    if header is None or header.truncated or not (header.series_instance_uid and header.modality):
        failure = CANNOT_UNDERSTAND
    else:
        failure = DOES_NOT_MATCH if study and header.study_instance_uid != study else 0
    uid = header.sop_instance_uid[:64] if header else ""
    if failure:
        path.unlink(missing_ok=True)
    else:
        arrivals.journalled(delivery, arrivals.Arrived(f"{uid}.dcm", came.size, came.sha256))
    return Stored(header.sop_class_uid[:64] if header else "", uid, failure), came.size


__all__ = ["Parts", "Stored", "boundary_of", "stored"]
