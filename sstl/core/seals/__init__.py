"""Seals and smart locks: what their neutral reports mean, as a state machine and the story it tells."""
