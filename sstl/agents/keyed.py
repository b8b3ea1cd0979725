"""What the agents of the six keyed stages have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sstl.agents.app import LaneApp, serve
from sstl.agents.day_keys import DrawSource
from sstl.agents.delivery import Delivery
from sstl.agents.policy_log import PolicySource
from sstl.agents.runner import Gauges, NoGauges, StageRunner
from sstl.agents.topics import STAGE_SOURCE, Topics
from sstl.core.stage import Context, Stage
from sstl.models.policy import Policy


@dataclass(frozen=True, slots=True)
class KeyedAgent:
    """The agent of one keyed stage: decode, the stage's pure fold, encode.

    Args:
        name: The stage's name.
        stage_of: Makes the stage.
        gauges: What it shows beside the metrics that every stage has.
    """

    name: str
    stage_of: Callable[[], Stage]
    gauges: Gauges = field(default_factory=NoGauges)

    def runner(
        self,
        partition: int,
        topics: Topics,
        policy: Policy | PolicySource,
        draws: DrawSource | None = None,
    ) -> StageRunner:
        """Return what runs one partition of the stage; ``draws``: what it draws with at random, None: not at all."""
        context = Context(partition, topics.sources(self.name))
        return StageRunner(self.stage_of(), policy, context, self.gauges, draws)

    def attach(
        self,
        app: LaneApp,
        delivery: Delivery,
        topics: Topics,
        policy: Policy | PolicySource,
        draws: DrawSource | None = None,
    ) -> None:
        """Register the agent with the application."""
        serve(
            app,
            delivery,
            topics,
            name=self.name,
            source=STAGE_SOURCE[self.name],
            runner_of=lambda partition: self.runner(partition, topics, policy, draws),
        )
