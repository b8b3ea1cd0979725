"""Strata: by what the observations of one indicator are told apart.

Only what the record says; a stratum that it does not tell is left out, it is no value of its own.

==========  =====================================================================================================
name        value
==========  =====================================================================================================
side        EXPORT, TRANSIT or IMPORT, where one indicator is measured on several sides
operator    AEO, NON_AEO or OTHER: what the registry says of the importer (exporter, on the export side) at the
            time of the declaration, else of the filing; OTHER: the registry cannot be asked
channel     the last one assigned on the import side up to the release; while nothing is released, the last one so
            far
sstl        YES or NO: the filing says whether the consignment takes part
inspected   YES where a scan, a physical inspection or a sample on the import side came before the release, or has
            come while nothing is released, else NO
lot         REGULAR or SMALL, as the filing says
control     type of the control: NII or PHYSICAL where its time is measured; DOCUMENT, SEAL, NII, LAB or PHYSICAL where
            its result is, of several the last of these
basis       RANDOM where a control was drawn at random and nothing else selected it, TARGETED where anything else did
office      customs office that reports the control, by its reference number
rule        rule that selected a control, one of several; rule of a flag
vendor      maker of a smart lock, by its code (manufacturerId)
alarm       kind of an alarm: TAMPER, CUT, SHOCK, LIGHT, LOST, or UNSTATED where only a snapshot tells of it
source      CloudEvents source of a report
severity    LOW, MEDIUM, HIGH or CRITICAL: of a flag as it stands
standing    HOLDS: a flag of the net set; TAKEN_BACK: one that was answered and is no longer found
==========  =====================================================================================================
"""

SIDE = "side"
OPERATOR = "operator"
CHANNEL_STRATUM = "channel"
SSTL = "sstl"
INSPECTED = "inspected"
LOT = "lot"
CONTROL = "control"
BASIS = "basis"
OFFICE = "office"
RULE = "rule"
VENDOR = "vendor"
ALARM = "alarm"
SOURCE = "source"
SEVERITY = "severity"
STANDING = "standing"

CLOSED = frozenset(
    {
        SIDE,
        OPERATOR,
        CHANNEL_STRATUM,
        SSTL,
        INSPECTED,
        LOT,
        CONTROL,
        BASIS,
        ALARM,
        SEVERITY,
        STANDING,
    }
)
"""Strata with few values, which are listed above; of others nobody knows how many there are."""

HOLDS, TAKEN_BACK = "HOLDS", "TAKEN_BACK"

YES, NO = "YES", "NO"
CONTROL_DEPTH = ("DOCUMENT", "SEAL", "NII", "LAB", "PHYSICAL")
"""Values of `CONTROL`, the one that looks least at the goods first."""


def membership(member: bool | None) -> dict[str, str]:  # noqa: FBT001 (the value itself)
    """Return the stratum of taking part in the programme; nothing where the filings do not say, or say both."""
    return {} if member is None else {SSTL: YES if member else NO}
