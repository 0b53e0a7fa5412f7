"""Response on FDG PET by published criteria: PERCIST 1.0 and EORTC 1999 (docs/methods/pet_response.md)."""
