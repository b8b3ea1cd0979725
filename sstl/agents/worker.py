"""A worker process: the application with its agents, its metrics and its end."""

import os
import sys
from collections.abc import Collection
from datetime import timedelta
from importlib.metadata import version
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
from sstl.agents.admin import check_topics
from sstl.agents.app import LaneApp, create_app
from sstl.agents.day_keys import DayKeys
from sstl.agents.delivery import Delivery, stop_process
from sstl.agents.keyed import KeyedAgent
from sstl.agents.policy_follower import PolicyFollower
from sstl.agents.policy_log import PolicyLog
from sstl.agents.policy_refusal import Refusals
from sstl.agents.topics import Topics
from sstl.models.policy import Policy
from sstl.settings import Settings

log = logs.get(__name__)

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
    """Return the application with the agents asked for.

    Args:
        settings: Of this process.
        topics: Names and partition counts.
        policy: Governs until the first version of the policy topic does.
        agents: Names out of `AGENTS`.
    """
    delivery = Delivery(topics, settings, max_crashes=policy.max_crashes)
    app = create_app(settings, delivery)

    def changed(latest: Policy) -> None:
        delivery.max_crashes = latest.max_crashes
        metrics.LANES.name_lanes(latest.lanes)

    follower = PolicyFollower(
        settings.bootstrap,
        topics["policy"],
        PolicyLog(policy),
        refusals=Refusals(settings.bootstrap, settings.group, topics["rejected"]),
        changed=changed,
        stop=stop_process,
    )
    app.follower = follower
    delivery.may_work = follower.confirmed
    if "intake" in agents:
        sstl.agents.intake.attach(app, delivery, topics, follower.latest, settings)
    draws = None
    if settings.draw_keys is not None and "consignments" in agents:
        draws = DayKeys(settings.draw_keys, follower.latest)
    for name, agent in KEYED.items():
        if name in agents:
            drawn = draws if name == "consignments" else None
            agent.attach(app, delivery, topics, follower.latest, drawn)
    return app


def run(settings: Settings, topics: Topics, policy: Policy, agents: Collection[str]) -> NoReturn:
    """Run a worker until it is told to stop; never returns.

    Raises:
        UserError: Kafka cannot be reached, a topic is missing or differs, a port is taken.
        SystemExit: At the end.
    """
    logs.configure(settings.log_level)
    check_topics(settings.bootstrap, topics)
    for warning in settings.warnings:
        sys.stderr.write(f"sstl: {warning}\n")
    app = build(settings, topics, policy, agents)
    worker_name = settings.instance_id or str(os.getpid())
    metrics.set_worker_info(version=version("sstl"), policy_hash=policy.hash, worker=worker_name)
    metrics.LANES.name_lanes(policy.lanes)
    metrics.LANES.limit(settings.series_budget)
    pulse = health.Pulse(timedelta(seconds=30))
    app.on_beat = pulse.beat
    server = health.serve(
        settings.metrics_host,
        settings.metrics_port,
        metrics.REGISTRY,
        pulse.health,
        lambda: _readiness(app),
        metrics.LANES.exposition,
    )
    log.info("worker starts", worker=worker_name, port=server.port, policy_hash=policy.hash[:12])
    worker = faust.Worker(
        app,
        loglevel=settings.log_level,
        override_logging=False,
        redirect_stdouts=False,
        quiet=True,
    )
    # it would write cursor codes to stdout, pipe or not
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    finally:
        server.stop()


def _readiness(app: LaneApp) -> health.Health:
    delivery = app.delivery
    policy_known = app.follower is None or app.follower.confirmed()
    return health.Health(
        delivery.ready and policy_known,
        {
            "partitions_assigned": len(delivery.assigned),
            "partitions_ready": delivery.ready_count,
            "policy_known": policy_known,
        },
    )
