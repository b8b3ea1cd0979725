"""In which arm of the controls a consignment stands, as the category of a tally (indicator ``control_arm``).

A category is four signs, ``@`` and the probability of the random draw: ``T-1P@1/50``.

====  ====================================================================================================
sign  says
====  ====================================================================================================
1     ``T``: selected other than by chance, ``-``: not
2     ``R``: drawn at random, ``-``: not
3     ``1``: a control found something, ``0``: controls found nothing, ``.``: no control with a known result
4     the control that looked deepest: ``D`` document, ``S`` seal, ``N`` NII, ``L`` laboratory, ``P`` physical;
      ``.`` where sign 3 is
@     chance of being drawn, drawn or not, as an exact fraction (``0``, ``1/50``, ``1``); ``0``: no draw is reported
====  ====================================================================================================

A control of a type that nobody recorded is none with a known result: it can stand for neither arm.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

import msgspec

from sstl.core.statistics.recall import Flow, RandomStratum, TargetedArm
from sstl.core.strata import CONTROL_DEPTH

_SIGNS: Final = {kind: kind[0] for kind in CONTROL_DEPTH}
_KINDS: Final = {sign: kind for kind, sign in _SIGNS.items()}
_FOUND: Final = {None: ".", False: "0", True: "1"}
_READ: Final = re.compile(r"([T-])([R-])(?:(\.)\.|([01])([DSNLP]))@(0|[1-9]\d*(?:/[1-9]\d*)?)")


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One consignment: how it was selected, and what came of it."""

    targeted: bool
    """Selected other than by chance."""
    drawn: bool
    """Selected by chance."""
    probability: Fraction
    """Of being drawn; 0: it could not be."""
    control_type: str | None = None
    """The deepest of its controls with a known result; None: none has one."""
    hit: bool = False
    """One of them found something."""

    @property
    def is_done(self) -> bool:
        """Whether it was controlled, with a result that is known."""
        return self.control_type is not None


def encode(arm: Arm) -> str:
    """Return the category of a consignment."""
    kind = arm.control_type
    return "".join(
        (
            "T" if arm.targeted else "-",
            "R" if arm.drawn else "-",
            _FOUND[None if kind is None else arm.hit],
            "." if kind is None else _SIGNS[kind],
            "@",
            str(arm.probability),
        )
    )


def decode(category: str) -> Arm:
    """Return what a category says; the inverse of `encode`.

    Raises:
        ValueError: It is none.
    """
    told = _READ.fullmatch(category)
    if told is None:
        message = f"no category of a control arm: {category!r}"
        raise ValueError(message)
    targeted, drawn, _, found, sign, probability = told.groups()
    return Arm(
        targeted=targeted == "T",
        drawn=drawn == "R",
        probability=Fraction(probability),
        control_type=None if sign is None else _KINDS[sign],
        hit=found == "1",
    )


def flow_of(categories: Mapping[str, int]) -> Flow:
    """Return the flow that a tally counts: every consignment in S or in the part outside it.

    S is what was selected other than by chance and controlled; what was selected and not controlled is outside, with
    its own chance of having been drawn.

    Args:
        categories: How many consignments are of each.

    Raises:
        ValueError: A category is none.
    """
    return flow_of_arms((decode(category), many) for category, many in categories.items())


def flow_of_arms(arms: Iterable[tuple[Arm, int]]) -> Flow:
    """Return what `flow_of` returns, of arms and how many consignments stand in each."""
    selected = done = hits = 0
    targeted_types: set[str] = set()
    random_types: set[str] = set()
    outside: dict[Fraction, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for arm, many in arms:
        selected += many * arm.targeted
        kind = arm.control_type
        if arm.targeted and kind is not None:
            done += many
            hits += many * arm.hit
            targeted_types.add(kind)
            continue
        counts = outside[arm.probability]
        counts[0] += many
        if arm.drawn:
            counts[1] += many
            if kind is not None:
                counts[2] += many
                counts[3] += many * arm.hit
                random_types.add(kind)
    return Flow(
        targeted=TargetedArm(
            selected=selected, done=done, hits=hits, control_types=frozenset(targeted_types)
        ),
        outside=tuple(
            RandomStratum(probability=one, eligible=n, drawn=drawn, done=controlled, hits=found)
            for one, (n, drawn, controlled, found) in sorted(outside.items())
        ),
        random_control_types=frozenset(random_types),
    )
