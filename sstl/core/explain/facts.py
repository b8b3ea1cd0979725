"""From a stage's cells to what they mean: the same pure assessment that the stage makes, as of its watermark."""

from sstl.core.consignments.assess import Assessment as ConsignmentAssessment
from sstl.core.consignments.assess import Known
from sstl.core.consignments.assess import assess as assess_consignment
from sstl.core.consignments.cells import Head as ConsignmentHead
from sstl.core.consignments.cells import UnitCell
from sstl.core.deadlines import as_of
from sstl.core.journeys.assess import Assessment, assess
from sstl.core.journeys.pings import read_positions
from sstl.core.journeys.record import Record
from sstl.core.journeys.unit import Head
from sstl.core.publishers import Publishers
from sstl.core.stage import Context, StateReader, Work
from sstl.models.policy import Policy


def read_unit(state: StateReader, unit: str, policy: Policy) -> Assessment | None:
    """Return what the cells of [journeys] mean for a unit, None where they know nothing of it."""
    work = _work(state, policy)
    head: Head | None = work.get(unit, "")
    if head is None:
        return None
    events, _ = Record(work, unit, head.chunks).survey()
    shares = [work.get(unit, f"share/{manifest}") for manifest in head.manifests]
    return assess(
        unit,
        events,
        [cell.share for cell in shares if cell is not None],
        policy,
        positions=read_positions(work, unit),
        publishers=Publishers(work),
        as_of_ms=as_of(work),
        begun=head.begun,
    )


def read_consignment(
    state: StateReader, consignment: str, policy: Policy
) -> ConsignmentAssessment | None:
    """Return what the cells of [consignments] mean for a consignment, None where they know nothing of it."""
    work = _work(state, policy)
    head: ConsignmentHead | None = work.get(consignment, "")
    if head is None:
        return None
    events, _ = Record(work, consignment, head.chunks).survey()
    shares = [work.get(consignment, f"share/{manifest}") for manifest in head.manifests]
    units = {unit: _told(work, consignment, unit) for unit in head.units}
    known = Known(
        events,
        [cell for cell in shares if cell is not None],
        {unit: cell.told(unit) for unit, cell in units.items() if cell is not None},
        Publishers(work),
    )
    return assess_consignment(consignment, known, policy, as_of(work))


def _told(work: Work, consignment: str, unit: str) -> UnitCell | None:
    cell: UnitCell | None = work.get(consignment, f"unit/{unit}")
    return cell


def reached_ms(state: StateReader) -> int | None:
    """Return how far the stage has come (arrival time, ms), None before it has a watermark."""
    reached = as_of(_work(state, Policy()))
    return None if reached < 0 else reached


def _work(state: StateReader, policy: Policy) -> Work:
    return Work(state, policy, Context(0, frozenset()))
