"""A rate and a tally that are declared for tests only, with an estimator of figures from the tally."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import pytest

from sstl.core.indicators import registry
from sstl.core.indicators.definition import Definition, Kind
from sstl.core.lanes import LaneCell, Series, derived
from sstl.core.lanes.derived import Figure
from sstl.core.statistics.proportions import WILSON, wilson
from sstl.core.statistics.result import Method, NotEstimable
from sstl.models.policy import Policy

RATE = Definition(
    name="test_alarms",
    question="How often is there an alarm?",
    formula="alarms over armed time",
    source="tests",
    kind=Kind.RATE,
    counting_unit="journey",
    start="T1",
    misleads="Always.",
    per=1000 * 86_400_000,
    exposure_unit="ms",
    per_unit="1000 container-days",
)
TALLY = Definition(
    name="test_arms",
    question="What came of it?",
    formula="controls by result",
    source="tests",
    kind=Kind.TALLY,
    counting_unit="consignment",
    start="T10a",
    misleads="Always.",
    estimator="test_hits",
)


def hits(series: Series, window: str, cell: LaneCell, policy: Policy) -> Sequence[Figure]:
    """Return the share of hits, and that of misses, which nobody can tell."""
    k = cell.categories.get("HIT", 0)
    unknown = NotEstimable("no random stratum")
    return (
        Figure(
            name="test_hit_rate",
            n=cell.n,
            estimated=wilson(k, cell.n),
            method=WILSON,
            beside={"k": k},
        ),
        Figure(name="test_missed", n=cell.n, estimated=unknown, method=Method("miss", 1)),
    )


@contextmanager
def declared() -> Iterator[None]:
    """Declare them for a while."""
    with pytest.MonkeyPatch.context() as patch:
        more = {RATE.name: RATE, TALLY.name: TALLY}
        patch.setattr(registry, "REGISTRY", MappingProxyType({**registry.REGISTRY, **more}))
        patch.setattr(derived, "ESTIMATORS", {**derived.ESTIMATORS, "test_hits": hits})
        yield
