"""Asking a peer: its echo, the studies it has of a participant (C-FIND), and to send us one (C-MOVE).

What a peer answers is a stranger's: texts are cut and made harmless, answers counted, every wait bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.web.dicom_node.config import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION, client_tls, node_settings
from theratrial.web.dicom_node.models import Peer

_VERIFICATION: Final = "1.2.840.10008.1.1"
_STUDY_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
_STUDY_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
_MOST_STUDIES: Final = 200
_CONNECT_S: Final = 10
_ANSWER_S: Final = 60
_MOVE_ANSWER_S: Final = 900
"""A PACS may fetch a study from tape before its first word."""
_PENDING: Final = (0xFF00, 0xFF01)
_CANCELLED: Final = 0xFE00
_PDU: Final = 131_072
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")


class PeerFailed(InputError):
    """A peer does not answer, refuses, or reports a failure."""


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study that a peer has, in its own words."""

    study_instance_uid: str
    patient_id: str
    study_date: str
    study_time: str
    description: str
    modalities: str
    series: str
    instances: str

    @property
    def day(self) -> date | None:
        """The date of the study; None where it is none."""
        try:
            return datetime.strptime(self.study_date, "%Y%m%d").date()
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a C-MOVE is: images sent to us, failed, still to come (None: not said)."""

    completed: int
    failed: int
    remaining: int | None


def echoed(peer: Peer) -> None:
    """Have the peer answer a C-ECHO.

    Raises
    ------
    PeerFailed
        It does not.
    """
    with _association(peer, _VERIFICATION, answer_s=_ANSWER_S) as association:
        status = association.send_c_echo()
        if "Status" not in status or status.Status != 0:
            raise PeerFailed(_("%(peer)s was reached but did not answer the echo.") % {"peer": peer})


def found_studies(
    peer: Peer, patient_id: str, *, first: date | None = None, last: date | None = None
) -> list[FoundStudy]:
    """Studies of a PatientID at a peer, newest first.

    Raises
    ------
    PeerFailed
        It cannot be asked, or reports a failure.
    """
    question = Dataset()
    question.QueryRetrieveLevel = "STUDY"
    question.PatientID = patient_id
    question.StudyDate = f"{first:%Y%m%d}-" if first else ""
    if last:
        question.StudyDate = f"{question.StudyDate.strip('-')}-{last:%Y%m%d}"
    for keyword in (
        *("StudyInstanceUID", "StudyTime", "StudyDescription", "ModalitiesInStudy"),
        *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
    ):
        setattr(question, keyword, "")
    found: dict[str, FoundStudy] = {}
    with _association(peer, _STUDY_FIND, answer_s=_ANSWER_S) as association:
        for status, answer in association.send_c_find(question, _STUDY_FIND):
            if "Status" not in status:
                raise PeerFailed(_("%(peer)s broke off while it was asked. Try again.") % {"peer": peer})
            if status.Status in _PENDING and answer is not None:
                one = _study(answer)
                # A PACS that takes the code for a pattern, or none at all, would tell about other people.
                if one is not None and one.patient_id == patient_id:
                    found[one.study_instance_uid] = one
                if len(found) >= _MOST_STUDIES:
                    association.abort()
                    break
            elif status.Status not in (0, *_PENDING, _CANCELLED):
                raise PeerFailed(_failure(peer, status))
    return sorted(found.values(), key=lambda one: (one.study_date, one.study_time), reverse=True)


def _study(answer: Dataset) -> FoundStudy | None:
    uid = _text(answer, "StudyInstanceUID")
    if not _UID.fullmatch(uid) or len(uid) > 64:
        return None
    return FoundStudy(
        uid,
        _text(answer, "PatientID"),
        _text(answer, "StudyDate"),
        _text(answer, "StudyTime")[:6],
        _text(answer, "StudyDescription"),
        _text(answer, "ModalitiesInStudy"),
        _text(answer, "NumberOfStudyRelatedSeries"),
        _text(answer, "NumberOfStudyRelatedInstances"),
    )


def _text(answer: Dataset, keyword: str) -> str:
    try:
        value = answer.get(keyword, "")
        parts = [value] if isinstance(value, str | int) else list(value or ())
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError):
        return ""
    return re.sub(r"[\x00-\x1f\x7f]", "", " ".join(str(one) for one in parts)).strip()[:120]


def study_moved(peer: Peer, study_instance_uid: str, told: Callable[[Moved], None]) -> Moved:
    """Have a peer send us a study; returns when it has ended.

    Parameters
    ----------
    told
        Is called as often as the peer says how far it is.

    Raises
    ------
    PeerFailed
        It cannot be asked, or reports a failure.
    """
    question = Dataset()
    question.QueryRetrieveLevel = "STUDY"
    question.StudyInstanceUID = study_instance_uid
    so_far = Moved(0, 0, None)
    with _association(peer, _STUDY_MOVE, answer_s=_MOVE_ANSWER_S) as association:
        for status, _answer in association.send_c_move(question, node_settings().ae_title, _STUDY_MOVE):
            if "Status" not in status:
                raise PeerFailed(_("%(peer)s broke off while it was sending. Fetch the study again.") % {"peer": peer})
            so_far = _moved(status, so_far)
            told(so_far)
            # Warning B000: some images failed, which the numbers say.
            if status.Status not in (0, 0xB000, *_PENDING):
                raise PeerFailed(_failure(peer, status))
    return so_far


def _moved(status: Dataset, before: Moved) -> Moved:
    completed = int(status.get("NumberOfCompletedSuboperations", before.completed) or 0)
    completed += int(status.get("NumberOfWarningSuboperations", 0) or 0)
    remaining = status.get("NumberOfRemainingSuboperations")
    failed = int(status.get("NumberOfFailedSuboperations", before.failed) or 0)
    return Moved(completed, failed, None if remaining is None else int(remaining))


def _failure(peer: Peer, status: Dataset) -> str:
    code = int(status.Status)
    if code == 0xA801:
        return _("%(peer)s does not know our AE title %(title)s; have it entered there.") % {
            "peer": peer,
            "title": node_settings().ae_title,
        }
    said = re.sub(r"[\x00-\x1f\x7f]", "", str(status.get("ErrorComment", "") or ""))[:64]
    return _("%(peer)s reports the failure %(code)s %(said)s") % {"peer": peer, "code": f"{code:04X}", "said": said}


@contextmanager
def _association(peer: Peer, sop_class: str, *, answer_s: int) -> Iterator[Any]:
    """An association with a peer, released at the end or aborted."""
    from pynetdicom import AE

    settings = node_settings()
    entity = AE(ae_title=settings.ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION
    entity.connection_timeout, entity.acse_timeout = _CONNECT_S, _CONNECT_S * 2
    entity.dimse_timeout = entity.network_timeout = answer_s
    entity.add_requested_context(sop_class)
    tls = (client_tls(settings), peer.host) if peer.tls else None
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title, max_pdu=_PDU, tls_args=tls)
    if not association.is_established:
        raise PeerFailed(_refused(peer, association))
    finished = False
    try:
        if not association.accepted_contexts:
            raise PeerFailed(_("%(peer)s does not offer this service.") % {"peer": peer})
        yield association
        finished = True
    finally:
        if finished and association.is_established:
            association.release()
        elif association.is_established:
            association.abort()


def _refused(peer: Peer, association: Any) -> str:
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        return _("%(peer)s refuses us (%(reason)s); our AE title %(title)s must be entered there.") % {
            "peer": peer,
            "reason": answer.reason_str,
            "title": node_settings().ae_title,
        }
    return _("%(peer)s does not answer at %(host)s, port %(port)s; check both, and that it runs.") % {
        "peer": peer,
        "host": peer.host,
        "port": peer.port,
    }


__all__ = ["FoundStudy", "Moved", "PeerFailed", "echoed", "found_studies", "study_moved"]
