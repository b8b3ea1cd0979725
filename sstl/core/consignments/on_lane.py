"""A consignment on the lane that what is measured on it counts for."""

from sstl.core.consignment_view import ConsignmentView
from sstl.core.consignments.strata import by_operator
from sstl.core.leadtime import Observed, cluster_of, observation_id
from sstl.core.milestones import mode_of_lane
from sstl.core.rules.parties import claimants
from sstl.models.policy import Policy
from sstl.models.records import Measure

_DAY_MS = 86_400_000


class OnLane:
    """A consignment with its lane, what its units have reached, and whose goods it is; each is looked up once."""

    __slots__ = (
        "_cluster",
        "_lane_id",
        "_mode",
        "_operators",
        "first_arrival_ms",
        "reached",
        "view",
    )

    def __init__(self, view: ConsignmentView, lane_id: str, mode: str) -> None:
        self.view, self._lane_id, self._mode = view, lane_id, mode
        self._operators: dict[str, dict[str, str]] = {}
        self._cluster = _cluster(view)
        self.reached = [
            {} if told is None else told.milestones or {}
            for told in map(view.units.get, view.unit_names)
        ]
        """Milestones of each of its units, ms; none of a unit that nothing is known of."""
        self.first_arrival_ms = min(
            (one["T6"] for one in self.reached if "T6" in one), default=None
        )

    def by_operator(self, side: str = "IMPORT") -> dict[str, str]:
        """Return the strata of whose goods they are; nobody changes them."""
        known = self._operators.get(side)
        if known is None:
            known = self._operators[side] = by_operator(self.view, side)
        return known

    def observed(
        self,
        indicator: str,
        counting_unit: str,
        start_ms: int,
        value_ms: int,
        strata: dict[str, str],
        *subject: str,
        outcome: str | None = None,
    ) -> Observed:
        """Return an observation of the consignment, or of what ``subject`` names of it."""
        measure = Measure(
            lane_id=self._lane_id,
            mode=self._mode,
            start_ms=start_ms,
            value_ms=value_ms,
            strata=strata,
            outcome=outcome,
            cluster=self._cluster,
        )
        return self._of(indicator, counting_unit, measure, subject)

    def counted(
        self,
        indicator: str,
        counting_unit: str,
        start_ms: int,
        events: int,
        strata: dict[str, str],
        exposure: int | None = None,
    ) -> Observed:
        """Return how many events of a rate the consignment had; ``exposure`` None: it is the exposure itself."""
        measure = Measure(
            lane_id=self._lane_id,
            mode=self._mode,
            start_ms=start_ms,
            value_ms=events,
            strata=strata,
            exposure=exposure,
        )
        return self._of(indicator, counting_unit, measure, ())

    def tallied(
        self,
        indicator: str,
        counting_unit: str,
        start_ms: int,
        category: str,
        strata: dict[str, str],
        *subject: str,
    ) -> Observed:
        """Return what the consignment, or what ``subject`` names of it, counts as in a tally."""
        measure = Measure(
            lane_id=self._lane_id,
            mode=self._mode,
            start_ms=start_ms,
            value_ms=0,
            strata=strata,
            category=category,
        )
        return self._of(indicator, counting_unit, measure, subject)

    def _of(
        self, indicator: str, counting_unit: str, measure: Measure, subject: tuple[str, ...]
    ) -> Observed:
        identity = observation_id(indicator, self.view.consignment, *subject)
        return Observed(identity, indicator, counting_unit, measure)


def _cluster(view: ConsignmentView) -> str | None:
    """Return the cluster of a consignment: the journey of the first of its units, else its operator and day.

    None where it lies in no unit and its filing names no importer.
    """
    if view.unit_names:
        unit = view.unit_names[0]
        told = view.units.get(unit)
        return cluster_of(unit, "" if told is None else told.journey)
    share = view.plan.share
    names = () if share is None else claimants(share, "IMPORTER")
    return cluster_of(min(names), str(view.first_ms // _DAY_MS)) if names else None


def on_lane(view: ConsignmentView, policy: Policy) -> OnLane | None:
    """Return a consignment on its plan's lane, else on that of its release or accepted declaration.

    None: it is not known, or the consignment is empty equipment, of which nothing is measured.
    """
    if view.plan.empty:
        return None
    actual = view.milestones.actual
    lane_id = view.plan.lane_id
    for report in (actual.get("T13"), actual.get("T8")):
        if lane_id is None and report is not None:
            lane_id = report.lane_id
    mode = view.plan.mode or mode_of_lane(lane_id, policy)
    return None if lane_id is None or mode is None else OnLane(view, lane_id, mode)
