# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Notice (family manifest): a goods description that says too little to assess a risk."""

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
from sstl.core.rules.consignment_facts import evidence_of, filed_ms, items_key
from sstl.core.rules.engine import Asked
from sstl.core.rules.goods_words import letters, says_only

VAGUE = Rule(
    id="filing-description-vague",
    name="Goods description too vague",
    question="Does the description of an item consist of words that describe no goods, or is it too short?",
    unit="letters",
    risk_area="SAFETY_SECURITY",
    subject="consignment",
    family="manifest",
    parts=frozenset({Part.MANIFEST}),
    needs=frozenset({"share.goods", "share.lodged_ms"}),
    parameters={"least_letters": Parameter(3, "letters", "a shorter description says nothing")},
    severity="LOW",
    recommended_control="RFI",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Ask the filer for a description by which the goods can be told (what, of what, for what).",
        "要求申报人补充可识别货物的品名（何物、材质、用途）。",
    ),
    source="EU guidance on acceptable goods descriptions (stop words) for ENS; EUCDM 18 05",
    notice=True,
)


def description_vague(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each item; whether words are vague cannot be told without the policy's list of them."""
    words, least = asked.policy.vague_words, asked["least_letters"]
    for share in view.shares:
        at_ms = filed_ms(share) or 0
        for position, item in enumerate(share.goods):
            anchor = items_key(share, position)
            if item.description is None:
                yield not_evaluable(asked, anchor, at_ms, "description")
                continue
            count = letters(item.description)
            short = count < least
            if not short and not words:
                yield not_evaluable(asked, anchor, at_ms, "policy.vague_words")
            elif not short and not says_only(item.description, words):
                yield no_hit(asked, anchor, at_ms, "the description names goods")
            else:
                number = position + 1 if item.item_no is None else item.item_no
                why = (
                    Text(f"it has {count} letters", f"仅有 {count} 个字母")
                    if short
                    else Text("it names no goods", "未说明具体货物")
                )
                yield hit(
                    asked,
                    anchor,
                    at_ms,
                    text=Text(
                        f"The description of item {number} is too vague: {why.en}.",
                        f"第 {number} 项货物品名过于笼统：{why.zh}。",
                    ),
                    observed=count,
                    expected=least if short else "words that describe goods",
                    evidence=evidence_of(share),
                )


RULES: tuple[Asked[ConsignmentView], ...] = (Asked(VAGUE, description_vague),)
"""One rule."""
