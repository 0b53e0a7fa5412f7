"""The DICOM network: receive images (C-STORE), ask a PACS for a study (C-FIND, C-MOVE), the peers as data."""
