"""The words of the viewers, marked for translation: the page sends ``{word: gettext(word) for word in WORDS}``.

English is the key, as everywhere; a test holds this list and the viewers' JavaScript together.
"""

from __future__ import annotations

from typing import Final


def gettext_noop(text: str) -> str:
    """Mark a text for the collector of translations; Django's own would bring Django in here."""
    return text


WORDS: Final = (
    gettext_noop("The data ({got} bytes) do not fit their description ({expected} bytes)."),
    gettext_noop("Lowest value"),
    gettext_noop("Highest value"),
    gettext_noop("Preset window"),
    gettext_noop("Own window"),
    gettext_noop("The image cannot be shown."),
    gettext_noop("Maximum-intensity projection; click to go to the hottest point behind the pointer"),
    gettext_noop("Angle of view"),
    gettext_noop("MIP"),
    gettext_noop("Reload the page; if it happens again, report the words above."),
    gettext_noop("Loading images…"),
    gettext_noop("Anterior"),
    gettext_noop("Posterior"),
    gettext_noop("All views"),
    gettext_noop("Share of each time point's own maximum"),
    gettext_noop("counts/s per pixel, at injection"),
    gettext_noop("Colours"),
    gettext_noop("Inverse grey"),
    gettext_noop("Grey"),
    gettext_noop("Hot"),
    gettext_noop("Posterior as seen from behind"),
    gettext_noop("Regions"),
    gettext_noop("Mark this point"),
    gettext_noop(
        "The cursor is at the same place of the body in all views. Click to keep it, arrow keys move "
        "it, + and - zoom, [ and ] darken and brighten, m marks, Escape frees it."
    ),
    gettext_noop("{hours} h after injection"),
    gettext_noop("{seconds} s"),
    gettext_noop("The time points are not shown on one scale: {reasons}"),
    gettext_noop("{label}: which view is which was inferred ({rule}); a person must confirm it."),
    gettext_noop("counts/s"),
    gettext_noop("counts"),
    gettext_noop("{across} mm from the right edge of the field, {down} mm from its head end"),
    gettext_noop("Click a point first."),
    gettext_noop("Transverse, coronal and sagittal slices; click to move the crosshair"),
    gettext_noop("Loading images… {size} MB"),
    gettext_noop(
        "Radiological convention: the patient's right (R) is on the left of the picture. Arrow keys and "
        "Page Up/Down move the point, + and - zoom, r regions, m marks."
    ),
    gettext_noop("Notes on these images ({count})"),
    gettext_noop(
        "This browser or machine has no WebGL2 ({reason}). Simple slices are shown instead: without "
        "smoothing or zoom. The values are the same."
    ),
    gettext_noop("{modality} over CT"),
    gettext_noop("Show {name}"),
    gettext_noop("Go to its centre"),
    gettext_noop("At the crosshair:"),
    gettext_noop("Under the pointer:"),
    gettext_noop("Transverse"),
    gettext_noop("Coronal"),
    gettext_noop("Sagittal"),
    gettext_noop("Soft tissue"),
    gettext_noop("Lung"),
    gettext_noop("Bone"),
    gettext_noop("Liver"),
    gettext_noop("Half"),
    gettext_noop("Maximum"),
)
