"""A worker process: the application with its agents, its metrics and its end."""

import sys
from collections.abc import Collection
from typing import NoReturn

import faust

import sstl.agents.consignments
import sstl.agents.flags
import sstl.agents.intake
import sstl.agents.journeys
import sstl.agents.lanes
import sstl.agents.manifests
import sstl.agents.references
from sstl import logs, metrics
from sstl.agents import health
from sstl.agents.app import LaneApp, create_app
from sstl.agents.delivery import Delivery
from sstl.agents.keyed import KeyedAgent
from sstl.agents.topics import Topics
from sstl.models.policy import Policy
from sstl.settings import Settings

KEYED: dict[str, KeyedAgent] = {
    agent.name: agent
    for agent in (
        sstl.agents.manifests.agent,
        sstl.agents.references.agent,
        sstl.agents.journeys.agent,
        sstl.agents.consignments.agent,
        sstl.agents.flags.agent,
        sstl.agents.lanes.agent,
    )
}
AGENTS = ("intake", *KEYED)
"""Names that ``sstl run --agents`` takes."""


def build(settings: Settings, topics: Topics, policy: Policy, agents: Collection[str]) -> LaneApp:
    """Return the application with the agents asked for."""
    delivery = Delivery(topics, settings, max_crashes=policy.max_crashes)
    app = create_app(settings, delivery)
    if "intake" in agents:
        sstl.agents.intake.attach(app, delivery, topics, policy, settings)
    for name, agent in KEYED.items():
        if name in agents:
            agent.attach(app, delivery, topics, policy)
    return app
