"""What the stages say to each other on internal topics.

Written and read by sstl alone, so decoded with msgspec into plain frozen structures. Every message carries
its format version in its tag (``placed.1``); a reader that meets an unknown tag stops loudly. Instants are
integer milliseconds since the Unix epoch, UTC; durations are integer milliseconds.
"""

from typing import Any

import msgspec

DIRECT = "direct"
"""Path of an event that names its place itself; every other path is the reference it came through."""


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Where the publisher's message lies."""

    topic: str
    partition: int
    offset: int


class Version(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Order of the versions of one event: the greatest counts."""

    recorded_ms: int
    retracted: bool
    digest: str
    """SHA-256 of the canonical body, hexadecimal."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of one accepted event, normalised (the canonical journey event)."""

    source: str
    id: str
    type: str
    """Family and kind without vendor prefix and version: ``transport.departed``, ``seallock.opened``."""
    event_ms: int
    """When it happened (CloudEvents ``time``)."""
    version: Version
    arrival_ms: int
    """Append time at the broker; in a backfill the earlier of that and the recorded time."""
    origin: Origin
    lane_id: str | None = None
    data: dict[str, Any] = {}
    """Validated body under its wire names (camelCase), unknown fields kept, instants as RFC 3339 UTC,
    names of parties replaced by pseudonyms. Empty for a retraction without body."""

    @property
    def identity(self) -> str:
        """What makes two messages versions of the same event."""
        return f"{self.source}|{self.id}"


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag="heartbeat.1"):
    """How far a source partition has come in arrival time; sent to every partition downstream."""

    source: str
    """``<stage>/<partition>``, for intake ``intake-<family>/<partition>``."""
    reached_ms: int
    caught_up: bool
    publishers: tuple[tuple[str, int], ...] = ()
    """From intake: (CloudEvents source, latest arrival time) of publishers heard of since the heartbeat before."""


class Placed(msgspec.Struct, frozen=True, kw_only=True, tag="placed.1"):
    """An event at a place (unit, manifest, consignment, flag) that it names itself.

    A register per event identity: the greatest version counts, whatever the order of arrival.
    """

    event: Event


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True, tag="withdrawn.1"):
    """A later version of this event no longer belongs here; takes part in the register of `Placed`."""

    identity: str
    version: Version


class Forwarded(msgspec.Struct, frozen=True, kw_only=True, tag="forwarded.1", omit_defaults=True):
    """A register keyed (event, reference) with [references] as its one writer: the last message counts.

    ``event`` None: no longer linked through this reference. The event counts at the place while any path
    (a reference, or the direct one) still holds it; the greatest version among its paths counts.
    """

    identity: str
    path: str
    event: Event | None = None


class Leg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One planned leg of a transport plan."""

    leg_id: str
    role: str = "MAIN"
    """``INBOUND`` legs run side by side before the ``OUTBOUND`` one; ``MAIN`` stands alone."""
    mode: str
    place_of_departure: str
    place_of_arrival: str
    planned_start_ms: int | None = None
    planned_end_ms: int | None = None


class Goods(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One goods item of a consignment, as the filing states it."""

    item_no: int | None = None
    hs6: str | None = None
    description: str | None = None
    gross_mass_kg: float | None = None
    net_mass_kg: float | None = None
    country_of_origin: str | None = None
    value: float | None = None
    currency: str | None = None


class Referral(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A referral of the customs system on a filing or one of its consignments."""

    kind: str
    """``DNL`` (do not load), ``RFI`` (information) or ``RFS`` (screening)."""
    raised: Event
    """Of its body only ``referralId`` and ``referralType``."""
    answered: Event | None = None
    """The answer that ends it, without its body; None: open."""


class Filing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One lodgement or amendment of a filing and what it changed against the one before."""

    event: Event
    """Without its body."""
    changed: tuple[str, ...] = ()
    """Of ``goods``, ``consignee``, ``value``, ``destination``, ``units``, ``seals``, ``route``, ``mass``."""


class Share(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit's own part of one manifest, as its latest version states it."""

    manifest_id: str
    lane_id: str | None = None
    mode: str | None = None
    consignments: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    legs: tuple[Leg, ...] = ()
    seals: tuple[str, ...] = ()
    empty: bool = False
    """The unit travels empty; of a consignment: it lies in nothing but such units."""
    hs6: tuple[str, ...] = ()
    gross_mass_kg: float | None = None
    place_of_loading: str | None = None
    place_of_unloading: str | None = None
    final_destination: str | None = None
    countries_of_routing: tuple[str, ...] = ()
    office_of_first_entry: str | None = None
    country_of_origin: tuple[str, ...] = ()
    country_of_provenance: str | None = None
    etd_ms: int | None = None
    eta_ms: int | None = None
    lodged_ms: int | None = None
    """Event time of the first lodgement (milestone T0)."""
    parties: tuple[tuple[str, str], ...] = ()
    """(role, pseudonym)."""
    evidence: Event | None = None
    """The manifest event the share rests on, without its body."""
    mrns: tuple[str, ...] = ()
    """MRNs that count for the subject."""
    ucr: str | None = None
    atd_ms: int | None = None
    """Departure as the filing states it, where it has happened; ``etd_ms`` is only the estimate then."""
    packages: int | None = None
    countries_of_routing_of_means: tuple[str, ...] = ()
    goods: tuple[Goods, ...] = ()
    """Of a consignment."""
    split_consignment: bool | None = None
    previous_mrn: str | None = None
    lot_class: str | None = None
    sstl_member: bool | None = None
    aeo: tuple[tuple[str, bool], ...] = ()
    """(role, whether the filing claims a trusted trader)."""
    filings: tuple[Filing, ...] = ()
    """Lodgement and amendments that count, in their order; of a consignment."""
    referrals: tuple[Referral, ...] = ()
    """Of a consignment."""
    answers: tuple[Event, ...] = ()
    """Answers to referrals that nothing raised here: their referral came by another way. Of a consignment; of the
    bodies only what the referral is (``referralId``, ``referralType``)."""
    equipment_mass_kg: float | None = None
    """Gross mass of the unit itself as the filing states it; of a unit."""
    teu: int | None = None
    """Of a unit: twenty-foot equivalent units, 0 of what is no container; None: the filing does not state its size."""
    assessed: Event | None = None
    """Risk assessment complete (IE3N03), without its body."""
    consignee_parcels: tuple[int, float] | None = None
    """Of a consignment: how many consignments of the filing have the same consignee pseudonym (this one counts), and
    the value of all their items together. None: no consignee, a value missing, or more than one currency."""
    reentry: bool | None = None
    """Of a consignment: whether the filing says that the goods come back to where they have been (re-entry)."""
    place_of_acceptance: str | None = None
    """Where the carrier takes the goods over; from there road, rail or barge bring them to the place of loading."""


class Shared(msgspec.Struct, frozen=True, kw_only=True, tag="shared.1", omit_defaults=True):
    """A register keyed by manifest with [manifests] as its one writer: the last message counts.

    To a unit: its own share. To a consignment: the share of each of its units is not repeated, only what
    the consignment itself has; ``units`` then lists the units it lies in.
    """

    manifest_id: str
    share: Share | None = None
    units: tuple[str, ...] = ()


class Linked(msgspec.Struct, frozen=True, kw_only=True, tag="linked.1", omit_defaults=True):
    """What a manifest links a reference to; register keyed (reference, manifest), the last message counts.

    Nothing linked (no units, no consignments) is an unlink.
    """

    manifest_id: str
    units: tuple[str, ...] = ()
    consignments: tuple[str, ...] = ()
    from_ms: int | None = None
    """Reusable references (a conveyance) link for an interval of event time; None: unbounded."""
    to_ms: int | None = None
    forgotten: bool = False
    """The manifest is past its horizon: the link may be dropped, what was forwarded through it stays."""


class Referred(msgspec.Struct, frozen=True, kw_only=True, tag="referred.1", omit_defaults=True):
    """An event that names this reference; register per event identity, the greatest version counts."""

    event: Event
    to_units: bool = True
    """False: the event names its unit itself, only consignments are still to be found."""
    binds_unit: str | None = None
    """The event itself ties the reference (device, command) to this unit: pairing, grant."""


class Registered(msgspec.Struct, frozen=True, kw_only=True, tag="registered.1", omit_defaults=True):
    """Register of one event's versions and where each went, under the event's own reference."""

    identity: str
    version: Version
    places: tuple[str, ...]
    """``unit:``, ``ref:``, ``manifest:``, ``consignment:`` or ``flag:`` and the key there; ``flags:`` is every
    partition of the findings."""
    type: str = msgspec.field(default="", name="eventType")
    """Type of the event, where the message has one; what ``registry.`` begins is kept without end."""
    event_ms: int | None = None
    """When it happened, None where not known (a retraction without body)."""


class PingBucket(msgspec.Struct, frozen=True, kw_only=True, tag="pings.1", omit_defaults=True):
    """Summary of the positions of one path in one bucket of time; register keyed (path, bucket)."""

    path: str
    bucket_ms: int
    """Start of the bucket."""
    first: tuple[int, int, str, float, float] | None = None
    """(event_ms, sequence, id, latitude, longitude); None: the bucket is empty."""
    last: tuple[int, int, str, float, float] | None = None


class Unbound(msgspec.Struct, frozen=True, kw_only=True, tag="unbound.1", omit_defaults=True):
    """An event whose reference linked it to nothing within the parking horizon (topic ``unbound``)."""

    reference: str
    source: str
    id: str
    type: str = msgspec.field(name="eventType")
    event_ms: int
    arrival_ms: int
    deadline_ms: int
    """Arrival time at which the waiting ended."""
    origin: Origin


class UnitMilestones(
    msgspec.Struct, frozen=True, kw_only=True, tag="milestones.1", omit_defaults=True
):
    """What a consignment needs to know of one of its units; register keyed by unit. None: detached."""

    unit: str
    milestones: dict[str, int] | None = None
    """Milestone (``T6``) to its actual instant in ms."""
    lane_id: str | None = None
    mode: str | None = None
    events: tuple[tuple[str, Event], ...] = ()
    """(milestone, event without its body) for what rules on the consignment cite as evidence."""
    opened: tuple[Event, ...] = ()
    """Openings and closings of the unit's seals (``seallock.opened``, ``.armed``, ``.resealed``), without bodies."""
    controls: tuple[Event, ...] = ()
    """Customs events that name only the unit, with what a record keeps of their bodies: they concern all that lies in
    it (`sstl.core.controls.of_unit`)."""
    journey: str = ""
    """What tells a reused unit's later journeys apart; empty for the first."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a finding rests on."""

    source: str
    id: str
    type: str
    event_ms: int
    origin: Origin


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a finding is about; at least one field is set."""

    equipment_reference: str | None = None
    consignments: tuple[str, ...] = ()
    ucr: str | None = None
    mrn: str | None = None
    lrn: str | None = None
    transport_document: str | None = None
    seal_numbers: tuple[str, ...] = ()
    lane_id: str | None = None
    mode: str | None = None
    leg_id: str | None = None
    conveyance: str | None = None


class Confidence(msgspec.Struct, frozen=True, array_like=True):
    """How often a rule was right, as the policy states it."""

    precision: float
    n: int
    low: float
    high: float


class Finding(msgspec.Struct, frozen=True, kw_only=True, tag="finding.1", omit_defaults=True):
    """A subject stage's answer for one flag id. ``state`` is RAISED, CHANGED or CLEARED.

    Everything but ``detected_ms`` and the origins in ``evidence`` is a function of the accepted facts and
    the policy.
    """

    flag_id: str
    state: str
    rule_id: str
    rule_version: int
    severity: str
    score: int
    weight: float
    subject: Subject
    name: str
    observed: float | str | None
    expected: float | str | None
    unit: str
    anchor_ms: int
    """The instant that governs the finding: the episode's anchor, or the deadline of an absence."""
    valid_to_ms: int
    risk_area: str
    flag_type: str = "EQUIPMENT"
    recommended_control: str
    where_to_control: str
    evidence: tuple[Evidence, ...] = ()
    share: Share | None = None
    """Goods and route, from the manifest, where known."""
    text_en: str
    text_zh: str
    advice_en: str = ""
    """What to do."""
    advice_zh: str = ""
    mode: str = "live"
    """``live``, or ``shadow``: on its own topic only."""
    notice: bool = False
    """For the topic of notices: no score, no effect on precision."""
    supervisors: bool = False
    group: str = ""
    """The journey (``<unit>`` or ``<unit>#<key>``) or consignment whose flags are scored together."""
    policy_hash: str
    detected_ms: int
    reason: str | None = None
    """Why it was cleared."""
    confidence: Confidence | None = None
    """None: the policy states none."""
    linked_referral: str | None = None
    supersedes: str | None = None
    follows: tuple[str, ...] = ()
    """Flags beside it whose answers this one inherits: it takes their place, its episode having begun before."""


class Succeeds(msgspec.Struct, frozen=True, kw_only=True, tag="succeeds.1", omit_defaults=True):
    """To a flag that another one supersedes: that one inherits the answers; register keyed by heir, which writes it."""

    heir: str
    """The flag that supersedes."""
    holds: bool = True
    """False: it supersedes this one no longer."""
    keep_ms: int
    """What is kept for it may go when this instant of arrival time has passed."""


OPEN = "OPEN"
"""`Measure.outcome` of what has begun and not ended."""


class Measure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured value and the stratum it counts in."""

    lane_id: str
    mode: str
    start_ms: int
    """Start milestone; it decides the cohort."""
    value_ms: int
    planned_ms: int | None = None
    """The planned duration; late is ``value_ms > planned_ms``. None: no plan, lateness not evaluable."""
    strata: dict[str, str] = {}
    exposure: int | None = None
    """Of a rate: over what ``value_ms`` events were counted, in the unit of its definition; None: one counting unit."""
    category: str | None = None
    """Of a tally: what the counting unit counts as."""
    outcome: str | None = None
    """How it ended. None: as its definition says; `OPEN`: not yet, ``value_ms`` is 0; else the competing event that
    ended it, after ``value_ms``."""
    cluster: str | None = None
    """What shares its fate: a digest of the journey that was measured, of a consignment the journey of the first of its
    units, without units its importer and day (`sstl.core.leadtime.cluster_of`). None: not known. Intervals are made by
    cluster; it decides no series and is published nowhere."""
    evidence: tuple[Event, ...] = ()
    """Of a counted incident: the events it is, without their bodies; lead times name none."""


class Observation(
    msgspec.Struct, frozen=True, kw_only=True, tag="observation.1", omit_defaults=True
):
    """A change of one observation in one lane: subtract ``previous``, add ``current``.

    An observation that moves to another lane is two messages, one to each lane.
    """

    id: str
    indicator: str
    """Name in the registry (`sstl.core.indicators`): ``LT_release``."""
    counting_unit: str
    """``leg``, ``journey``, ``consignment``, ``declaration``, ``control``, ``report``."""
    current: Measure | None = None
    previous: Measure | None = None


ManifestsMessage = Placed | Withdrawn | Heartbeat
ReferencesMessage = Registered | Referred | Withdrawn | Linked | Heartbeat
JourneysMessage = Placed | Withdrawn | Forwarded | Shared | PingBucket | Heartbeat
ConsignmentsMessage = Placed | Withdrawn | Forwarded | Shared | UnitMilestones | Heartbeat
FlagsMessage = Finding | Placed | Withdrawn | Forwarded | Succeeds | Heartbeat
LanesMessage = Observation | Heartbeat
