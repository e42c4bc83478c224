"""The words that every view shares, so that no two views say it differently."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    Outcome.NOT_APPLICABLE: Sign("Not applicable", "–", "none"),
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

AGREED = Sign("Agreed exception", "!", "warn")
EXCEPTED = Sign("Accept with agreed exceptions", "!", "warn")

UNJUDGED = (Outcome.HARNESS_ERROR, Outcome.SETUP_ERROR, Outcome.BLOCKED, Outcome.REVIEW)

UNKNOWN = Sign("Unknown", "?", "none")


def outcome_sign(outcome: str) -> Sign:
    """How an outcome is shown."""
    return OUTCOMES.get(outcome, UNKNOWN)


def result(requirement: Verdict) -> Sign:
    """How a requirement came out; what no check can prove is shown as not tested, for it may well apply."""
    return (
        ANSWERS["not_tested"] if is_untested(requirement) else outcome_sign(str(requirement.get("outcome")))
    )


def is_untested(requirement: Verdict) -> bool:
    """Whether a requirement was left out because nothing in this run can prove it, and not because it does not apply."""
    return requirement.get("outcome") == Outcome.NOT_APPLICABLE and bool(requirement.get("not_tested"))


def hindering(verdict: Verdict) -> frozenset[str]:
    """Ids of the findings without which some required point could have been tested: these have to be mended too."""
    open_ = (r for r in verdict.get("requirements", []) if r["level"] == "MUST" and not r.get("waived"))
    return frozenset(id_ for requirement in open_ for id_ in requirement.get("blocked_by", []))


def is_to_be_fixed(finding: Verdict, hinders: Collection[str]) -> bool:
    """Whether a finding stands against a yes; ``hinders`` as of ``hindering``."""
    return finding.get("level") == "MUST" or finding.get("id") in hinders


def recommendation(verdict: Verdict) -> Sign:
    """What a buyer is advised to do about a run, or about one system of it."""
    if verdict.get("verdict") == "conformant" and (verdict.get("waivers") or verdict.get("waived")):
        return EXCEPTED
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


def printable(text: str) -> str:
    """Text without what would control a terminal or end a line."""
    return "".join(character if character.isprintable() else " " for character in text)


def sentence(verdict: Verdict) -> str:
    """What the run found, in a few words for a buyer; it claims nothing that was not tested."""
    required = [_became(r) for r in verdict.get("requirements", []) if r.get("level") == "MUST"]
    if not {Outcome.PASS, Outcome.FAIL, WAIVED} & set(required):
        return f"No required point could be judged, because {_why(verdict)}."
    text = f"{'; '.join([listed(_counted(required)), *_asides(verdict)])}."
    if verdict.get("verdict") == "no_verdict":
        return f"{text} There is no verdict, because {_why(verdict)}."
    return text if verdict.get("complete") else f"{text} The run stopped before its end."


WAIVED, ATTESTED = "waived", "attested"


def _became(requirement: Verdict) -> object:
    """The outcome of a requirement, unless a person answers for it."""
    if requirement.get("waived"):
        return WAIVED
    return ATTESTED if requirement.get("attested") else requirement.get("outcome")


def _counted(required: Sequence[object]) -> list[str]:
    """The required points by what became of them, worst first, as the parts of one sentence."""
    failed = required.count(Outcome.FAIL)
    met = required.count(Outcome.PASS)
    unjudged = sum(outcome in UNJUDGED for outcome in required)
    parts = [(failed, "is not met", "are not met"), (met, "is met", "are met")]
    parts.append((required.count(WAIVED), "has an agreed exception", "have agreed exceptions"))
    parts.append((required.count(ATTESTED), "is attested and not tested", "are attested and not tested"))
    parts.append((unjudged, "could not be judged", "could not be judged"))
    shown = [(number, one if number == 1 else several) for number, one, several in parts if number]
    whole = "All " if len(shown) == 1 and met > 1 else ""
    first = f"{whole}{plural(shown[0][0], 'required point')} {shown[0][1]}"
    return [first, *(f"{number} {claim}" for number, claim in shown[1:])]


def _asides(verdict: Verdict) -> list[str]:
    """What a buyer should know beside the required points."""
    warned = verdict.get("counts", {}).get(Outcome.WARN, 0)
    gaps = len(verdict.get("not_tested", []))
    asides = [f"{plural(warned, 'recommended point')} could be better"] if warned else []
    return (
        [*asides, f"{plural(gaps, 'thing')} {'was' if gaps == 1 else 'were'} not tested"] if gaps else asides
    )


REASONS = {
    3: "the configuration, the network or the test environment stood in the way",
    4: "the harness itself failed, which is not the system's fault",
    5: "no check came to a conclusion",
    6: "a named person has yet to review a point",
}


def _why(verdict: Verdict) -> str:
    if verdict.get("complete") is False:
        return "the run stopped before its end"
    code = int(verdict.get("exit_code", 0))
    outcomes = {requirement.get("outcome") for requirement in verdict.get("requirements", [])}
    if code == 3 and not verdict.get("errors") and Outcome.SETUP_ERROR not in outcomes:
        return "a required point could not be tested"
    return REASONS.get(code, str(verdict.get("reason", "")))
