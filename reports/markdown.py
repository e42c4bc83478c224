"""
Markdown: a run in at most 30 lines, for the summary of a CI job, a ticket or a mail.

Text that the run or the system could have chosen is escaped character by character, so that none of it becomes markup, a
link or a picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import glance, wording
from joinedup.reports.wording import Verdict

MOST_LINES = 30
MOST_FINDINGS = 8
MOST_AGREED = 3
LONGEST = 200

# What begins markup inside a line, and what GitHub makes a link of by itself; no line begins with a text of others.
_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]<>#+!|~&@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)


def summary(verdict: Verdict) -> str:
    """The run in at most 30 lines of Markdown; the last one says where it came from."""
    lines = [
        *_heading(verdict),
        *_tiles(verdict),
        *_findings(verdict),
        *_agreed(verdict),
        *_questions(verdict),
    ]
    return "\n".join([*lines[: MOST_LINES - 2], "", _origin(verdict)]) + "\n"


def _heading(verdict: Verdict) -> Iterator[str]:
    advice = wording.recommendation(verdict)
    yield f"# {advice.mark} {_text(wording.title(verdict))}: {advice.word}"
    yield ""
    yield _text(wording.sentence(verdict), 600)
    yield ""


def _tiles(verdict: Verdict) -> Iterator[str]:
    shown = glance.tiles(verdict)
    yield f"| {' | '.join(tile.name for tile in shown)} | Not tested |"
    yield "|---|---|---|---|"
    yield f"| {' | '.join(tile.number for tile in shown)} | {len(verdict.get('not_tested', [])):,} |"
    yield ""
    whose = glance.whose(verdict)
    if whose:
        yield _text(whose, 400)
        yield ""


def _findings(verdict: Verdict) -> Iterator[str]:
    findings, hinders = verdict.get("findings", []), wording.hindering(verdict)
    for finding in findings[:MOST_FINDINGS]:
        must = wording.is_to_be_fixed(finding, hinders)
        sign = wording.OUTCOMES[Outcome.FAIL if must else Outcome.WARN]
        sign = wording.AGREED if finding.get("waived") else sign
        broken = _text(", ".join(finding["requirements"]))
        seen = f"{_text(finding['system'])}, {_text(finding['where'])}"
        yield (
            f"- {sign.mark} **{_text(finding['id'])}** {broken}: {_text(finding['title'])} ({sign.word.lower()};"
            f" {seen}). Again: `joinedup replay {re.sub('[^A-Za-z0-9.-]', '', finding['id'])}`"
        )
    if len(findings) > MOST_FINDINGS:
        yield f"- … and {len(findings) - MOST_FINDINGS:,} more in report.html"
    if findings:
        yield ""


def _agreed(verdict: Verdict) -> Iterator[str]:
    waivers = verdict.get("waivers", [])
    for waiver in waivers[:MOST_AGREED]:
        agreed = f"approved by {waiver['approved_by']}, until {waiver['expires']}"
        yield "- " + _text(f"Agreed exception: {waiver['requirement']} of {waiver['system']}, {agreed}")
    if len(waivers) > MOST_AGREED:
        yield f"- … and {wording.plural(len(waivers) - MOST_AGREED, 'more agreed exception')}"
    if waivers:
        yield ""


def _questions(verdict: Verdict) -> Iterator[str]:
    answers = [
        f"{_text(question['id'])} {wording.ANSWERS.get(question['status'], wording.UNKNOWN).word.lower()}"
        for question in verdict.get("questions", [])
    ]
    if answers:
        yield f"Six questions a council asks: {', '.join(answers)}."


def _origin(verdict: Verdict) -> str:
    told = f"joinedup {verdict.get('harness', '')}, run {verdict.get('run', '')}, seed {verdict.get('seed')}"
    return _text(f"{told}. All of it stands in report.html.")


def _text(value: object, longest: int = LONGEST) -> str:
    """A text on one line, in which nothing means anything to Markdown or HTML."""
    text = " ".join(wording.printable(str(value)).split())
    return _MEANS_SOMETHING.sub(r"\\\1", text if len(text) <= longest else f"{text[: longest - 1]}…")
