"""The story of a unit, a consignment or a flag: what happened, what each rule said, and the events behind it."""

from sstl.core.explain.facts import reached_ms, read_consignment, read_unit
from sstl.core.explain.shapes import FORMAT, ConsignmentStory, FlagStory, JourneyStory, Story
from sstl.core.explain.story import consignment_story, flag_story, journey_stories
from sstl.core.explain.text import lines

__all__ = [
    "FORMAT",
    "ConsignmentStory",
    "FlagStory",
    "JourneyStory",
    "Story",
    "consignment_story",
    "flag_story",
    "journey_stories",
    "lines",
    "reached_ms",
    "read_consignment",
    "read_unit",
]
