"""Agent of the stage [consignments]: release, declarations and controls of a consignment."""

from sstl.agents.keyed import KeyedAgent
from sstl.core.consignments import ConsignmentsStage

agent = KeyedAgent("consignments", ConsignmentsStage)
