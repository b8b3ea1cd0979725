# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rule on parcels of one consignee that stay below a threshold each (family goods)."""

import math
from collections.abc import Iterator

from sstl.core.consignment_view import ConsignmentView
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.consignment_facts import evidence_of, filed_ms
from sstl.core.rules.engine import Asked

SPLIT = Rule(
    id="goods-parcels-split",
    name="Parcels of one consignee below the threshold",
    question="Are several parcels of one consignee in a filing each below a value and together above it?",
    unit="EUR",
    risk_area="FINANCIAL",
    subject="consignment",
    family="goods",
    parts=frozenset({Part.MANIFEST}),
    needs=frozenset({"share.goods", "share.lodged_ms", "share.consignee_parcels"}),
    parameters={
        "value": Parameter(150, "EUR", "value up to which a parcel is treated more lightly"),
        "parcels": Parameter(2, "parcels", "more parcels than this are several"),
    },
    severity="MEDIUM",
    recommended_control="DOCUMENT_CHECK",
    advice=Text(
        "Treat the parcels as one consignment; ask for orders and payments.",
        "将各包裹合并作为一批货物处理，要求提供订单和付款记录。",
    ),
    source="EU Regulation 1186/2009 Art. 23 (relief for consignments up to EUR 150), own design",
)


def parcels_split(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge a parcel by what its own filing says of the consignee's other parcels.

    Only within one filing: parcels of other filings are not seen. Values are compared in EUR only.
    """
    limit, few = asked["value"], asked["parcels"]
    for share in view.shares:
        at_ms, parcels = filed_ms(share) or 0, share.consignee_parcels
        if not share.goods:
            continue
        if parcels is None:
            yield not_evaluable(
                asked, share.manifest_id, at_ms, "values of the consignee's parcels"
            )
            continue
        if any(item.currency != "EUR" for item in share.goods):
            yield not_evaluable(asked, share.manifest_id, at_ms, "value in EUR")
            continue
        values = [item.value for item in share.goods if item.value is not None]
        if len(values) < len(share.goods):
            yield not_evaluable(asked, share.manifest_id, at_ms, "value")
            continue
        count, total = parcels
        value = math.fsum(values)
        if count <= few or total <= limit or value > limit:
            yield no_hit(asked, share.manifest_id, at_ms, "not several parcels below the threshold")
            continue
        yield hit(
            asked,
            share.manifest_id,
            at_ms,
            text=Text(
                f"{count} parcels of one consignee in one filing: this one EUR {value:.2f}, "
                f"together EUR {total:.2f}, threshold EUR {limit:.2f}.",
                f"同一收货人在同一申报中有 {count} 个包裹：本件 {value:.2f} 欧元，"
                f"合计 {total:.2f} 欧元，起征点 {limit:.2f} 欧元。",
            ),
            observed=round(total, 2),
            expected=limit,
            evidence=evidence_of(share),
        )


RULES: tuple[Asked[ConsignmentView], ...] = (Asked(SPLIT, parcels_split),)
"""One rule."""
