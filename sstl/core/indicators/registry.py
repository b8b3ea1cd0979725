"""Every indicator by its name: the one place where they are declared.

An observation under a name that is not here is counted all the same, as a duration, by `generic`; nothing is dropped.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from sstl.core.indicators.benefits import BENEFITS
from sstl.core.indicators.control_rates import CONTROL_RATES
from sstl.core.indicators.control_shares import CONTROL_SHARES
from sstl.core.indicators.control_times import CONTROL_TIMES
from sstl.core.indicators.definition import STAGE_S, Definition, Kind
from sstl.core.indicators.detained import DETAINED_QUANTITY, DETENTION
from sstl.core.indicators.flag_quality import FLAG_QUALITY
from sstl.core.indicators.recall import CONTROL_ARM, RECALL_FIGURES, REVENUE
from sstl.core.indicators.report_quality import REPORT_QUALITY
from sstl.core.indicators.seal_controls import SEAL_CONTROLS
from sstl.core.indicators.stages import CLEARED, STAGES

__all__ = ["REGISTRY", "Definition", "Kind", "definition", "generic"]

_TRS = "WCO Time Release Study Guide v3"

_LEAD_TIMES = (
    Definition(
        name="LT_leg",
        question="How long does one leg of a transport plan take?",
        formula="end of the leg - its start as agreed; the outbound leg starts with the end of the last inbound one",
        source="Cargo 2000 (freight processes)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="leg",
        start="start of the leg",
        misleads="A leg starts when it was agreed to start: goods handed over early wait unseen.",
    ),
    Definition(
        name="LT_journey",
        question="How long does a unit's journey take over all its legs?",
        formula="last end of a leg - first start of a leg",
        source="Cargo 2000 (freight processes)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="journey",
        start="start of the first leg",
        misleads="It exists only once every leg has ended: journeys that lose a report are missing, not short.",
        follow_up_hours=90 * 24,
    ),
    Definition(
        name="LT_transit",
        question="How long is a unit under way between departure and arrival?",
        formula="T6 - T5",
        source="SSTL chain, docs/architecture.md",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="journey",
        start="T5",
        end="T6",
        awaits="T6",
        misleads="Arrival is at the lane's own place: slow steaming, calls on the way and congestion look alike.",
        follow_up_hours=90 * 24,
    ),
    Definition(
        name="LT_port_port",
        question="How long from the gate of the export port to the gate of the import port?",
        formula="T14 - T2",
        source="World Bank LPI 2023 (export port entry to import port exit)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="journey",
        start="T2",
        end="T14",
        awaits="T14",
        misleads="Free storage time that a trader uses by choice counts as if it were delay.",
        follow_up_hours=90 * 24,
    ),
    Definition(
        name="LT_release",
        question="How long after its arrival is a consignment released by customs?",
        formula="T13 - T6; each of the last of its units",
        source=f"{_TRS} (arrival to release); WTO TFA article 7.6",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="consignment",
        start="T6",
        at="DESTINATION",
        end="T13",
        awaits="T13",
        misleads="Most of it may be the trader's own time before lodgement; many small lots make the mean fall.",
        strata=CLEARED,
    ),
)

REGISTRY: Mapping[str, Definition] = MappingProxyType(
    {
        one.name: one
        for one in (
            *_LEAD_TIMES,
            *STAGES,
            *CONTROL_SHARES,
            *CONTROL_RATES,
            *CONTROL_TIMES,
            DETENTION,
            DETAINED_QUANTITY,
            *SEAL_CONTROLS,
            CONTROL_ARM,
            *RECALL_FIGURES,
            REVENUE,
            *BENEFITS,
            *FLAG_QUALITY,
            *REPORT_QUALITY,
        )
    }
)
"""Name to definition, in the order in which the documentation lists them."""


@lru_cache(maxsize=256)
def generic(name: str, counting_unit: str) -> Definition:
    """Return the definition by which an indicator counts that nobody has declared: a duration."""
    return Definition(
        name=name,
        question="Not declared.",
        formula="not declared",
        source="not declared",
        kind=Kind.DURATION,
        counting_unit=counting_unit,
        start="not declared",
        misleads="Nobody has said what it means.",
    )


def definition(name: str, counting_unit: str) -> Definition:
    """Return the definition of an indicator, `generic` where it is not declared."""
    return REGISTRY.get(name) or generic(name, counting_unit)
