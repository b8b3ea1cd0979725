"""One unit's movements: the record of its events, its journeys, and what they mean."""
