"""What the trial derived from its images, written as DICOM objects that other programs read.

Method: docs/methods/derived_objects.md. Nothing here computes a clinical value: values come in, objects go out.
"""
