"""The plain shares and rates of control effectiveness: what is counted over what.

The table of docs/statistics.md is made from these. Shares have Wilson intervals, rates of events over
exposure score intervals of a Poisson mean. What needs the random arm is in ``recall``.
"""

from enum import StrEnum
from typing import Final

import msgspec

from sstl.core.statistics.proportions import wilson
from sstl.core.statistics.rates import poisson_rate
from sstl.core.statistics.result import LEVEL, Estimated


class Kind(StrEnum):
    """What the denominator is to the numerator."""

    SHARE = "share"
    """The numerator is a part of the denominator."""
    RATE = "rate"
    """Events over exposure; a unit of exposure may have several."""


class ControlRatio(msgspec.Struct, frozen=True, kw_only=True):
    """One ratio: name, counting unit, numerator and denominator in words, and when it misleads."""

    name: str
    counting_unit: str
    numerator: str
    denominator: str
    misleads: str
    kind: Kind = Kind.SHARE
    per: int = 1
    """What a rate is published by, in units of its exposure."""

    def estimate(self, numerator: int, denominator: int, level: float = LEVEL) -> Estimated:
        """Return the ratio of two counts with its interval.

        Raises:
            ValueError: The counts are negative, or a part is larger than its whole.
        """
        if self.kind is Kind.SHARE:
            return wilson(numerator, denominator, level)
        return poisson_rate(numerator, denominator, self.per, level)


_CONTAINER_DAY_MS: Final = 86_400_000
_SHARED_CONTROLS = "units with a completed export control that arrived and have an import decision"
_RATIOS = (
    ControlRatio(
        name="inspection_rate",
        counting_unit="consignment",
        numerator="consignments with a completed control, of the control type in question",
        denominator="consignments with a decision on their channel",
        misleads="more inspection is not better targeting; read beside hit rate and recall",
    ),
    ControlRatio(
        name="channel_share",
        counting_unit="consignment",
        numerator="consignments assigned the channel first",
        denominator="consignments with a decision on their channel",
        misleads="re-routed consignments stay where they were assigned first",
    ),
    ControlRatio(
        name="hit_rate",
        counting_unit="control",
        numerator="controls with a positive result (CL047 B1, A4 with a finding, or CONFIRMED)",
        denominator="completed controls of the basis, office or control type in question",
        misleads="says nothing of what is missed; a basis is no cause: targeted and drawn goods differ",
    ),
    ControlRatio(
        name="hit_rate_by_rule",
        counting_unit="control+rule",
        numerator="controls with a positive result, once for each rule that selected them",
        denominator="completed controls with a recorded result, once for each rule that selected them",
        misleads="selections overlap: a control counts for each of its rules, so they do not add",
    ),
    ControlRatio(
        name="officer_discretion_share",
        counting_unit="control",
        numerator="selected controls whose only basis is OFFICER",
        denominator="selected controls",
        misleads="an officer who follows a rule's advice without citing it counts as discretion",
    ),
    ControlRatio(
        name="nii_follow_up_rate",
        counting_unit="control",
        numerator="suspect images followed by a completed physical control",
        denominator="suspect images",
        misleads="recent images still wait for their control",
    ),
    ControlRatio(
        name="nii_confirmation_rate",
        counting_unit="control",
        numerator="suspect images confirmed by the control that followed",
        denominator="suspect images followed by a completed physical control",
        misleads="those followed up are not a sample of all suspect images",
    ),
    ControlRatio(
        name="nii_clear_but_positive_rate",
        counting_unit="control",
        numerator="positive results after a clear image",
        denominator="physical controls drawn at random after a clear image",
        misleads="with controls other than random ones it overstates what images miss",
    ),
    ControlRatio(
        name="seal_alarm_confirmation_rate",
        counting_unit="alarm",
        numerator="alarms that the control confirmed",
        denominator="alarms followed by a completed control with a conclusive result",
        misleads="alarms that nobody checked are in neither number",
    ),
    ControlRatio(
        name="seal_false_alarm_rate",
        counting_unit="alarm",
        numerator="alarms that the control did not confirm",
        denominator="container-days with the lock armed, in ms",
        kind=Kind.RATE,
        per=1000 * _CONTAINER_DAY_MS,
        misleads="alarms that nobody checked are not in it; alarms come in bursts, one an episode counts",
    ),
    ControlRatio(
        name="seal_mismatch_rate",
        counting_unit="control",
        numerator="seal checks whose number differs from the declared one",
        denominator="seal checks with a number read and a number declared",
        misleads="misread numbers count; the two cannot be told apart without a second reading",
    ),
    ControlRatio(
        name="double_inspection_rate",
        counting_unit="journey",
        numerator="of these, units whose import control repeats the purpose of the export control",
        denominator=_SHARED_CONTROLS,
        misleads="a repetition may have a cause: repeated_for_cause_share",
    ),
    ControlRatio(
        name="repeated_for_cause_share",
        counting_unit="journey",
        numerator="of these, units with a cause that arose after the export control (alarm, new facts)",
        denominator="units whose import control repeats the purpose of the export control",
        misleads="causes that were not recorded count as none",
    ),
    ControlRatio(
        name="recognition_rate",
        counting_unit="journey",
        numerator="of these, units with an import control waived citing the export result",
        denominator=_SHARED_CONTROLS,
        misleads="a unit that no rule would have selected is no recognition; only cited waivers count",
    ),
    ControlRatio(
        name="partner_result_at_decision_rate",
        counting_unit="journey",
        numerator="of these, units whose export result the import side had before its decision",
        denominator=_SHARED_CONTROLS,
        misleads="available is not read",
    ),
    ControlRatio(
        name="partner_result_before_arrival_rate",
        counting_unit="journey",
        numerator="of these, units whose export result the import side had before arrival",
        denominator="units with a completed export control that arrived",
        misleads="short voyages leave less time; compare within a lane and mode",
    ),
    ControlRatio(
        name="seized_consignment_share",
        counting_unit="consignment",
        numerator="of these, consignments with a seizure",
        denominator="consignments with a decision on their channel",
        misleads="rises with more controls and with more offences alike; several seizures count once",
    ),
    ControlRatio(
        name="seizures_per_1000_consignments",
        counting_unit="consignment",
        numerator="seizures",
        denominator="consignments with a decision on their channel",
        kind=Kind.RATE,
        per=1000,
        misleads="rises with more controls and with more offences alike",
    ),
    ControlRatio(
        name="seizures_per_100_inspections",
        counting_unit="control",
        numerator="seizures",
        denominator="completed controls",
        kind=Kind.RATE,
        per=100,
        misleads="one control may lead to several seizures",
    ),
    ControlRatio(
        name="controls_per_1000_consignments",
        counting_unit="consignment",
        numerator="completed controls",
        denominator="consignments with a decision on their channel",
        kind=Kind.RATE,
        per=1000,
        misleads="operators differ in goods and origin; compare within a stratum",
    ),
    ControlRatio(
        name="document_requests_per_1000_consignments",
        counting_unit="consignment",
        numerator="requests for papers: referrals of type RFI, and controls of documents selected or completed",
        denominator="consignments with a decision on their channel",
        kind=Kind.RATE,
        per=1000,
        misleads="requests by telephone are not in it",
    ),
    ControlRatio(
        name="released_by_arrival_rate",
        counting_unit="consignment",
        numerator="of these, consignments released at or before arrival",
        denominator="consignments that arrived",
        misleads="only those declared before arrival can be",
    ),
    ControlRatio(
        name="flag_precision",
        counting_unit="flag",
        numerator="flags with feedback CONFIRMED",
        denominator="flags with feedback CONFIRMED or NOT_CONFIRMED",
        misleads="inconclusive and missing feedback is in neither number; read beside the feedback rate",
    ),
    ControlRatio(
        name="flag_feedback_rate",
        counting_unit="flag",
        numerator="of these, flags with feedback",
        denominator="flags whose time for feedback is over, or that have feedback",
        misleads="feedback that came after its time counts, and is counted apart as late",
    ),
    ControlRatio(
        name="flag_feedback_late_share",
        counting_unit="flag",
        numerator="of these, flags whose feedback came after its time",
        denominator="flags with feedback",
        misleads="feedback that is still missing is not in it",
    ),
    ControlRatio(
        name="flag_too_late_share",
        counting_unit="flag",
        numerator="flags with feedback ALREADY_RELEASED or NOT_ARRIVED",
        denominator="flags with feedback",
        misleads="NOT_ARRIVED is also said of what never came",
    ),
)
CONTROL_RATIOS: Final = {ratio.name: ratio for ratio in _RATIOS}
"""By name, in the order of the documentation."""
