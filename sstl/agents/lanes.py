"""Agent of the stage [lanes]: the indicators of each lane."""

from sstl.agents.keyed import KeyedAgent
from sstl.core.lanes import LanesStage

agent = KeyedAgent("lanes", LanesStage)
