"""Publishers that lanes rely on: when each was last heard of, and whether it has fallen silent.

Heartbeats carry that to every partition of [lanes]; only the first partition judges, so that each flag has one writer.
"""

from collections.abc import Mapping

from sstl.core.milestones import mode_of_lane
from sstl.core.publishers import Heard, Publishers
from sstl.core.rules.base import Verdict
from sstl.core.rules.findings import About
from sstl.core.rules.lanes import PUBLISHER_RULES, PublisherView
from sstl.core.said import Answers, answers, tell, told_key
from sstl.core.stage import Work
from sstl.models.policy import Policy
from sstl.models.records import Subject

_TOLD = "publishers"
_NOBODY = About("", Subject(), "LANE_TREND")
SPOKE = "it was heard of again, or the lane no longer relies on it"


Named = Mapping[tuple[str, str], tuple[str, ...]]
"""(lane, source) to the milestones that it reports."""


def named(policy: Policy) -> Named:
    """Return the publishers that the lanes of a policy rely on."""
    cached: Named | None = policy.__dict__.get("_lane_publishers")
    if cached is None:
        found: dict[tuple[str, str], list[str]] = {}
        for lane_id, lane in sorted(policy.lanes.items()):
            for milestone, source in sorted(lane.publishers.items()):
                found.setdefault((lane_id, source), []).append(milestone)
        cached = {name: tuple(milestones) for name, milestones in found.items()}
        policy.__dict__["_lane_publishers"] = cached
    return cached


def judge_publishers(work: Work, now_ms: int) -> None:
    """Tell which publishers are silent at the watermark. Costs the publishers that lanes name."""
    if work.context.partition != 0:
        return
    policy, heard = work.policy, Publishers(work)
    subjects = {f"{_TOLD}|{lane}|{source}" for lane, source in named(policy)}
    for (lane_id, source), milestones in named(policy).items():
        heard_ms = heard.get(source)
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
