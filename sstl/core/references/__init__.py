"""References: what joins events that name no unit with the units and consignments they concern."""

from sstl.core.references.stage import ReferencesStage

__all__ = ["ReferencesStage"]
