"""Stored image files -> what the browser is sent. Knows no Django: pure functions from files to bytes and a header.

For a PET/CT: ``image = bounded(suv_image(files))``, then ``volume_shown(image)``, ``mip_shown(image)`` and
``regions_shown(region_files, image.grid)``; for the CT ``volume_shown(stored_image(files))``. The headers and the
addresses of the contents go through ``volume_manifest`` to ``<theratrial-volume data-manifest="...">``.
For whole-body views: ``planar_shown(TimePoint(...))`` per time point, ``planar_manifest`` for all of them, to
``<theratrial-planar data-manifest="...">``. docs/methods/viewer.md says what is shown and how it was checked.
"""

from theratrial.web.studies.shown.manifest import volume_manifest
from theratrial.web.studies.shown.mip import mip_shown
from theratrial.web.studies.shown.outlines import regions_shown
from theratrial.web.studies.shown.planar_views import Outline, TimePoint, planar_manifest, planar_shown
from theratrial.web.studies.shown.values import Image, Shown
from theratrial.web.studies.shown.volumes import activity_image, bounded, stored_image, suv_image, volume_shown
from theratrial.web.studies.shown.words import WORDS

__all__ = [
    "WORDS",
    "Image",
    "Outline",
    "Shown",
    "TimePoint",
    "activity_image",
    "bounded",
    "mip_shown",
    "planar_manifest",
    "planar_shown",
    "regions_shown",
    "stored_image",
    "suv_image",
    "volume_manifest",
    "volume_shown",
]
