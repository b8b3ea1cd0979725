"""Agent of the stage [journeys]: one unit's movement."""

from sstl.agents.keyed import KeyedAgent
from sstl.core.journeys.stage import JourneysStage

agent = KeyedAgent("journeys", JourneysStage)
