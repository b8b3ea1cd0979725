"""Agent of the stage [references]: joins events with what their references are linked to."""

from sstl.agents.keyed import KeyedAgent
from sstl.core.references import ReferencesStage

agent = KeyedAgent("references", ReferencesStage)
