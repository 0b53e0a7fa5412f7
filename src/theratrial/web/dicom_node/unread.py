"""Whether what was handed over is being read: a node without a worker takes images in for ever, and must say so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError

from theratrial.web.dicom_node.deliveries import in_database
from theratrial.web.studies import arrivals
from theratrial.web.studies.models import Upload

LOG = logging.getLogger("theratrial.web.dicom_node")
_SAID_AGAIN_S: Final = 3600.0


class UnreadWatch:
    """Looks now and then at the deliveries that wait to be read; tells when nobody reads them, and when it is over.

    Parameters
    ----------
    after_s
        A delivery that has waited for so long without progress is told.
    """

    def __init__(self, after_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._after_s, self._clock = after_s, clock
        self._since: dict[str, tuple[float, object]] = {}
        self._next_at = clock()
        self._told_at: float | None = None

    def looked(self) -> None:
        """To be called every moment."""
        now = self._clock()
        if now < self._next_at:
            return
        self._next_at = now + min(15.0, self._after_s / 4)
        try:
            waiting = _waiting()
        except DatabaseError as error:
            LOG.warning("deliveries that wait could not be looked at: %s", error)
            return
        # One that is being read waits anew with each file that was.
        self._since = {
            one: (self._since[one][0] if one in self._since and self._since[one][1] == progress else now, progress)
            for one, progress in waiting.items()
        }
        self._told(now, sum(now - since >= self._after_s for since, _progress in self._since.values()))

    def _told(self, now: float, unread: int) -> None:
        if unread and (self._told_at is None or now - self._told_at >= _SAID_AGAIN_S):
            self._told_at = now
            LOG.warning(
                "waiting to be read: %d; no worker has been seen reading for %.0f s. Start `theratrial worker` "
                "(or `theratrial serve`) on this site; until then nothing of what arrives is registered",
                unread,
                self._after_s,
            )
        elif not unread and self._told_at is not None:
            self._told_at = None
            LOG.info("a worker reads the deliveries again")


@in_database
def _waiting() -> dict[str, object]:
    """Delivery -> how far its reading is, of those that wait or are being read."""
    found = Upload.objects.filter(state="reading").exclude(source="folder").values_list("pk", flat=True)
    return {str(pk): arrivals.progress(str(pk)) for pk in found}


__all__ = ["UnreadWatch"]
