"""Agent of the stage [manifests]: the latest version of each manifest, and what it links."""

from sstl.agents.keyed import KeyedAgent
from sstl.core.manifests import ManifestsStage

agent = KeyedAgent("manifests", ManifestsStage)
