"""
What a custodian shares: rules that allow or deny existence or content, to whom, for what, and from when to when.

Nothing is shared unless a rule allows it, and no rule allows what another denies. A rule is in effect from the second
of its validFrom, and no longer in that of its validUntil.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from joinedup.mocks.messages import FieldError, Refusal
from joinedup.mocks.sharing import moment
from joinedup.mocks.store import Record

EXISTENCE, CONTENT = "EXISTENCE", "CONTENT"
MOST_RULES = 200

# Kinds of organisation by the form of their codes.
_KINDS = (
    (re.compile(r"E(?:06|08|09|10)[0-9]{6}"), "LOCAL_AUTHORITY"),
    (re.compile(r"[0-9]{2}"), "POLICE"),
    (re.compile(r"[0-9]{6}"), "EDUCATION"),
    (re.compile(r"[A-Z0-9]{3,6}"), "HEALTH"),
)


@dataclass(frozen=True)
class Question:
    """Whether something may be told: which mode of which kind of record, to whom, for what."""

    mode: str
    record_type: str
    recipient: str
    purpose: str


def kind_of(organisation: str) -> str:
    """What kind of organisation has such a code."""
    return next((kind for form, kind in _KINDS if form.fullmatch(organisation)), "OTHER")


def allows(
    rules: Iterable[Record], question: Question, now: datetime, *, grace: timedelta = timedelta()
) -> bool:
    """
    Whether the rules let it be told.

    Args:
        grace: for how long a rule stays in effect after its end; only a fault gives some.
    """
    effects = {
        rule["effect"]
        for rule in rules
        if _is_about(rule, question) and is_in_effect(rule, now - grace, start=now)
    }
    return effects == {"allow"}


def _is_about(rule: Record, question: Question) -> bool:
    named = "recipients" in rule or "recipientTypes" in rule
    to_them = (
        question.recipient in rule.get("recipients", ())
        or kind_of(question.recipient) in rule.get("recipientTypes", ())
        or not named
    )
    return (
        to_them
        and question.mode in rule["modes"]
        and question.record_type in rule.get("recordTypes", (question.record_type,))
        and question.purpose in rule.get("purposes", (question.purpose,))
    )


def is_in_effect(rule: Record, now: datetime, *, start: datetime | None = None) -> bool:
    """
    Whether a rule is in effect at a moment.

    Args:
        start: the moment that its beginning is held against, where that is another.
    """
    begun = "validFrom" not in rule or moment(rule["validFrom"], "") <= (start or now)
    return begun and ("validUntil" not in rule or now < moment(rule["validUntil"], ""))


def refuse_unordered(rules: Iterable[tuple[str, Record]]) -> None:
    """
    See that every rule that was sent begins before it ends.

    Args:
        rules: each with the pointer to it.

    Raises:
        Refusal: with status 422, pointing at each that does not, or at a time that cannot be reckoned with.
    """
    errors = tuple(_order_errors(rules))
    if errors:
        raise Refusal(422, "A rule cannot end before it begins.", errors=errors)


def _order_errors(rules: Iterable[tuple[str, Record]]) -> Iterator[FieldError]:
    for pointer, rule in rules:
        ends = {
            name: moment(rule[name], f"{pointer}/{name}")
            for name in ("validFrom", "validUntil")
            if name in rule
        }
        if len(ends) == 2 and ends["validUntil"] <= ends["validFrom"]:
            yield FieldError(f"{pointer}/validUntil", "order", "The rule would end before it begins.")
