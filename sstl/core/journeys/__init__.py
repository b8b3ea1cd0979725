"""The journeys of units: records of events, what they mean, and the stage that keeps and tells them."""

from sstl.core.journeys.assess import Assessment, assess
from sstl.core.journeys.stage import JourneysStage

__all__ = ["Assessment", "JourneysStage", "assess"]
