"""Agent of intake: one instance for each input topic; judges, normalises and routes."""

from sstl.agents.app import LaneApp, serve
from sstl.agents.delivery import Delivery
from sstl.agents.runner import IntakeRunner
from sstl.agents.topics import FAMILIES, Topics
from sstl.core.stage import Context
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy
from sstl.settings import Settings


def runner(family: str, partition: int, policy: Policy, settings: Settings) -> IntakeRunner:
    """Return what runs one partition of one input family."""
    stage = IntakeStage(
        family, pseudonym_key=settings.pseudonym_key, backfill=family in settings.backfill
    )
    return IntakeRunner(stage, policy, Context(partition, frozenset()), family)


def attach(
    app: LaneApp, delivery: Delivery, topics: Topics, policy: Policy, settings: Settings
) -> None:
    """Register an agent for each input family."""
    for family in FAMILIES:
        serve(
            app,
            delivery,
            topics,
            name=f"intake-{family}",
            source=family,
            runner_of=lambda partition, family=family: runner(family, partition, policy, settings),
        )
