"""Consignments: what is known of a house transport document whose goods lie in one or more units."""

from sstl.core.consignments.assess import Assessment, Known, assess
from sstl.core.consignments.stage import ConsignmentsStage

__all__ = ["Assessment", "ConsignmentsStage", "Known", "assess"]
