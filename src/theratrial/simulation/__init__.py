"""Virtual patients and cohorts with known truth, written as real DICOM and records."""
