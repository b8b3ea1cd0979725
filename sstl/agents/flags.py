"""Agent of the stage [flags]: the life cycle of risk flags, and feedback."""

from sstl.agents.keyed import KeyedAgent
from sstl.core.flags import FlagsStage

agent = KeyedAgent("flags", FlagsStage)
