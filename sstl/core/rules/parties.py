# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on the parties of a consignment (family parties): trusted traders and what partners say of operators.

Parties are roles and pseudonyms; texts name the role only.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sstl.core.consignment_view import ConsignmentView
from sstl.core.releases import EVER
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
from sstl.core.rules.consignment_facts import evidence_of, filed_ms
from sstl.core.rules.engine import Asked
from sstl.models.common import to_ms
from sstl.models.policy import Severity
from sstl.models.records import Event, Share

STATUS = "registry.operator.status"
RISK = "registry.partner.risk"
_STANDS_FOR = {"IMPORTER": "CONSIGNEE", "EXPORTER": "CONSIGNOR"}
"""Role of a claim to the party that it is about where the filing names none of that role."""
_ABROAD = frozenset({"EXPORTER", "CONSIGNOR", "SELLER", "CONSOLIDATOR"})
"""Roles whose authorisation another administration gave: it counts by mutual recognition."""
_ROLES = {
    "CONSIGNOR": "发货人",
    "CONSIGNEE": "收货人",
    "EXPORTER": "出口商",
    "IMPORTER": "进口商",
    "NOTIFY": "通知人",
    "SELLER": "卖方",
    "BUYER": "买方",
    "CARRIER": "承运人",
    "DECLARANT": "申报人",
    "REPRESENTATIVE": "代理人",
}
_LEVELS: dict[str, tuple[int, Severity]] = {
    "LOW": (1, "LOW"),
    "MEDIUM": (2, "MEDIUM"),
    "HIGH": (3, "HIGH"),
    "CRITICAL": (4, "CRITICAL"),
}

AEO = Rule(
    id="party-aeo-not-confirmed",
    name="AEO status not confirmed by the registry",
    question="Is the trusted-trader status that the filing claims valid in the registry, and recognised?",
    unit="status",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="parties",
    parts=frozenset({Part.MANIFEST, Part.PARTIES}),
    needs=frozenset(
        {
            "share.aeo",
            "share.parties",
            "share.lodged_ms",
            "registry.time",
            "registry.id",
            "registry.programme",
            "registry.mraRecognised",
            "registry.status",
            "registry.from",
            "registry.to",
        }
    ),
    parameters={
        "registry_complete": Parameter(
            0, "1 or 0", "1: the registry lists every trusted trader, so an absent one is unknown"
        )
    },
    severity="MEDIUM",
    recommended_control="DOCUMENT_CHECK",
    advice=Text(
        "Grant no facilitation on this claim; ask the operator for the certificate and the partner for its status.",
        "不得依据该声明给予便利；要求企业提供证书，并向对方海关核实其状态。",
    ),
    source="WCO SAFE pillar 2, mutual recognition of AEO programmes; status at the time of the filing",
)
PARTNER_RISK = Rule(
    id="party-partner-risk",
    name="Match with a partner's risk information",
    question="Does a partner administration's risk information that was valid concern a party?",
    unit="level",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="parties",
    parts=frozenset({Part.MANIFEST, Part.PARTIES, Part.CONTROLS}),
    needs=frozenset(
        {
            "share.parties",
            "share.lodged_ms",
            "share.place_of_loading",
            "share.place_of_unloading",
            "registry.time",
            "registry.id",
            "registry.risk",
            "registry.reasonCode",
            "registry.from",
            "registry.to",
            "inspection.time",
            "inspection.side",
            "inspection.inspectionId",
            "inspection.unLocationCode",
            "inspection.equipmentReference",
        }
    ),
    parameters={
        "level": Parameter(
            1, "level", "1 LOW, 2 MEDIUM, 3 HIGH, 4 CRITICAL: risk above this is a match"
        )
    },
    severity="MEDIUM",
    recommended_control="DOCUMENT_CHECK",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Ask the partner what the information rests on before a control; feed the result back.",
        "查验前向对方海关了解信息来源，并反馈查验结果。",
    ),
    source="CRMS-style exchange of risk information between partners",
)


def _instant(entry: Event, name: str) -> int | None:
    value = entry.data.get(name)
    return to_ms(datetime.fromisoformat(value)) if isinstance(value, str) else None


def _start_ms(entry: Event) -> int:
    start = _instant(entry, "from")
    return entry.event_ms if start is None else start


def status_at(entries: Iterable[Event], instant_ms: int) -> tuple[str, Event] | None:
    """Return ``GRANTED``, ``EXPIRED``, ``SUSPENDED`` or ``REVOKED`` and the entry that says so; None before any holds.

    Of each programme the entry that began last counts (of equal ones the one recorded last), a suspension that has
    ended only where nothing else is known: it leaves the authorisation as it was. One programme that is granted is
    enough, and one that is recognised comes first.
    """
    latest: dict[str, Event] = {}
    for entry in entries:
        if entry.type != STATUS or _start_ms(entry) > instant_ms:
            continue
        programme = str(entry.data.get("programme"))
        known = latest.get(programme)
        if known is None or _counts_before(known, entry, instant_ms):
            latest[programme] = entry
    found = [(_status(entry, instant_ms), entry) for entry in latest.values()]
    return max(found, key=_best, default=None)


def _counts_before(one: Event, other: Event, instant_ms: int) -> bool:
    """Tell whether the other of two entries of a programme is the one that counts."""
    over, other_over = _is_over(one, instant_ms), _is_over(other, instant_ms)
    return over if over != other_over else _precedence(one) < _precedence(other)


def _is_over(entry: Event, instant_ms: int) -> bool:
    """Tell whether an entry is a suspension that has ended."""
    end = _instant(entry, "to")
    return entry.data.get("status") == "SUSPENDED" and end is not None and end <= instant_ms


def _precedence(entry: Event) -> tuple[int, int, int, str]:
    return (_start_ms(entry), entry.version.recorded_ms, entry.event_ms, entry.identity)


def _best(one: tuple[str, Event]) -> tuple[bool, bool, tuple[int, int, int, str]]:
    recognised = one[1].data.get("mraRecognised") is True
    return (one[0] == "GRANTED", recognised, _precedence(one[1]))


def _status(entry: Event, instant_ms: int) -> str:
    stated = str(entry.data.get("status") or "GRANTED")
    end = _instant(entry, "to")
    if end is None or instant_ms < end:
        return stated
    # Who was suspended had been granted; a grant that has ended has expired.
    return "GRANTED" if stated == "SUSPENDED" else "EXPIRED" if stated == "GRANTED" else stated


def claimants(share: Share, role: str) -> tuple[str, ...]:
    """Return the pseudonyms of who has a role in a filing; where none has it, of who stands for it."""
    own = tuple(name for of, name in share.parties if of == role)
    return own or tuple(name for of, name in share.parties if of == _STANDS_FOR.get(role))


def aeo_not_confirmed(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each role that a filing claims to be a trusted trader, at the time of the filing."""
    for share in view.shares:
        for role, claimed in share.aeo:
            if claimed:
                yield _confirmed(view, asked, share, role)


def _confirmed(view: ConsignmentView, asked: InForce, share: Share, role: str) -> Verdict:
    anchor, at_ms = f"{share.manifest_id}|{role}", filed_ms(share)
    if at_ms is None:
        return not_evaluable(asked, anchor, 0, "manifest.lodged")
    names = claimants(share, role)
    if not names:
        return not_evaluable(asked, anchor, at_ms, f"party {role}")
    entries = [entry for name in names for entry in view.registry.get(name, ())]
    known = status_at(entries, at_ms)
    if known is None:
        if not asked["registry_complete"]:
            return not_evaluable(asked, anchor, at_ms, "registry.operator.status")
        return _unconfirmed(asked, share, role, Text("unknown", "未登记"), None)
    return _judged(asked, share, role, known)


def _judged(asked: InForce, share: Share, role: str, known: tuple[str, Event]) -> Verdict:
    """Return the answer on a claim whose operator the registry knows."""
    anchor, at_ms = f"{share.manifest_id}|{role}", filed_ms(share) or 0
    status, entry = known
    if status != "GRANTED":
        named = {"EXPIRED": "已过期", "SUSPENDED": "已中止", "REVOKED": "已撤销"}
        said = Text(status.lower(), named.get(status, status))
        return _unconfirmed(asked, share, role, said, entry)
    recognised = entry.data.get("mraRecognised")
    if role in _ABROAD and recognised is None:
        return not_evaluable(asked, anchor, at_ms, "mraRecognised")
    if role in _ABROAD and not recognised:
        said = Text("not mutually recognised", "未获互认")
        return _unconfirmed(asked, share, role, said, entry, severity="LOW")
    return no_hit(asked, anchor, at_ms, "the registry confirms the status")


def _unconfirmed(
    asked: InForce,
    share: Share,
    role: str,
    said: Text,
    entry: Event | None,
    *,
    severity: Severity | None = None,
) -> Verdict:
    at_ms = filed_ms(share) or 0
    return hit(
        asked,
        f"{share.manifest_id}|{role}",
        at_ms,
        text=Text(
            f"The filing claims AEO status for the {role.lower()}; on {instant_text(at_ms)} the registry "
            f"had it as {said.en}.",
            f"申报称{_ROLES.get(role, role)}为 AEO 企业；{instant_text(at_ms)} 登记状态为{said.zh}。",
        ),
        observed=said.en,
        expected="granted",
        evidence=(*evidence_of(share), *(() if entry is None else (entry,))),
        severity=severity,
    )


def partner_risk(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each entry of a partner on a party: it must hold at some time between the filing and the release.

    A later entry of the same source on the same party takes the place of an earlier one from its own beginning on.
    """
    if not view.registry or not view.shares:
        return
    release = view.milestones.actual.get("T13")
    until_ms = EVER if release is None else release.event_ms
    roles: dict[str, list[str]] = {}
    for share in view.shares:
        for role, name in share.parties:
            if role not in roles.setdefault(name, []):
                roles[name].append(role)
    share = view.shares[0]
    from_ms = filed_ms(share)
    for name in sorted(roles):
        entries = sorted(
            (one for one in view.registry.get(name, ()) if one.type == RISK), key=_precedence
        )
        for position, entry in enumerate(entries):
            if from_ms is None:
                yield not_evaluable(asked, entry.identity, _start_ms(entry), "manifest.lodged")
                continue
            start, end = _held(entry, entries[position + 1 :])
            yield _matched(
                asked, entry, sorted(roles[name]), (max(start, from_ms), min(end, until_ms))
            )


def _held(entry: Event, later: Sequence[Event]) -> tuple[int, int]:
    """Return from when to when an entry holds; the end is exclusive."""
    end = _instant(entry, "to")
    successor = next((_start_ms(one) for one in later if one.source == entry.source), EVER)
    return _start_ms(entry), min(EVER if end is None else end, successor)


def _matched(asked: InForce, entry: Event, roles: Sequence[str], held: tuple[int, int]) -> Verdict:
    anchor, at_ms = entry.identity, held[0]
    if held[0] >= held[1]:
        return no_hit(asked, anchor, at_ms, "not valid between filing and release")
    risk = str(entry.data.get("risk"))
    level, severity = _LEVELS.get(risk, (0, "LOW"))
    if level == 0:
        return not_evaluable(asked, anchor, at_ms, "risk")
    if level <= asked["level"]:
        return no_hit(asked, anchor, at_ms, "the partner's risk level is not above the threshold")
    named = ", ".join(role.lower() for role in roles)
    zh = "、".join(_ROLES.get(role, role) for role in roles)
    code = entry.data.get("reasonCode")
    return hit(
        asked,
        anchor,
        at_ms,
        text=Text(
            f"A partner's risk information ({risk}) concerns the {named}"
            f"{'' if code is None else f'; reason {code}'}.",
            f"对方海关的风险信息（{risk}）涉及{zh}{'' if code is None else f'；原因代码 {code}'}。",
        ),
        observed=risk,
        expected="no risk information",
        evidence=(entry,),
        severity=severity,
        excess=(level - asked["level"]) / 4,
    )


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(AEO, aeo_not_confirmed),
    Asked(PARTNER_RISK, partner_risk),
)
"""The rules on parties."""
