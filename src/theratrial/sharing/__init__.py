"""What leaves the trial: images without identity but with proof, data packages, the inspector's archive."""
