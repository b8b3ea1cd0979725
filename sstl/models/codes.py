"""Code lists of the input families and how other vocabularies map onto them.

Sources: DCSA Track & Trace 2.x reference data and 3.0 (Apache-2.0), UN/EDIFACT code lists 4517, 7365 and 9303,
IATA freight status update codes, control results CL047.
"""

from typing import Literal

ModeName = Literal["SEA", "RAIL", "ROAD", "AIR", "POST"]

RiskArea = Literal[
    "SAFETY_SECURITY",
    "FINANCIAL",
    "IPR",
    "PROHIBITION_RESTRICTION",
    "DRUG_PRECURSOR",
    "WASTE_CITES",
    "PRODUCT_SAFETY",
    "SUPPLY_CHAIN_INTEGRITY",
]
RecommendedControl = Literal[
    "NONE",
    "DOCUMENT_CHECK",
    "SEAL_CHECK",
    "NII_SCAN",
    "PHYSICAL",
    "SAMPLE",
    "DNL",
    "RFI",
    "RFS",
    "POST_CLEARANCE",
]
WhereToControl = Literal["EXPORT", "TRANSIT", "FIRST_ENTRY", "DESTINATION"]

MODE_NAMES: dict[str, ModeName] = {
    "1": "SEA",
    "2": "RAIL",
    "3": "ROAD",
    "4": "AIR",
    "5": "POST",
}
"""UN code of the mode of transport (as bodies carry it) to the name that lanes and policy use."""

MODE_CODES: dict[str, str] = {name: code for code, name in MODE_NAMES.items()}

SHORT_CODES: dict[str, str] = {
    "ARRI": "transport.arrived",
    "DEPA": "transport.departed",
    "LOAD": "transport.loaded",
    "DISC": "transport.discharged",
    "GTIN": "transport.gated_in",
    "GTOT": "transport.gated_out",
    "STUF": "transport.stuffed",
    "STRP": "transport.stripped",
    "PICK": "transport.picked_up",
    "DROP": "transport.dropped_off",
    "AVPU": "transport.available_for_pickup",
    "AVDO": "transport.available_for_drop_off",
    "CROS": "transport.crossed",
    "WAYP": "transport.crossed",
    "INSP": "seallock.checked",
    "RSEA": "seallock.resealed",
    "RMVD": "seallock.opened",
    "DETC/DRO": "seallock.opened",
    "CUSS": "inspection.selected",
    "CUSI": "inspection.selected",
    "CUSR": "inspection.released",
}
"""DCSA Track & Trace 2.x and IoT 1.0-beta codes to our event types. ``INSP`` is an inspected *seal*."""

DCSA_TYPES: dict[str, str] = {
    "ARRIVED": "transport.arrived",
    "DEPARTED": "transport.departed",
    "APPROACHING": "transport.approaching",
    "LOADED": "transport.loaded",
    "DISCHARGED": "transport.discharged",
    "GATED_IN": "transport.gated_in",
    "GATED_OUT": "transport.gated_out",
    "STUFFED": "transport.stuffed",
    "STRIPPED": "transport.stripped",
    "PICKED_UP": "transport.picked_up",
    "DROPPED_OFF": "transport.dropped_off",
    "AVAILABLE_FOR_PICKUP": "transport.available_for_pickup",
    "AVAILABLE_FOR_DROP_OFF": "transport.available_for_drop_off",
    "CROSSED": "transport.crossed",
    "INSPECTED": "seallock.checked",
    "RESEALED": "seallock.resealed",
    "REMOVED": "seallock.opened",
    "CUSTOMS_SELECTED_FOR_SCAN": "inspection.selected",
    "CUSTOMS_SELECTED_FOR_INSPECTION": "inspection.selected",
    "CUSTOMS_RELEASED": "inspection.released",
    "PAIRING": "seallock.paired",
    "UNPAIRING": "seallock.unpaired",
    "DOOR_OPENED": "seallock.opened",
    "DOOR_CLOSED": "seallock.closed",
    "BREADCRUMB": "seallock.position",
    "GEOFENCE_ENTRY": "seallock.geofence.entered",
    "GEOFENCE_EXIT": "seallock.geofence.exited",
    "MOTION_START": "seallock.motion.started",
    "MOTION_STOP": "seallock.motion.stopped",
    "DEVICE_STATUS": "seallock.device.status",
}
"""DCSA Track & Trace 3.0 event types to ours."""

AIR_STATUS: dict[str, str] = {
    "FOH": "freight on hand",
    "RCS": "received from shipper",
    "MAN": "manifested",
    "DEP": "departed",
    "ARR": "arrived",
    "RCF": "received from flight",
    "NFD": "consignee notified",
    "AWD": "documents handed over",
    "CRC": "reported to customs",
    "CCD": "cleared by customs",
    "TGC": "transferred to customs control",
    "DIS": "discrepancy",
    "DLV": "delivered",
}
"""IATA freight status update codes; the event type is ``transport.`` and the code in lower case."""

SEAL_CONDITIONS: dict[str, str] = {
    "1": "RIGHT",
    "2": "DAMAGED",
    "3": "MISSING",
    "4": "BROKEN",
    "5": "FAULTY",
}
"""UN/EDIFACT 4517 to the condition of a checked seal."""

SEAL_SOURCES: dict[str, str | None] = {
    "AA": "CONSOLIDATOR",
    "AB": None,
    "AC": "PHYTOSANITARY",
    "CA": "CARRIER",
    "CU": "CUSTOMS",
    "SH": "SHIPPER",
    "TO": "TERMINAL",
    "CAR": "CARRIER",
    "SHI": "SHIPPER",
    "PHY": "PHYTOSANITARY",
    "VET": "VETERINARY",
    "CUS": "CUSTOMS",
}
"""UN/EDIFACT 9303 and DCSA 2.x seal sources to ours; None: stated as unknown."""

SEAL_TYPES: dict[str, str] = {"KLP": "KEYLESS_PADLOCK", "BLT": "BOLT", "WIR": "WIRE"}
"""DCSA 2.x seal types to ours."""

CONTROL_RESULTS_VERSION = "unconfirmed-1"
CONTROL_RESULTS: dict[str, str] = {
    "A1": "satisfactory",
    "A2": "considered satisfactory",
    "A3": "simplified procedure",
    "A4": "minor discrepancies",
    "A5": "pending discrepancies",
    "B1": "not satisfactory",
}
"""Control results (CL047) as far as known. The list is not published in full, so bodies are judged by shape only."""
