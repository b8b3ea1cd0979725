"""The random arm of controls: a draw that nobody can foresee, nobody can bend, and anybody can check afterwards.

Each lane and UTC day has a key of 256 bits. Before the day its commitment is published; in the day each consignment is
drawn by ``HMAC-SHA256(key, consignment id)``; after it the key is revealed, and the other side computes all again
(docs/selection.md). The draw reads nothing but the consignment's number, so it is blind to targeting.

Exactness: the HMAC is read as a number ``d`` in [0, 2^256), and the consignment is selected iff ``d < rate * 2^256``,
compared in integers. Were ``d`` uniform, the chance would be ``ceil(rate * 2^256) / 2^256``: never below the rate, and
above it by less than 2^-256.
"""

import hashlib
import hmac
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from sstl.core.identifiers import canonical_document
from sstl.models.common import to_ms
from sstl.models.selection import rate_text

KEY_BYTES = 32
_BITS = 256
_COMMITMENT = "sstl-random-commitment.1"
_DERIVATION = "sstl-random-key.1"
_EVENTS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sstl:random-selection")


@dataclass(frozen=True, slots=True)
class Lot:
    """What one key draws from: the consignments of one lane on one UTC day, all at one rate."""

    lane_id: str
    day: date
    rate: Fraction
    """Above 0, up to 1."""

    @property
    def start_ms(self) -> int:
        """Beginning of the day, ms since the epoch."""
        return to_ms(datetime.combine(self.day, time(), UTC))

    @property
    def end_ms(self) -> int:
        """End of the day, ms since the epoch; not in it."""
        return self.start_ms + timedelta(days=1) // timedelta(milliseconds=1)


def commitment(key: bytes, lot: Lot) -> str:
    """Return the commitment to a key: SHA-256 over format, lane, day, rate and key, a line each, hexadecimal.

    The rate is in it, so that it cannot be chosen when the draws are known. No line can hold a line break.
    """
    lines = (_COMMITMENT, lot.lane_id, lot.day.isoformat(), rate_text(lot.rate), key.hex())
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def derived_key(secret: bytes, lane_id: str, day: date) -> bytes:
    """Return the key of a lane and day that follows from a secret (HMAC-SHA256); one key tells nothing of another."""
    text = f"{_DERIVATION}\n{lane_id}\n{day.isoformat()}\n"
    return hmac.digest(secret, text.encode(), hashlib.sha256)


def draw_number(key: bytes, consignment_id: str) -> int:
    """Return what the draw yields for a consignment: a whole number in [0, 2^256)."""
    digest = hmac.digest(key, canonical_document(consignment_id).encode(), hashlib.sha256)
    return int.from_bytes(digest, "big")


def is_below(number: int, rate: Fraction) -> bool:
    """Tell whether a drawn number selects at a rate: number / 2^256 < rate, in whole numbers."""
    return number * rate.denominator < rate.numerator << _BITS


def is_selected(key: bytes, consignment_id: str, rate: Fraction) -> bool:
    """Tell whether a key selects a consignment. Every way to write its number gives the same answer."""
    return is_below(draw_number(key, consignment_id), rate)


def draw_event_id(lot: Lot, consignment_id: str) -> str:
    """Return the id of a draw's event: one for each lane, day and consignment, so that it cannot be drawn twice."""
    return _event_id("draw", lot, consignment_id)


def selection_event_id(lot: Lot, consignment_id: str) -> str:
    """Return the id of the selection that follows from a draw."""
    return _event_id("selection", lot, consignment_id)


def _event_id(kind: str, lot: Lot, consignment_id: str) -> str:
    name = f"{kind}\n{lot.lane_id}\n{lot.day.isoformat()}\n{canonical_document(consignment_id)}"
    return f"{kind}-{uuid.uuid5(_EVENTS, name)}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A draw as the other side published it."""

    event_id: str
    consignment_id: str
    probability: Fraction
    selected: bool
    commitment: str
    event_ms: int


@dataclass(frozen=True, slots=True)
class ClaimedSelection:
    """A selection with basis RANDOM as the other side published it."""

    event_id: str
    consignment_id: str
    probability: Fraction | None
    event_ms: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as the key says."""

    kind: str
    """``wrong_key``, ``missing_draw``, ... (docs/selection.md)."""
    subject: str
    """The consignment; the lane where it concerns all."""
    detail: str


def verify(
    key: bytes,
    lot: Lot,
    committed: str,
    draws: Sequence[Claim],
    selections: Sequence[ClaimedSelection],
    *,
    eligible: Collection[str] | None = None,
    minimum: Fraction | None = None,
) -> list[Mismatch]:
    """Compute the draws of a lane and day again and return everything that differs, sorted.

    Args:
        key: As it was revealed.
        lot: Lane, day and rate as committed.
        committed: The commitment as it was received before the day.
        draws: All draws published for the lane and day.
        selections: All selections with basis RANDOM published for them.
        eligible: Every consignment that should have been drawn; None: not known, so missing draws cannot be told.
        minimum: Least rate that was agreed; None: none was.
    """
    if commitment(key, lot) != committed:
        text = "the revealed key, lane, day and rate do not give the commitment"
        return [Mismatch("wrong_key", lot.lane_id, text)]
    found = []
    if minimum is not None and lot.rate < minimum:
        text = f"rate {rate_text(lot.rate)}, at least {rate_text(minimum)} was agreed"
        found.append(Mismatch("rate_too_low", lot.lane_id, text))
    copies = dict.fromkeys(draws)
    for claim in copies:
        found += _judge_draw(key, lot, committed, claim)
    drawn = Counter(canonical_document(claim.consignment_id) for claim in copies)
    found += [
        Mismatch("drawn_twice", name, f"{many} draws that differ")
        for name, many in drawn.items()
        if many > 1
    ]
    found += _judge_selections(key, lot, drawn.keys(), selections)
    if eligible is not None:
        due = {canonical_document(name) for name in eligible}
        found += [
            Mismatch("missing_draw", name, "to be drawn, no draw published")
            for name in due - drawn.keys()
        ]
        found += [
            Mismatch("extra_draw", name, "drawn, not among the consignments to be drawn")
            for name in drawn.keys() - due
        ]
    return sorted(found, key=lambda one: (one.kind, one.subject, one.detail))


def _judge_draw(key: bytes, lot: Lot, committed: str, claim: Claim) -> Iterator[Mismatch]:
    name = canonical_document(claim.consignment_id)
    selected = is_selected(key, name, lot.rate)
    if claim.selected != selected:
        words = {True: "selected", False: "not selected"}
        text = f"published as {words[claim.selected]}, the key says {words[selected]}"
        yield Mismatch("wrong_outcome", name, text)
    if claim.probability != lot.rate:
        text = f"published {float(claim.probability)}, committed {rate_text(lot.rate)}"
        yield Mismatch("wrong_probability", name, text)
    if claim.commitment != committed:
        yield Mismatch("wrong_commitment", name, "the draw names another commitment")
    if claim.event_id != draw_event_id(lot, name):
        yield Mismatch("wrong_id", name, "the event's id is not that of this draw")
    if not lot.start_ms <= claim.event_ms < lot.end_ms:
        yield Mismatch("outside_day", name, "drawn before or after the day of the key")


def _judge_selections(
    key: bytes, lot: Lot, drawn: Collection[str], selections: Iterable[ClaimedSelection]
) -> Iterator[Mismatch]:
    known = set()
    for selection in dict.fromkeys(selections):
        name = canonical_document(selection.consignment_id)
        known.add(name)
        if not is_selected(key, name, lot.rate):
            yield Mismatch("extra_selection", name, "selected as RANDOM, the key does not say so")
        elif name not in drawn:
            yield Mismatch("extra_selection", name, "selected as RANDOM, no draw published")
        elif selection.probability != lot.rate:
            yield Mismatch("wrong_probability", name, "the selection states another probability")
    for name in drawn:
        if name not in known and is_selected(key, name, lot.rate):
            yield Mismatch("missing_selection", name, "drawn, no selection published")
