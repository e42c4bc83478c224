"""The words that every view shares, so that no two views say it differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joinedup.conformance.outcomes import Outcome

Verdict = Mapping[str, Any]


@dataclass(frozen=True)
class Sign:
    """How an outcome is shown: a word, a mark that needs no colour, and the colour's name."""

    word: str
    mark: str
    tone: str


OUTCOMES: Mapping[str, Sign] = {
    Outcome.HARNESS_ERROR: Sign("Harness error", "?", "none"),
    Outcome.SETUP_ERROR: Sign("Set-up error", "?", "none"),
    Outcome.FAIL: Sign("Not met", "✕", "bad"),
    Outcome.BLOCKED: Sign("Could not be tested", "?", "none"),
    Outcome.REVIEW: Sign("Needs a person", "?", "none"),
    Outcome.WARN: Sign("Worth improving", "!", "warn"),
    Outcome.PASS: Sign("Met", "✓", "ok"),
    Outcome.NOT_APPLICABLE: Sign("Does not apply", "–", "none"),
}

ANSWERS: Mapping[str, Sign] = {
    "yes": Sign("Yes", "✓", "ok"),
    "mostly": Sign("Mostly", "!", "warn"),
    "in_part": Sign("In part", "?", "none"),
    "no": Sign("No", "✕", "bad"),
    "not_tested": Sign("Not tested", "–", "none"),
}

RECOMMENDATIONS: Mapping[str, Sign] = {
    "conformant": Sign("Accept", "✓", "ok"),
    "not_conformant": Sign("Do not accept yet", "✕", "bad"),
    "no_verdict": Sign("No verdict", "?", "none"),
}

UNKNOWN = Sign("Unknown", "?", "none")


def outcome_sign(outcome: str) -> Sign:
    """How an outcome is shown."""
    return OUTCOMES.get(outcome, UNKNOWN)


def recommendation(verdict: Verdict) -> Sign:
    """What a buyer is advised to do."""
    return RECOMMENDATIONS.get(str(verdict.get("verdict")), UNKNOWN)


def title(verdict: Verdict) -> str:
    """The product's name and version, or the names of the systems."""
    product = verdict.get("product") or {}
    named = " ".join(str(product[key]) for key in ("name", "version") if product.get(key))
    names = [str(system.get("system", "")) for system in verdict.get("systems", [])]
    return named or listed(names, most=3) or "No system"


def plural(number: int, singular: str, several: str = "") -> str:
    """A number with its noun: ``1 point``, ``2 points``."""
    return f"{number:,} {singular if number == 1 else several or singular + 's'}"


def listed(words: Sequence[str], most: int = 10) -> str:
    """Words as a list in a sentence, cut after ``most``: ``a, b and 3 more``."""
    shown = (
        list(words[:most]) if len(words) <= most else [*words[: most - 1], f"{len(words) - most + 1} more"]
    )
    return " and ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def sentence(verdict: Verdict) -> str:
    """What the run found, in a few words for a buyer; it claims nothing that was not tested."""
    required = [r for r in verdict.get("requirements", []) if r.get("level") == "MUST"]
    judged = [r for r in required if r.get("outcome") in (Outcome.PASS, Outcome.FAIL)]
    met = sum(r["outcome"] == Outcome.PASS for r in judged)
    if not judged:
        return f"No required point could be judged: {_why(verdict)}."
    parts = [
        f"{met} of {plural(len(judged), 'required point')} that could be judged {'is' if met == 1 else 'are'} met"
    ]
    parts += _rest(required, verdict)
    text = "; ".join(parts) + "."
    if verdict.get("verdict") != "no_verdict":
        return text
    return f"{text} There is no verdict, because {_why(verdict)}."


def _rest(required: Sequence[Verdict], verdict: Verdict) -> list[str]:
    outcomes = [r.get("outcome") for r in required]
    failed = outcomes.count(Outcome.FAIL)
    untested = outcomes.count(Outcome.BLOCKED)
    parts = [f"{failed} {'is' if failed == 1 else 'are'} not met"] if failed else []
    parts += [f"{untested} could not be tested"] if untested else []
    warned = verdict.get("counts", {}).get(Outcome.WARN, 0)
    return [*parts, f"{plural(warned, 'recommended point')} could be better"] if warned else parts


REASONS = {
    3: "the configuration, the network or the test environment stood in the way",
    4: "the harness itself failed, which is not the system's fault",
    5: "no check came to a conclusion",
    6: "a named person has yet to review a point",
}


def _why(verdict: Verdict) -> str:
    if verdict.get("complete") is False:
        return "the run stopped before its end"
    return REASONS.get(int(verdict.get("exit_code", 0)), str(verdict.get("reason", "")))
