"""Definitions of the stages of a journey and of a consignment's clearance, and of what is measured beside them."""

from sstl.core.indicators.definition import BOND_S, SPENT_S, STAGE_S, Definition, Kind

_TRS = "WCO Time Release Study Guide v3"
_CHAIN = "SSTL chain, docs/architecture.md"
_JOURNEY, _CONSIGNMENT, _DECLARATION = "journey", "consignment", "declaration"
_SEA_HOURS = 90 * 24

CLEARED = (
    ("operator",),
    ("channel",),
    ("sstl",),
    ("inspected",),
    ("lot",),
    ("channel", "operator"),
    ("channel", "sstl"),
    ("channel", "inspected"),
)
"""Strata by which clearance is compared: operators, members, inspected within a channel too, for a mix is no effect."""
_PARTS = (("operator",), ("channel",), ("sstl",), ("inspected",))


def _part(name: str, who: str, misleads: str) -> Definition:
    return Definition(
        name=name,
        question=f"How much of the time from arrival to release is {who}?",
        formula="what the policy's table `attribution` puts down to it of [T6, T13]; with the other three LT_release",
        source=f"{_TRS} (who causes which part); agreed table, docs/policy.md",
        kind=Kind.DURATION,
        plausible_s=STAGE_S if name == "unattributed" else SPENT_S,
        counting_unit=_CONSIGNMENT,
        start="T6",
        misleads=misleads,
        strata=_PARTS,
    )


JOURNEY_STAGES = (
    Definition(
        name="LT_door",
        question="How long from the arming of the lock at stuffing to its opening at the door?",
        formula="T15 - T1",
        source=f"{_CHAIN}; europa.eu IP/06/1206 (from the point of stuffing to the final destination)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit=_JOURNEY,
        start="T1",
        end="T15",
        awaits="T15",
        misleads="Only units with a lock have it: no sample of all. An opening that nobody reports stays open.",
        follow_up_hours=_SEA_HOURS,
    ),
    Definition(
        name="LT_export",
        question="How long does a unit wait at the place of loading?",
        formula="T4 - T2",
        source=_CHAIN,
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit=_JOURNEY,
        start="T2",
        end="T4",
        awaits="T4",
        misleads="Delivering early to the port lengthens it: long is not slow. It holds no export control by itself.",
    ),
    Definition(
        name="LT_import",
        question="How long from arrival until the unit leaves the port?",
        formula="T14 - T6",
        source=_CHAIN,
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit=_JOURNEY,
        start="T6",
        end="T14",
        awaits="T14",
        misleads="Free storage time and late collection count as much as controls; read it beside LT_release.",
    ),
)

CLEARANCE = (
    Definition(
        name="LT_clear",
        question="How long is a consignment with customs once it has both arrived and been declared?",
        formula="max(0, T13 - max(T8, T6))",
        source=f"{_TRS}; both published, Japan's figures compare with LT_clear_declared only",
        kind=Kind.DURATION,
        plausible_s=SPENT_S,
        counting_unit=_DECLARATION,
        start="max(T8, T6)",
        awaits="T13",
        misleads="Everything released before arrival is 0: read the count of zeros, and the median beside the mean.",
        strata=CLEARED,
    ),
    Definition(
        name="LT_clear_declared",
        question="How long from the accepted declaration to the release?",
        formula="T13 - T8",
        source="Japan Customs time release survey (declaration to permission)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit=_DECLARATION,
        start="T8",
        end="T13",
        awaits="T13",
        misleads="Declaring before arrival lengthens it, though it is faster for trade; many small lots make it fall.",
        strata=CLEARED,
    ),
    Definition(
        name="LT_insp_wait",
        question="How long does a consignment that is selected wait until its inspection begins?",
        formula="T10b - T10a of one control",
        source=f"{_TRS} (inspection)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="control",
        start="T10a",
        end="T10b",
        awaits="T10b",
        misleads="Selected before arrival, it waits for the ship. A control of a unit counts for each consignment.",
    ),
    Definition(
        name="LT_insp",
        question="How long does an inspection take?",
        formula="T10c - T10b of one control: first beginning to last end of scan or physical inspection",
        source=f"{_TRS} (inspection)",
        kind=Kind.DURATION,
        plausible_s=SPENT_S,
        counting_unit="control",
        start="T10b",
        end="T10c",
        awaits="T10c",
        misleads="Scans and physical inspections differ by far: read it by control. Nights and weekends are in it.",
    ),
    Definition(
        name="LT_postrelease",
        question="How long after its release does a consignment leave the port?",
        formula="T14 - T13; T14 of the last of its units",
        source=f"{_TRS} (release to removal)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit=_CONSIGNMENT,
        start="T13",
        end="T14",
        awaits="T14",
        misleads="It is the trader's and the terminal's time. Negative: the goods had left before they were released.",
        strata=_PARTS,
    ),
    _part(
        "LT_customs",
        "customs' own",
        "It is what lanes agreed to count so, no finding on who was slow; unreported ends fall to unattributed.",
    ),
    _part(
        "LT_oga",
        "other government agencies'",
        "Agencies that report nothing have 0 and their time is unattributed; customs' own work comes before theirs.",
    ),
    _part(
        "LT_trade",
        "the trader's",
        "Lodging late by choice counts as much as not having the papers; waiting for asked information is trade.",
    ),
    _part(
        "unattributed",
        "put down to nobody",
        "Large means missing reports or a port that had the goods. Released before arrival: all of a negative time.",
    ),
    Definition(
        name="prearrival",
        question="Which share of consignments is filed before arrival?",
        formula="1[T0 < T6], T6 of the first of its units",
        source="WTO TFA article 7.1",
        kind=Kind.SHARE,
        counting_unit=_CONSIGNMENT,
        start="T0",
        misleads="Known only after arrival: what is under way is missing, so young cohorts say too little.",
        follow_up_hours=_SEA_HOURS,
    ),
    Definition(
        name="prearrival_lead",
        question="How long before arrival is a consignment filed?",
        formula="T6 - T0, T6 of the first of its units; negative: after arrival",
        source="WTO TFA article 7.1",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit=_CONSIGNMENT,
        start="T0",
        end="T6",
        misleads="A long voyage gives a long lead for nothing: compare within a lane only.",
        follow_up_hours=_SEA_HOURS,
    ),
    Definition(
        name="declared_before_arrival",
        question="Which share of declarations is accepted before arrival?",
        formula="1[T8 < T6], T6 of the first of its units",
        source="WTO TFA article 7.1; APEC SCCP TRS comparison",
        kind=Kind.SHARE,
        counting_unit=_DECLARATION,
        start="T8",
        misleads="Known only after arrival. Accepted is not released: it says nothing of controls that follow.",
    ),
)

BESIDE = (
    Definition(
        name="bonded_dwell",
        question="How long do goods lie under bond?",
        formula="sum over warehouses of bond.left - bond.entered; nothing while one is not left",
        source="domain events bond.entered and bond.left",
        kind=Kind.DURATION,
        plausible_s=BOND_S,
        counting_unit=_CONSIGNMENT,
        start="first bond.entered",
        misleads="A bond is chosen by the trader: long is not slow. Goods still under bond are missing, not short.",
        follow_up_hours=365 * 24,
    ),
    Definition(
        name="eta_error",
        question="How far was the last estimate before arrival from the arrival?",
        formula="|T6 - last ESTIMATED T6 recorded up to T6|",
        source="predictability, " + _CHAIN,
        kind=Kind.DURATION,
        plausible_s=SPENT_S,
        counting_unit=_JOURNEY,
        start="T6",
        misleads="Carriers that update until the berth look exact; it has no sign, so early and late look alike.",
    ),
    Definition(
        name="lock_armed",
        question="For how long of a journey from door to door was a lock armed?",
        formula="time in [T1, T15] in which a lock was armed; lock coverage = its mean over the mean of LT_door",
        source=_CHAIN,
        kind=Kind.DURATION,
        plausible_s=SPENT_S,
        counting_unit=_JOURNEY,
        start="T1",
        misleads="Armed is what the lock reports, not that it was heard: silence counts as armed.",
        follow_up_hours=_SEA_HOURS,
    ),
    Definition(
        name="lock_silent",
        question="For how long was an armed lock silent beyond what its lane allows?",
        formula="time in [T1, T15] in silences, from when they last longer than the lane's limit; silence share = its "
        "mean over the mean of lock_armed of the same lane",
        source=f"{_CHAIN}; lane policy `silences`",
        kind=Kind.DURATION,
        plausible_s=SPENT_S,
        counting_unit=_JOURNEY,
        start="T1",
        misleads="Below deck silence is expected and does not count. A backlog that comes late takes a silence back.",
        follow_up_hours=_SEA_HOURS,
    ),
)

REPORTS = (
    Definition(
        name="reporting_delay",
        question="How long after a milestone does its source report it?",
        formula="recorded time - event time of the report that counts: T1, T6 and T14 of journeys, T13 of consignments",
        source="docs/events.md (recordedtime)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="report",
        start="T1, T6, T13 or T14",
        misleads="A correction counts with its own recorded time. A ship's arrival counts once for each of its units.",
        strata=(("source",),),
    ),
)

STAGES = (*JOURNEY_STAGES, *CLEARANCE, *BESIDE, *REPORTS)
"""In the order of the documentation."""
