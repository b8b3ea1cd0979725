"""Random draws of consignments as they become known, where the worker has the keys of the days (docs/selection.md).

Drawn is what comes onto a lane with a least rate for the first time, before its channel is assigned. What is known when
the filing is folded decides. The draw is an event like any other: a replay, which has no keys, reads it and draws
nothing.
"""

from collections.abc import Iterable

from sstl.core.consignment_view import ConsignmentView
from sstl.core.draws import Draws, draw_once
from sstl.core.milestones import side_of
from sstl.core.rules.consignment_facts import CHANNEL
from sstl.core.stage import Output, Work
from sstl.models.policy import Policy
from sstl.models.records import Share
from sstl.models.selection import DRAWN

_HEADERS = (("content-type", b"application/cloudevents+json"),)


def draw(work: Work, draws: Draws, view: ConsignmentView, before: Iterable[Share]) -> None:
    """Draw a consignment if it has just come onto a lane that states a least rate.

    Args:
        work: The fold.
        draws: What there are keys for.
        view: The consignment as it is known now.
        before: What manifests said of it before.
    """
    lane_id = view.plan.lane_id
    known_ms = min(
        (filing.event.arrival_ms for share in view.shares[:1] for filing in share.filings),
        default=None,
    )
    if lane_id is None or known_ms is None:
        return
    policy = work.policy.at(known_ms)
    least = _least_rate(policy, lane_id)
    if not least or any(_least_rate(policy, share.lane_id) for share in before):
        return
    drawn = draw_once(
        draws,
        view.consignment,
        lane_id,
        known_ms,
        least=least,
        drawn=bool(view.of(DRAWN)),
        channel_assigned=any(side_of(one, view.plan) != "EXPORT" for one in view.of(CHANNEL)),
    )
    work.count("draw", drawn.outcome)
    for event in drawn.events:
        output = Output("inspection", view.consignment, event, headers=_HEADERS)
        work.outcome.outputs.append(output)


def _least_rate(policy: Policy, lane_id: str | None) -> float | None:
    lane = policy.lanes.get(lane_id or "")
    return None if lane is None else lane.random_control_rate
