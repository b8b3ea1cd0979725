"""Keyed pseudonyms: names, identifiers and addresses of parties stop here."""

import hashlib
import hmac
import re
import unicodedata
from typing import Any

_NO_ALPHANUMERIC = re.compile(r"[\W_]+")
_LENGTH = 24
_NAMED = {"seallock": "authorisedBy", "registry": "id", "action": "author"}
"""Family to the one field of its bodies that identifies a person or company."""


class Pseudonyms:
    """HMAC-SHA256 under one key, 96 bits of it; the same party has the same pseudonym on every topic.

    A party that one message names by identifier and another by name only has two: they cannot be joined
    without a register.
    """

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("the key of the pseudonyms is empty")
        self._key = key

    def of(self, *, identifier: str | None, name: str | None) -> str:
        """Return the pseudonym of an identifier or, where there is none, of a name.

        Letters of every script tell identifiers apart; one without any letter or digit (``-``) names nobody.
        """
        number = _NO_ALPHANUMERIC.sub("", _folded(identifier or "").upper())
        if number or name is None:
            plain = "id:" + (number or identifier or "")
        else:
            plain = "name:" + " ".join(_folded(name).casefold().split())
        digest = hmac.digest(self._key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return "p:" + digest.hex()[:_LENGTH]

    def cover(self, event_type: str, data: dict[str, Any]) -> None:
        """Replace in a body, in place, what identifies people and companies.

        Of a party there remain role, pseudonym, type of person and the AEO flag; fields of a party that we do
        not know are dropped, because they may name it.
        """
        if event_type.startswith("manifest."):
            self._cover_parties(data)
            for consignment in data.get("consignments", ()):
                self._cover_parties(consignment)
        named = _NAMED.get(event_type.partition(".")[0])
        if named is not None and named in data:  # a retraction may leave the body out
            data[named] = self.of(identifier=data[named], name=None)

    def _cover_parties(self, body: dict[str, Any]) -> None:
        parties = body.get("parties")
        if parties:
            body["parties"] = [self._covered(party) for party in parties]

    def _covered(self, party: dict[str, Any]) -> dict[str, Any]:
        covered = {
            "role": party["role"],
            "pseudonym": self.of(identifier=party.get("identifier"), name=party.get("name")),
        }
        for kept in ("typeOfPerson", "aeo"):
            if kept in party:
                covered[kept] = party[kept]
        return covered


def _folded(text: str) -> str:
    """Return one form of what looks the same: full-width letters and digits as plain ones."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
