"""Values and the formats of the world: reads bytes into values, says what found no place, and writes values."""
