"""Every event type we read: its model and the topics it may come on."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from sstl.models import action, feedback, inspection, manifest, registry, seallock, transport
from sstl.models.common import WireModel
from sstl.models.declaration import (
    BondBody,
    ChannelBody,
    DeclarationBody,
    DutyBody,
    MassBody,
)
from sstl.models.progress import ProgressBody
from sstl.models.selection import DRAWN, DrawBody

FAMILIES = ("manifest", "seallock", "inspection", "transport", "feedback", "registry", "action")
"""Families of input topics (``sstl.<family>.v1``)."""
PREFIX = "org.sstl."
VERSION = "v1"
PROGRESS = "progress"
SNOOZED = "action.snoozed"


@dataclass(frozen=True, slots=True)
class EventType:
    """One ``ce_type`` that we understand."""

    name: str
    """Without vendor prefix and version: ``transport.departed``."""
    body: type[WireModel]
    topics: frozenset[str]
    """Families of the topics it is allowed on."""
    adapter: TypeAdapter[Any]

    @property
    def ce_type(self) -> str:
        """The CloudEvents ``type``."""
        return f"{PREFIX}{self.name}.{VERSION}"


def _types() -> dict[str, EventType]:
    types: dict[str, EventType] = {}
    adapters: dict[type[WireModel], TypeAdapter[Any]] = {}

    def add(name: str, body: type[WireModel], *topics: str) -> None:
        adapter = adapters.setdefault(body, TypeAdapter(body))
        types[name] = EventType(name, body, frozenset(topics), adapter)

    for kind, body in manifest.KINDS.items():
        add(f"manifest.{kind}", body, "manifest")
    for kind, body in seallock.KINDS.items():
        add(f"seallock.{kind}", body, "seallock")
    for kind, body in inspection.KINDS.items():
        add(f"inspection.{kind}", body, "inspection")
    add(DRAWN, DrawBody, "inspection")
    for kind in transport.KINDS:
        add(f"transport.{kind}", transport.TransportBody, "transport")
    # Filers' systems have these beside their manifests, customs offices beside their controls.
    for kind in ("lodged", "accepted", "presented"):
        add(f"declaration.{kind}", DeclarationBody, "manifest", "inspection")
    add("channel.assigned", ChannelBody, "manifest", "inspection")
    add("duty.paid", DutyBody, "manifest", "inspection")
    add("bond.entered", BondBody, "manifest", "inspection")
    add("bond.left", BondBody, "manifest", "inspection")
    add("mass.verified", MassBody, "manifest", "inspection", "transport")
    add("risk.feedback", feedback.FeedbackBody, "feedback")
    for kind, body in action.KINDS.items():
        add(f"action.{kind}", body, "action")
    add("registry.operator.status", registry.OperatorStatusBody, "registry")
    add("registry.partner.risk", registry.PartnerRiskBody, "registry")
    add(PROGRESS, ProgressBody, *FAMILIES)
    return types


TYPES = _types()
"""Name without prefix and version to what we know of it."""
