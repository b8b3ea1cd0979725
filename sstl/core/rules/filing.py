# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on the filing of a consignment (family manifest): what was amended when, and what was filed twice.

What was loaded in spite of it is in `sstl.core.rules.filing_loading`, validation rules on routing are in
`sstl.core.rules.filing_routing`, the one on descriptions is in
`sstl.core.rules.filing_description`.
"""

from collections.abc import Iterator, Sequence

from sstl.core.consignment_view import ConsignmentView
from sstl.core.rules import filing_description, filing_loading, filing_routing
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.consignment_facts import (
    EU,
    HOUR_MS,
    RESULT,
    evidence_of,
    filed_ms,
    hours,
    selections,
)
from sstl.core.rules.engine import Asked
from sstl.models.records import Event, Filing, Share

AMENDED = "manifest.amended"
_CONTENT = frozenset({"goods", "consignee", "value", "destination"})
_GRAVE = _CONTENT | {"units"}
_CHANGED = {
    "goods": "货物",
    "consignee": "收货人",
    "value": "价值",
    "destination": "目的地",
    "units": "载运单元",
    "seals": "封志",
    "route": "路线",
    "mass": "重量",
}
_MOVES = ("transport.time", "transport.eventClassifier", "transport.unLocationCode")
_SELECTS = ("inspection.time", "channel.time", "channel.channel")
AFTER_DEPARTURE = Rule(
    id="filing-amended-after-departure",
    name="Filing amended after departure",
    question="Was the filing amended after the consignment had departed?",
    unit="h",
    risk_area="SAFETY_SECURITY",
    subject="consignment",
    family="manifest",
    parts=frozenset({Part.MANIFEST, Part.UNITS}),
    needs=frozenset({"share.filings", "share.atd_ms", *_MOVES}),
    parameters={
        "tolerance_hours": Parameter(1, "h", "how long after departure an amendment may be")
    },
    severity="MEDIUM",
    recommended_control="DOCUMENT_CHECK",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Compare the filing before and after; ask the filer for the reason and the papers.",
        "对比修改前后的申报内容，要求申报人说明理由并提供单证。",
    ),
    source="ICS2 amendments IE3Axx; EU and APEC practice of advance cargo information",
)
AFTER_SELECTION = Rule(
    id="filing-amended-after-selection",
    name="Filing amended after selection for control",
    question="Were goods, consignee, value or destination amended after selection for control?",
    unit="fields",
    risk_area="FINANCIAL",
    subject="consignment",
    family="manifest",
    parts=frozenset({Part.MANIFEST, Part.CONTROLS}),
    needs=frozenset({"share.filings", *_SELECTS}),
    severity="HIGH",
    recommended_control="PHYSICAL",
    advice=Text(
        "Control against the filing as it was at the selection, not as amended.",
        "按布控时的申报内容（而非修改后的内容）查验。",
    ),
    source="own design; ICS2 amendments IE3Axx",
)
TWO_MRNS = Rule(
    id="filing-document-under-two-mrns",
    name="Transport document under two MRNs",
    question="Is the same transport document filed twice in one customs territory, under two MRNs?",
    unit="MRNs",
    risk_area="SAFETY_SECURITY",
    subject="consignment",
    family="manifest",
    parts=frozenset({Part.MANIFEST}),
    needs=frozenset(
        {"share.mrns", "share.split_consignment", "share.previous_mrn", "share.lodged_ms"}
    ),
    severity="MEDIUM",
    recommended_control="DOCUMENT_CHECK",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Ask the filers which filing stands and have the other one invalidated.",
        "要求申报人确认有效的申报，并撤销另一份。",
    ),
    source="ICS2: the transport document is unique within the filings; C3001 for split consignments",
)


def departed(view: ConsignmentView) -> tuple[int, tuple[Event, ...]] | None:
    """Return when the first of the units departed, else the departure that a filing states as having happened."""
    known = view.unit_at("T5")
    if known is not None:
        return known[0], () if known[1] is None else (known[1],)
    stated = [share.atd_ms for share in view.shares if share.atd_ms is not None]
    return (min(stated), ()) if stated else None


def amendments(share: Share) -> Iterator[tuple[Filing, bool]]:
    """Yield the amendments of a filing and whether what they changed is known: it is not without a filing before.

    A second lodgement under the same LRN replaces the first, so it is an amendment too.
    """
    for number, filing in enumerate(share.filings):
        if number or filing.event.type == AMENDED:
            yield filing, number > 0


def _fields(changed: Sequence[str]) -> Text:
    return Text(", ".join(changed), "、".join(_CHANGED.get(one, one) for one in changed))


def amended_after_departure(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each amendment against the departure of the first unit."""
    start: tuple[int, tuple[Event, ...]] | None = None
    looked = False
    for share in view.shares:
        for filing, known in amendments(share):
            anchor, at_ms = filing.event.identity, filing.event.event_ms
            if not looked:
                start, looked = departed(view), True
            if start is None:
                yield not_evaluable(asked, anchor, at_ms, "transport.departed")
            elif at_ms - start[0] <= asked["tolerance_hours"] * HOUR_MS:
                yield no_hit(asked, anchor, at_ms, "not amended after departure")
            elif not known:
                yield not_evaluable(asked, anchor, at_ms, "the filing before the amendment")
            elif not filing.changed:
                yield no_hit(asked, anchor, at_ms, "the amendment changed nothing that matters")
            else:
                fields, late = _fields(filing.changed), hours(at_ms - start[0])
                yield hit(
                    asked,
                    anchor,
                    at_ms,
                    text=Text(
                        f"The filing was amended {late} h after departure ({instant_text(start[0])}): {fields.en}.",
                        f"申报在启运（{instant_text(start[0])}）{late} 小时后被修改：{fields.zh}。",
                    ),
                    observed=round((at_ms - start[0]) / HOUR_MS, 3),
                    expected=asked["tolerance_hours"],
                    evidence=(filing.event, *start[1]),
                    severity=None if _GRAVE.intersection(filing.changed) else "LOW",
                )


def amended_after_selection(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each amendment against the first selection before it; after a recorded result it is LOW."""
    selected: list[Event] | None = None
    for share in view.shares:
        for filing, known in amendments(share):
            if selected is None:
                selected = selections(view)
            anchor, at_ms = filing.event.identity, filing.event.event_ms
            first = selected[0] if selected and selected[0].event_ms < at_ms else None
            changed = [name for name in filing.changed if name in _CONTENT]
            if first is None:
                yield no_hit(asked, anchor, at_ms, "not selected for control before")
            elif not known:
                yield not_evaluable(asked, anchor, at_ms, "the filing before the amendment")
            elif not changed:
                yield no_hit(
                    asked, anchor, at_ms, "goods, consignee, value and destination unchanged"
                )
            else:
                fields, late = _fields(changed), hours(at_ms - first.event_ms)
                last = [one for one in selected if one.event_ms < at_ms][-1]
                answered = any(
                    last.event_ms <= one.event_ms < at_ms
                    for one in view.by_type.get(RESULT, ())
                    if one.data.get("status") != "NOT_DONE"
                )
                yield hit(
                    asked,
                    anchor,
                    at_ms,
                    text=Text(
                        f"The filing was amended {late} h after the selection for control: {fields.en}.",
                        f"在布控选中 {late} 小时后申报被修改：{fields.zh}。",
                    ),
                    observed=", ".join(changed),
                    expected="no change after selection",
                    evidence=(first, filing.event),
                    severity="LOW" if answered else None,
                )


def territory(mrn: str) -> str:
    """Return the customs territory that gave an MRN: ``EU``, or the country in its third and fourth character."""
    country = mrn[2:4]
    return "EU" if country in EU else country


def document_under_two_mrns(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge whether two manifests have the document under MRNs of one customs territory and share none.

    Not asked while only one manifest has it. Parts of a split consignment (split, or naming the previous MRN) are meant
    to have several.
    """
    if len(view.shares) < 2:  # noqa: PLR2004 (two filings)
        return
    filed: dict[str, list[tuple[int, Share, frozenset[str]]]] = {}
    unregistered: list[Share] = []
    for share in view.shares:
        if share.split_consignment or share.previous_mrn is not None:
            continue
        if not share.mrns:
            unregistered.append(share)
        by_territory: dict[str, set[str]] = {}
        for mrn in share.mrns:
            by_territory.setdefault(territory(mrn), set()).add(mrn)
        for name, mrns in by_territory.items():
            filed.setdefault(name, []).append((filed_ms(share) or 0, share, frozenset(mrns)))
    for name in sorted(filed):
        entries = sorted(filed[name], key=lambda one: (one[0], one[1].manifest_id))
        first = entries[0]
        second = next((one for one in entries[1:] if not one[2] & first[2]), None)
        if second is None:
            if unregistered:
                yield not_evaluable(asked, f"mrns|{name}", first[0], "manifest.registered")
            else:
                yield no_hit(asked, f"mrns|{name}", first[0], "one MRN in this territory")
            continue
        known = sorted(first[2] | second[2])
        yield hit(
            asked,
            f"mrns|{name}",
            second[0],
            text=Text(
                f"The transport document is filed twice in {name}, under {len(known)} MRNs: {', '.join(known)}.",
                f"同一运输单证在 {name} 重复申报，共 {len(known)} 个 MRN：{'、'.join(known)}。",
            ),
            observed=len(known),
            expected=1,
            evidence=(*evidence_of(first[1]), *evidence_of(second[1])),
        )


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(AFTER_DEPARTURE, amended_after_departure),
    Asked(AFTER_SELECTION, amended_after_selection),
    *filing_loading.RULES,
    Asked(TWO_MRNS, document_under_two_mrns),
    *filing_routing.RULES,
    *filing_description.RULES,
)
"""The filing's rules, in the order in which they are asked."""
