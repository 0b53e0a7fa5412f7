"""Half-life and emissions of a nuclide, from one named and versioned source."""

from theratrial.nuclides.library import Nuclide, PhotonLine, nuclide
from theratrial.nuclides.names import nuclide_name

__all__ = ["Nuclide", "PhotonLine", "nuclide", "nuclide_name"]
