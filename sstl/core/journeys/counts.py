"""How many episodes of a unit have which answer of which rule: what the counts of evaluations are made of."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from sstl.core.journeys.asking import Journey, label_of
from sstl.core.stage import Work

JUDGED = "judged"


class Judged(msgspec.Struct, frozen=True, tag="judged.1", omit_defaults=True):
    """Cell: how many episodes had which answer, for the counts of evaluations."""

    answers: dict[str, int] = {}
    """``<rule>:<answer>`` to how many."""
    unknown: dict[str, int] = {}
    """``<state>:<what came>`` of seals for which no transition is meant, to how many."""


def count_all(work: Work, unit: str, journeys: Iterable[Journey]) -> None:
    """Count what the rules say of a unit that was assessed anew."""
    answers, unknown = answers_of(journeys)
    _counted(work, unit, work.get(unit, JUDGED) or Judged(), answers, unknown)


def count_moved(work: Work, unit: str, now: Journey) -> None:
    """Count again what the rules say that say something else than before, of a unit with one journey."""
    cell: Judged = work.get(unit, JUDGED) or Judged()
    before = cell.answers
    answers = dict(before)
    fresh: set[str] = set()
    for name, old in (now.moved or {}).items():
        for verdict in old.verdicts:
            answers[label_of(name, verdict.result)] = 0
        for verdict in now.answers[name].verdicts:
            label = label_of(name, verdict.result)
            answers[label] = answers.get(label, 0) + 1
            fresh.add(label)
    _count_more(work, "rule", before, {label: answers[label] for label in sorted(fresh)})
    if len(answers) > len(before) or 0 in answers.values():
        answers = {label: answers[label] for label in sorted(answers) if answers[label]}
    unknown = _unknown_of(now) if now.view.seals.unknown else {}
    if unknown:
        _count_more(work, "seal_review", cell.unknown, unknown)
    work.put(unit, JUDGED, Judged(answers, unknown) if answers or unknown else None)


def _unknown_of(journey: Journey) -> dict[str, int]:
    unknown = Counter(f"{one}:{what}" for one, what, _ in journey.view.seals.unknown)
    return dict(sorted(unknown.items()))


def _counted(
    work: Work, unit: str, cell: Judged, answers: Mapping[str, int], unknown: Mapping[str, int]
) -> None:
    _count_more(work, "rule", cell.answers, answers)
    if unknown:
        _count_more(work, "seal_review", cell.unknown, unknown)
    judged = Judged(dict(sorted(answers.items())), dict(sorted(unknown.items())))
    work.put(unit, JUDGED, judged if answers or unknown else None)


def answers_of(journeys: Iterable[Journey]) -> tuple[Counter[str], Counter[str]]:
    """Return how many episodes of some journeys have which answer, and what came to seals that is not meant."""
    answers: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for journey in journeys:
        for name, answer in journey.answers.items():
            for verdict in answer.verdicts:
                answers[label_of(name, verdict.result)] += 1
        for state, symbol, _ in journey.view.seals.unknown:
            unknown[f"{state}:{symbol}"] += 1
    return answers, unknown


def _count_more(work: Work, what: str, before: Mapping[str, int], now: Mapping[str, int]) -> None:
    for label, many in now.items():
        more = many - before.get(label, 0)
        if more > 0:
            work.count(what, label, more)
