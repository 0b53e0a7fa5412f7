"""Is a participant eligible? Each criterion: met, not met or not known, with the lines it rests on."""
