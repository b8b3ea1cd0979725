# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""The story as lines of plain text, in English or Chinese, no line wider than a terminal."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from sstl.core.explain.shapes import (
    ConsignmentStory,
    Episode,
    FlagStory,
    JourneyStory,
    Reached,
    RuleStory,
    Story,
    Told,
)
from sstl.core.rules.base import instant_text
from sstl.core.rules.times_common import NAMES

Language = Literal["en", "zh"]
WIDTH = 100

_WORDS = {
    "as of": "截至",
    "not known yet": "尚未知",
    "policy": "策略",
    "version": "版本",
    "journey": "行程",
    "consignment": "货物",
    "consignments": "货物",
    "manifests": "舱单",
    "units": "运输单元",
    "lane": "线路",
    "unknown": "未知",
    "ended": "已结束",
    "under way": "进行中",
    "milestones": "里程碑",
    "next": "下一个",
    "by": "最迟",
    "nobody says by when": "无预计时间",
    "limit": "时限",
    "target": "目标",
    "estimated": "预计",
    "planned": "计划",
    "seals and locks": "封志与电子锁",
    "armed": "已施封",
    "opened": "开启",
    "alarm": "报警",
    "resealed": "重新施封",
    "authorised": "已授权",
    "not authorised": "未授权",
    "until": "至",
    "reports unclear": "份报告不明确",
    "report unclear": "份报告不明确",
    "positions": "位置",
    "periods of time, from": "个时段，自",
    "to": "至",
    "what happened": "经过",
    "rules": "规则",
    "hit": "命中",
    "not evaluable": "无法判断",
    "no hit": "未命中",
    "not due until": "到期时间",
    "missing": "缺少",
    "observed": "观测",
    "expected": "预期",
    "evidence": "证据",
    "flag": "风险提示",
    "flags": "风险提示",
    "other flags": "其他风险提示",
    "none": "无",
    "score": "评分",
    "valid to": "有效期至",
    "control": "建议查验",
    "at": "于",
    "advice": "处置建议",
    "taken back because": "撤回原因",
    "said about it": "处理情况",
    "had nothing to ask about": "无可判断",
    "shadow": "试运行",
    "now": "现为",
    "recorded": "记录于",
    "acknowledged": "已接手",
    "closed": "已关闭",
    "snoozed": "已暂缓",
    "feedback": "反馈",
    "done by": "操作人",
    "office": "机关",
    "reason": "理由",
    "late": "逾期",
    "yes": "是",
    "no": "否",
}


class _Text:
    """Lines in one language."""

    def __init__(self, language: Language) -> None:
        self._chinese = language == "zh"
        self.language = language
        self.lines: list[str] = []

    def word(self, english: str) -> str:
        """Return a word in the language."""
        return _WORDS.get(english, english) if self._chinese else english

    def add(self, text: str = "", indent: int = 0, hang: int = 4) -> None:
        """Add a text, broken into lines; those after the first hang."""
        if not text:
            self.lines.append("")
            return
        first, rest = " " * indent, " " * (indent + hang)
        self.lines += wrapped(text, WIDTH, first, rest)

    def head(self, english: str, more: str = "") -> None:
        """Begin a part."""
        title = self.word(english)
        self.add()
        self.add(f"{title if self._chinese else title.capitalize()}{more}")


def display_width(text: str) -> int:
    """Return how many columns a text takes; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    """Break a text at spaces, and between Chinese characters, so that no line is wider than ``width``."""
    found, line, begun = [], first, False
    for piece in _pieces(text):
        if begun and display_width(line) + display_width(piece.rstrip()) > width:
            found.append(line.rstrip())
            line, begun = rest, False
        left = piece if begun else piece.lstrip()
        while display_width(line) + display_width(left.rstrip()) > width:
            # one word wider than a line: an identifier, which is cut rather than hidden
            head = _head(left, width - display_width(line))
            found.append(line + head)
            line, left = rest, left[len(head) :]
        line += left
        begun = begun or bool(left)
    return [*found, line.rstrip()]


def _head(piece: str, columns: int) -> str:
    taken, used = [], 0
    for one in piece:
        used += display_width(one)
        if used > columns:
            break
        taken.append(one)
    return "".join(taken) or piece[:1]


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for one in text:
        if unicodedata.east_asian_width(one) in "WF":
            if piece:
                yield piece
            yield one
            piece = ""
        elif one == " ":
            yield piece + " "
            piece = ""
        else:
            piece += one
    if piece:
        yield piece


def lines(story: Story, language: Language = "en") -> list[str]:
    """Return the story as lines of at most `WIDTH` columns."""
    text = _Text(language)
    word = text.word
    bare = story.flag is not None and not (story.journeys or story.consignments)
    if bare:
        # a flag on a lane or a publisher: no story has an instant that it is told as of
        text.add(story.asked)
    else:
        text.add(f"{story.asked}  {word('as of')} {story.as_of or word('not known yet')}")
    text.add(f"{word('policy')} {story.policy_version} ({story.policy[:12]})")
    if story.flag is not None:
        text.add()
        _flag(text, story.flag, whole=True)
    for journey in story.journeys:
        _journey(text, journey)
    for consignment in story.consignments:
        _consignment(text, consignment)
    others = [one for one in story.flags if story.flag is None or one.flag != story.flag.flag]
    if bare and not others:
        return text.lines
    text.head("flags" if story.flag is None else "other flags", f": {len(others)}")
    for flag in others:
        _flag(text, flag, whole=story.flag is None)
    return text.lines


def _journey(text: _Text, story: JourneyStory) -> None:
    word = text.word
    state = word("ended") if story.closed else word("under way")
    lane = story.lane or word("unknown")
    text.head("journey", f" {story.journey}: {word('lane')} {lane}, {state}")
    if story.consignments:
        text.add(f"{word('consignments')}: {', '.join(story.consignments)}", 2)
    if story.manifests:
        text.add(f"{word('manifests')}: {', '.join(story.manifests)}", 2)
    _milestones(text, story.milestones)
    if story.next is not None:
        by = word("nobody says by when")
        if story.next.by is not None:
            by = f"{word('by')} {story.next.by} ({word(story.next.basis or '')})"
        text.add(
            f"{word('next')}: {story.next.milestone} {_called(text, story.next.milestone)}, {by}", 2
        )
    if story.seals or story.locks:
        text.head("seals and locks")
        for episode in story.seals:
            _episode(text, episode)
        for lock in story.locks:
            text.add(f"{lock.lock}: {word('now')} {lock.state}", 2)
        if story.unclear:
            reports = "report unclear" if story.unclear == 1 else "reports unclear"
            text.add(f"{story.unclear} {word(reports)}", 2)
    if story.positions is not None:
        first, last = story.positions.first, story.positions.last
        text.head("positions")
        text.add(
            f"{story.positions.buckets} {word('periods of time, from')} {first.at} "
            f"({first.latitude:.4f}, {first.longitude:.4f}) {word('to')} {last.at} "
            f"({last.latitude:.4f}, {last.longitude:.4f})",
            2,
        )
    _timeline(text, story.timeline)
    _rules(text, story.rules, story.not_asked)


def _consignment(text: _Text, story: ConsignmentStory) -> None:
    word = text.word
    lane = story.lane or word("unknown")
    text.head("consignment", f" {story.consignment}: {word('lane')} {lane}")
    if story.units:
        text.add(f"{word('units')}: {', '.join(story.units)}", 2)
    if story.manifests:
        text.add(f"{word('manifests')}: {', '.join(story.manifests)}", 2)
    _milestones(text, story.milestones)
    _timeline(text, story.timeline)
    _rules(text, story.rules, story.not_asked)


def _milestones(text: _Text, found: Sequence[Reached]) -> None:
    if not found:
        return
    text.head("milestones")
    for one in found:
        said = [one.actual] if one.actual is not None else []
        for name, instant in (("estimated", one.estimated), ("planned", one.planned)):
            if instant is not None:
                said.append(f"{text.word(name)} {instant}")
        place = "" if one.evidence is None or one.evidence.place is None else one.evidence.place
        text.add(
            f"{one.milestone:<5}{', '.join(said)}  {_called(text, one.milestone)}  {place}".rstrip(),
            2,
        )


def _called(text: _Text, milestone: str) -> str:
    name = NAMES.get(milestone)
    return "" if name is None else (name.zh if text.language == "zh" else name.en)


def _episode(text: _Text, episode: Episode) -> None:
    word = text.word
    said = [word(episode.kind), episode.lock or "", episode.what]
    if episode.authorised is not None:
        said.append(word("authorised") if episode.authorised else word("not authorised"))
    if episode.end is not None:
        said.append(f"{word('until')} {episode.end}")
    text.add(f"{episode.start}  {'  '.join(one for one in said if one)}", 2)


def _timeline(text: _Text, told: Sequence[Told]) -> None:
    if not told:
        return
    text.head("what happened")
    for event in told:
        says = ", ".join(f"{name} {value}" for name, value in event.says.items())
        reports = f"  [{' '.join(event.milestones)}]" if event.milestones else ""
        place = f"  {event.place}" if event.place else ""
        text.add(f"{event.at}  {event.type}{place}{reports}  {says}".rstrip(), 2)


def _rules(text: _Text, rules: Sequence[RuleStory], not_asked: Iterable[str]) -> None:
    word = text.word
    text.head("rules")
    quiet: dict[str, int] = {}
    unknown: dict[str, int] = {}
    waiting: list[str] = []
    for rule in rules:
        shadow = f" ({word('shadow')})" if rule.mode == "shadow" else ""
        if rule.answer == "hit":
            text.add(f"{word('hit')}  {rule.rule}{shadow}: {rule.text[text.language]}", 2, 6)
            text.add(f"{word('flag')} {rule.flag}", 8)
            _evidence(text, rule.evidence, 8)
        elif rule.answer == "not_evaluable":
            what = f"{rule.rule}{shadow}: {word('missing')} {', '.join(rule.missing)}"
            unknown[what] = unknown.get(what, 0) + 1
        elif rule.due is not None:
            waiting.append(f"{rule.rule}: {word('not due until')} {rule.due}")
        else:
            quiet[rule.rule] = quiet.get(rule.rule, 0) + 1
    for what in _times(unknown):
        text.add(f"{word('not evaluable')}  {what}", 2, 6)
    for what in waiting:
        text.add(f"{word('no hit')}  {what}", 2, 6)
    if quiet:
        text.add(f"{word('no hit')}  {', '.join(_times(quiet))}", 2, 6)
    idle = sorted(not_asked)
    if idle:
        text.add(f"{word('had nothing to ask about')}  {', '.join(idle)}", 2, 6)


def _times(found: dict[str, int]) -> list[str]:
    return [name if many == 1 else f"{name} (x{many})" for name, many in sorted(found.items())]


def _flag(text: _Text, flag: FlagStory, *, whole: bool) -> None:
    word = text.word
    text.add(
        f"{flag.severity} {flag.status}  {flag.rule}  {word('score')} {flag.score}  {flag.flag}", 2
    )
    text.add(flag.text[text.language], 6)
    if flag.reason is not None:
        text.add(f"{word('taken back because')}: {flag.reason}", 6)
    if not whole:
        return
    observed, expected = (_measured(one, flag.unit) for one in (flag.observed, flag.expected))
    text.add(f"{word('observed')} {observed}, {word('expected')} {expected}", 6)
    text.add(
        f"{word('control')}: {flag.recommended_control} {word('at')} {flag.where_to_control}; "
        f"{word('valid to')} {flag.valid_to}; {word('policy')} {flag.policy[:12]}",
        6,
    )
    if flag.advice[text.language]:
        text.add(f"{word('advice')}: {flag.advice[text.language]}", 6)
    for name, value in sorted(flag.answered.items()):
        said = ", ".join(_said(text, key, one) for key, one in value.items())
        text.add(f"{word('said about it')}: {word(name)} {said}", 6)
    _evidence(text, flag.evidence, 6)


def _measured(value: float | str | None, unit: str) -> str:
    """Return a value with its unit; a text has none (``TAMPER``, a seal number)."""
    return f"{value}" if isinstance(value, str) else f"{value} {unit}".rstrip()


def _said(text: _Text, name: str, value: Any) -> str:
    """Return one field of what somebody said; its instants are ms in the cells."""
    if name.endswith("Ms"):
        return f"{text.word(name.removesuffix('Ms'))} {instant_text(value)}"
    if isinstance(value, bool):
        return f"{text.word(name)} {text.word('yes' if value else 'no')}"
    # "by" alone is the word of a deadline
    return f"{text.word('done by' if name == 'by' else name)} {value}"


def _evidence(text: _Text, evidence: Sequence[Told], indent: int) -> None:
    for event in evidence:
        text.add(
            f"{text.word('evidence')}: {event.at} {event.type} {event.source} {event.id} "
            f"({event.topic}/{event.partition}/{event.offset})",
            indent,
        )
