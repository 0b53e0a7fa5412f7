"""Values and the formats of the world: registries today. Reads bytes into values and says what found no place; writes values."""
