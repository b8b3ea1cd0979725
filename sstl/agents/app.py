"""The Faust application: no module-level app; settings, topics and policy come in."""

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import faust
from faust.types import AgentT

from sstl.agents.delivery import Delivery, RunnerOf
from sstl.agents.policy_follower import PolicyFollower
from sstl.agents.topics import Topics
from sstl.settings import Settings

RAW: dict[str, Any] = {
    "key_type": bytes,
    "value_type": bytes,
    "key_serializer": "raw",
    "value_serializer": "raw",
}
LAG_EVERY_S = 1.0
METADATA_MAX_AGE_MS = 5_000
"""A broker that has just come back may not know its topics yet: whoever leads the group then assigns nobody
anything, and notices with its next look at the metadata only. Kafka's own default is five minutes."""
EXIT_GRACE_S = 20.0


class LaneApp(faust.App):
    """A Faust application whose transport hands batches to a `Delivery`."""

    delivery: Delivery
    on_beat: Callable[[], None] | None = None
    """Called about once a second from the loop: a sign of life."""

    follower: PolicyFollower | None = None
    """Keeps the policy as its topic has it; None: the policy never changes."""

    async def on_start(self) -> None:
        """Know the policy before anything is read; begin to publish how far behind we are."""
        await super().on_start()
        if self.follower is not None:
            await self.follower.start()
        _calm_garbage_collection()
        self._lag_task = asyncio.create_task(self._show_lag())

    async def on_stop(self) -> None:
        """Let transactions under way finish before the consumer leaves the group."""
        self._lag_task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._lag_task
        # Nothing that is not committed counts, so nothing can be lost by ending now. Faust's consumer thread, or
        # a client whose broker is gone, sometimes does not end; the process must.
        timer = threading.Timer(EXIT_GRACE_S, os._exit, (0,))
        timer.daemon = True
        timer.start()
        await self.delivery.close()
        if self.follower is not None:
            await self.follower.close()
        await super().on_stop()

    async def _show_lag(self) -> None:
        while True:
            self.delivery.show_lag()
            if self.on_beat is not None:
                self.on_beat()
            await asyncio.sleep(LAG_EVERY_S)


def _calm_garbage_collection() -> None:
    """Let Python look for reference cycles rarely: what a worker keeps has none.

    With Python's own thresholds the decoded cells and the messages under way made it walk through all of them every
    few seconds, half a second each time, and every partition waited for it. Cycles come from exceptions and
    from asyncio only, and most of them are found young.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def create_app(settings: Settings, delivery: Delivery) -> LaneApp:
    """Return an application without agents."""
    session_s = settings.session_timeout.total_seconds()
    app = LaneApp(
        settings.group,
        broker=f"sstl://{settings.bootstrap}",
        store="memory://",
        datadir=str(Path(gettempdir()) / f"sstl-faust-{settings.group}"),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        # Faust would wait for acknowledgements, which nobody gives: offsets travel in our transactions,
        # and those under way are waited for in `Delivery.on_revoked`
        stream_wait_empty=False,
        # an assignment may be worked on at once: fencing, not waiting, keeps two owners apart
        stream_recovery_delay=0.0,
        broker_session_timeout=session_s,
        broker_heartbeat_interval=settings.heartbeat_interval.total_seconds(),
        broker_rebalance_timeout=settings.rebalance_timeout.total_seconds(),
        broker_request_timeout=max(90.0, session_s + 10.0),
        broker_max_poll_interval=3600.0,
        consumer_max_fetch_size=4 << 20,
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        consumer_group_instance_id=settings.instance_id,
    )
    app.delivery = delivery
    return app


def serve(
    app: LaneApp, delivery: Delivery, topics: Topics, *, name: str, source: str, runner_of: RunnerOf
) -> AgentT[Any]:
    """Register an agent that works off one source topic.

    Args:
        app: The application.
        delivery: Who folds and commits what the agent is handed.
        topics: Names.
        name: The agent's name.
        source: Logical name of its one source topic.
        runner_of: Makes the runner of one partition.
    """
    topic = topics[source].name
    delivery.register(topic, runner_of)

    @app.agent(app.topic(topic, **RAW), name=f"sstl.{name}")
    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            delivery.hand_over(event.value)

    return agent
