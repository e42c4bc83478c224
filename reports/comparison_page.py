"""The comparison of two runs as one self-contained page, in the dress of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from joinedup.reports import compare, page, wording
from joinedup.reports.compare import WORDS, Change

TONES = {
    Change.REGRESSED: "bad",
    Change.NEWLY_BLOCKED: "none",
    Change.NEWLY_NOT_APPLICABLE: "none",
    Change.FIXED: "ok",
}


def render(comparison: Mapping[str, Any]) -> str:
    """The page; nothing in it is fetched, and no text in it can become markup."""
    style = (page.TEMPLATES / "report.css").read_text(encoding="utf-8")
    rows = [*comparison["requirements"], *comparison["findings"]]
    groups = [
        (change, WORDS[change], TONES.get(change, "warn"), [row for row in rows if row["change"] == change])
        for change in Change
    ]
    return (
        page.environment()
        .get_template("comparison.html")
        .render(
            comparison=comparison,
            style=Markup(style),  # noqa: S704 - our own file, and the policy allows no other
            style_hash=page.hash_of(style),
            groups=[group for group in groups if group[3]],
            claim=compare.sentence(comparison),
            counted=_counted,
            was=compare.was,
            value=_value,
            advice={side: wording.recommendation(comparison[side]) for side in ("before", "after")},
        )
    )


def _counted(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many points and how many findings there are among some differences."""
    points = sum(bool(row.get("id")) for row in rows)
    numbers = ((points, "point"), (len(rows) - points, "finding"))
    return [wording.plural(number, noun) for number, noun in numbers if number]


def _value(value: object) -> str:
    """A circumstance as people write it."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "none"
    return "none" if value is None else str(value)
