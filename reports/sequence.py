"""
Sequence diagrams of journeys, drawn from the exchanges that took place and from nothing else.

A diagram is geometry and words: lanes, bands (one for each step) and arrows, in units of the picture. The template turns
it into SVG, so that every text in it is escaped there like any other. The same story is told as sentences, for those who
hear the page or print it small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import wording
from joinedup.reports.wording import Sign

LANE, LEFT, TOP = 190, 100, 64
BAND, ARROW = 40, 42
MARGIN = 24
MOST_ARROWS = 80
LONGEST_NAME = 22
# Characters of a label for each lane that its arrow crosses.
LONGEST_LABEL = 26
LONGEST_BAND = 11
# Who calls where a step names nobody, and what a reader calls the agencies' control plane.
TESTER = "the test"
SHOWN = {"control": "clock and records", "caller": TESTER}
DELIVERED = "Sent on between the agencies themselves"


@dataclass(frozen=True)
class Call:
    """
    One message that was sent.

    Args:
        answer: what came back: a status, or why there was none.
        delivered: whether an agency sent it of its own accord.
    """

    sender: str
    receiver: str
    what: str
    answer: str = ""
    delivered: bool = False

    @property
    def right(self) -> bool:
        """Whether it was answered, and with success."""
        return self.answer[:1] in ("", "2", "3") or self.answer == "delivered"

    @property
    def sentence(self) -> str:
        """The message in words."""
        verb = "sends on to" if self.delivered else "calls"
        answered = "answered with " if self.answer[:1].isdigit() else ""
        answer = f", {answered}{self.answer}" if self.answer else ""
        return f"{self.sender} {verb} {self.receiver}: {self.what}{answer}."


@dataclass(frozen=True)
class Part:
    """One step of a journey, with what was sent for it."""

    title: str
    outcome: str
    reason: str
    calls: tuple[Call, ...]

    @property
    def sign(self) -> Sign:
        """How its outcome is shown."""
        return SIGNS.get(self.outcome, wording.outcome_sign(self.outcome))


SIGNS: Mapping[str, Sign] = {
    Outcome.PASS: Sign("As it should be", "✓", "ok"),
    Outcome.FAIL: Sign("Failed", "✕", "bad"),
    Outcome.BLOCKED: Sign("Not reached", "?", "none"),
}


@dataclass(frozen=True)
class Lane:
    """A system or a caller, at the middle of its lane."""

    x: int
    name: str


@dataclass(frozen=True)
class Band:
    """A step's heading, across all lanes."""

    y: int
    title: str
    sign: Sign


@dataclass(frozen=True)
class Arrow:
    """A message from one lane to another, or to its own; ``tip`` is the outline of its head."""

    y: int
    start: int
    end: int
    tip: str
    label: str
    label_x: int
    answer: str
    tone: str
    delivered: bool
    own: bool


@dataclass(frozen=True)
class Diagram:
    """A picture of one journey, and the same in words."""

    width: int
    height: int
    foot: int
    lanes: tuple[Lane, ...]
    bands: tuple[Band, ...]
    arrows: tuple[Arrow, ...]
    left_out: int

    @property
    def described(self) -> str:
        """What the picture shows, in one sentence."""
        lanes = wording.listed([lane.name for lane in self.lanes])
        return f"{wording.plural(len(self.arrows), 'message')} between {lanes}, step by step; the list says the same."


def told(journey: Mapping[str, Any]) -> list[Part]:
    """The steps of a journey with what was sent for each, and at the end what agencies sent on of their own accord."""
    parts = [_part(step, number) for number, step in enumerate(_mappings(journey.get("played")), start=1)]
    deliveries = tuple(_delivery(each) for each in _mappings(journey.get("deliveries")))
    if deliveries:
        came = Outcome.PASS if all(call.right for call in deliveries) else Outcome.FAIL
        parts.append(Part(DELIVERED, came, "", deliveries))
    return parts


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _part(step: Mapping[str, Any], number: int) -> Part:
    receiver = str(step.get("system") or "")
    sender = str(step.get("lane") or step.get("from") or step.get("actor") or TESTER)
    calls = [
        Call(
            sender=_shown(sender),
            receiver=_shown(str(sent.get("system") or receiver or "system")),
            what=f"{sent.get('method', '')} {sent.get('path', '')}".strip(),
            answer=str(sent.get("status") or "no answer"),
        )
        for sent in _mappings(step.get("exchanges"))
    ]
    title = str(step.get("description") or step.get("id") or "").rstrip(".")
    return Part(f"{number} {title}", str(step.get("outcome")), str(step.get("reason") or ""), tuple(calls))


def _shown(name: str) -> str:
    return SHOWN.get(name, name)


def _delivery(sent: Mapping[str, Any]) -> Call:
    return Call(
        sender=str(sent.get("from") or "an agency"),
        receiver=str(sent.get("to") or "an agency"),
        what=" ".join(str(sent[key]) for key in ("kind", "path") if sent.get(key)) or "message",
        answer=str(sent.get("status") or sent.get("state") or ""),
        delivered=True,
    )


def diagram(parts: Sequence[Part]) -> Diagram | None:
    """The picture of a journey; None where nothing was sent."""
    calls = [call for part in parts for call in part.calls]
    if not calls:
        return None
    names = list(dict.fromkeys(name for call in calls for name in (call.sender, call.receiver)))
    at = {name: LEFT + LANE * number for number, name in enumerate(names)}
    width = max(at.values()) + LEFT + MARGIN
    bands: list[Band] = []
    arrows: list[Arrow] = []
    y = TOP
    for part in parts:
        if not part.calls or len(arrows) >= MOST_ARROWS:
            continue
        bands.append(Band(y, _cut(part.title, width // LONGEST_BAND * 3 // 2), part.sign))
        y += BAND
        for call in part.calls[: MOST_ARROWS - len(arrows)]:
            arrows.append(_arrow(call, y, at, _tone(call, part)))
            y += ARROW
        y += MARGIN // 2
    return Diagram(
        width=width,
        height=y + MARGIN,
        foot=y,
        lanes=tuple(Lane(x, _cut(name, LONGEST_NAME)) for name, x in at.items()),
        bands=tuple(bands),
        arrows=tuple(arrows),
        left_out=len(calls) - len(arrows),
    )


def _tone(call: Call, part: Part) -> str:
    """The colour of an arrow: a refusal is right where the step wanted one, and a success wrong where it did not."""
    if part.outcome == Outcome.PASS:
        return "ok"
    if part.outcome == Outcome.FAIL and call is part.calls[-1]:
        return "bad"
    return "ok" if call.right else "warn"


def _arrow(call: Call, y: int, at: Mapping[str, int], tone: str) -> Arrow:
    start, end = at[call.sender], at[call.receiver]
    own, way = start == end, 1 if end >= start else -1
    y += ARROW // 2
    lanes = max(abs(end - start) // LANE, 1)
    if own:
        end, way = start + MARGIN, -1
    return Arrow(
        y=y,
        start=start,
        end=end,
        tip=f"M{end} {y}l{-9 * way} -5v10z" if not own else f"M{start} {y + 10}l9 -5v10z",
        label=_cut(call.what, LONGEST_LABEL * lanes),
        label_x=start + 34 if own else min(start, end) + 10,
        answer=call.answer,
        tone=tone,
        delivered=call.delivered,
        own=own,
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
