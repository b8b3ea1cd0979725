"""Publishers that lanes rely on: when each was last heard of, and whether it has fallen silent.

Heartbeats carry that to every partition of [lanes]; only the first partition judges, so that each flag has one writer.
Only sources that a lane of the policy names are kept.
"""

from collections.abc import Iterable, Mapping

import msgspec

from sstl.core.milestones import mode_of_lane
from sstl.core.rules.base import Verdict
from sstl.core.rules.findings import About
from sstl.core.rules.lanes import PUBLISHER_RULES, PublisherView
from sstl.core.said import Answers, answers, tell, told_key
from sstl.core.stage import Work
from sstl.models.policy import Policy
from sstl.models.records import Subject

HEARD = "~heard"
"""Reserved key; one part a source."""
_TOLD = "publishers"
_NOBODY = About("", Subject(), "LANE_TREND")
SPOKE = "it was heard of again, or the lane no longer relies on it"


class Heard(msgspec.Struct, frozen=True, tag="heard.1"):
    """Cell: the latest arrival time of a publisher's messages."""

    at_ms: int


Named = Mapping[tuple[str, str], tuple[str, ...]]
"""(lane, source) to the milestones that it reports."""


def named(policy: Policy) -> Named:
    """Return the publishers that the lanes of a policy rely on."""
    cached: Named | None = policy.__dict__.get("_publishers")
    if cached is None:
        found: dict[tuple[str, str], list[str]] = {}
        for lane_id, lane in sorted(policy.lanes.items()):
            for milestone, source in sorted(lane.publishers.items()):
                found.setdefault((lane_id, source), []).append(milestone)
        cached = {name: tuple(milestones) for name, milestones in found.items()}
        policy.__dict__["_publishers"] = cached
    return cached


def take_publishers(work: Work, heard: Iterable[tuple[str, int]]) -> None:
    """Note when publishers were heard of; the latest counts."""
    sources = {source for _, source in named(work.policy)}
    for source, at_ms in heard:
        if source in sources:
            known: Heard | None = work.get(HEARD, source)
            work.put(HEARD, source, Heard(at_ms if known is None else max(known.at_ms, at_ms)))


def judge_publishers(work: Work, now_ms: int) -> None:
    """Tell which publishers are silent at the watermark. Costs the publishers that lanes name."""
    if work.context.partition != 0:
        return
    policy = work.policy
    subjects = {f"{_TOLD}|{lane}|{source}" for lane, source in named(policy)}
    for (lane_id, source), milestones in named(policy).items():
        heard: Heard | None = work.get(HEARD, source)
        heard_ms = None if heard is None else heard.at_ms
        view = PublisherView(lane_id, source, milestones, heard_ms)
        mode = mode_of_lane(lane_id, policy)
        about = About(
            f"publisher:{source}|{lane_id}",
            Subject(lane_id=lane_id, mode=mode),
            "LANE_TREND",
            group=f"lane:{lane_id}",
        )

        def about_of(_verdict: Verdict, about: About = about) -> About:
            return about

        now = answers(
            PUBLISHER_RULES,
            view,
            policy,
            about_of,
            mode=mode,
            lane_id=lane_id,
            first_ms=heard_ms or 0,
            as_of_ms=now_ms,
        )
        subject = f"{_TOLD}|{lane_id}|{source}"
        tell(work, subject, now, about_of, gone=SPOKE)
        if now.findings:
            work.put(told_key(_TOLD), subject, Heard(heard_ms or 0))
    for subject in work.parts(told_key(_TOLD)):
        key = told_key(subject)
        if subject not in subjects:
            # nobody relies on it any more
            tell(work, subject, Answers((), {}), lambda _: _NOBODY, gone=SPOKE)
        if not work.parts(key):
            work.put(told_key(_TOLD), subject, None)
