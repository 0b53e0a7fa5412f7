"""DICOM -> values (activity map, SUV map, planar pair, regions) and back. Arrays are ``(nz, ny, nx)``."""
