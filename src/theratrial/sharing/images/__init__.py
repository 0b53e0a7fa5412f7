"""DICOM images without identity, and the proof that their numbers are still those of the trial."""
