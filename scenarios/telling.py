"""
A play as the record keeps it: no value of any system, only who called whom, with what outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from joinedup.conformance.contract import Contract
from joinedup.conformance.outcomes import Outcome, fold
from joinedup.conformance.target import OWN
from joinedup.conformance.watch import Routes
from joinedup.scenarios.judgement import Shown, outcome_of, sentences, steps_of
from joinedup.scenarios.played import Played, PlayedStep
from joinedup.scenarios.stages import ACTORS, CONTROL
from joinedup.scenarios.stories import Story

Deliveries = Iterable[Mapping[str, Any]]
STATES = {"delivered": Outcome.PASS, "refused": Outcome.FAIL}


def told(
    story: Story, played: Played, shown: Shown, deliveries: Deliveries, contracts: Mapping[str, Contract]
) -> dict[str, object]:
    """The fields of a ``journey`` event."""
    steps = [_step(step, shown) for step in steps_of(played)]
    sent = [dict(delivery) for delivery in _deliveries(deliveries, contracts)]
    outcome = outcome_of(played)
    return {
        **heading(story),
        "outcome": str(outcome),
        "reason": _reason(played, outcome, shown),
        "steps": len(steps),
        "exchanges": sum(len(each["exchanges"]) for each in steps),
        "played": steps,
        "deliveries": sent,
        "links": _links(steps, sent, outcome),
    }


def heading(story: Story) -> dict[str, object]:
    """What a journey is about."""
    return {
        "id": story.name,
        "title": story.title,
        "summary": story.summary,
        "systems": list(story.systems),
        "requirements": list(story.requirements),
    }


def untold(story: Story, outcome: Outcome, reason: str) -> dict[str, object]:
    """The fields of a ``journey`` event where nothing could be played."""
    nothing: dict[str, object] = {"steps": 0, "exchanges": 0, "played": [], "deliveries": [], "links": []}
    return {**heading(story), "outcome": str(outcome), "reason": reason, **nothing}


def _reason(played: Played, outcome: Outcome, shown: Shown) -> str:
    if outcome is Outcome.PASS:
        return ""
    step = next((step for step in steps_of(played) if step.outcome is outcome), None)
    return f"{step.id}: {_why(step, shown)}" if step else ""


def _why(step: PlayedStep, shown: Shown) -> str:
    """Why a step did not pass, in a sentence or two."""
    expected, actual = sentences(step, shown)
    return f"Expected: {expected} Came: {actual}" if step.outcome is Outcome.FAIL else actual


def _step(step: PlayedStep, shown: Shown) -> dict[str, Any]:
    passed = step.outcome is Outcome.PASS
    return {
        "id": step.id,
        "description": step.description,
        "actor": step.actor,
        "from": caller(step.actor, step.system),
        "lane": lane(step.actor, step.system),
        "system": step.system,
        "outcome": str(step.outcome),
        "reason": "" if passed else _why(step, shown),
        "exchanges": [
            {
                "system": sent.system,
                "method": sent.exchange.step.method,
                "path": sent.exchange.step.path,
                "status": sent.exchange.status,
            }
            for sent in step.everything_sent()
        ],
    }


def caller(actor: str, called: str) -> str:
    """The system in whose name an actor calls; empty where it is the called system's own people, or nobody."""
    owner, _ = ACTORS.get(actor, (actor, ""))
    return "" if owner in ("", OWN, "other", called) else owner


def lane(actor: str, called: str) -> str:
    """Who a picture shows as the caller: a system for its own people, and another organisation by its own name."""
    owner, role = ACTORS.get(actor, (actor, ""))
    return called if actor == OWN else owner if role == OWN else actor


def _deliveries(deliveries: Deliveries, contracts: Mapping[str, Contract]) -> Iterable[dict[str, object]]:
    for each in deliveries:
        attempts = each.get("attempts") or []
        recipient, path = str(each["recipient"]), str(each["path"]).partition("?")[0]
        contract = contracts.get(recipient)
        label = Routes(contract.operations).label("POST", path) if contract else ""
        operation = contract.operation(label) if contract and label else None
        yield {
            "from": str(each["sender"]),
            "to": recipient,
            "kind": operation.operation_id if operation else "",
            "path": operation.path if operation else "",
            "status": int(attempts[-1]["status"]) if attempts else 0,
            "state": str(each["state"]),
            "attempts": len(attempts),
        }


def _links(
    steps: Iterable[Mapping[str, Any]], deliveries: Iterable[Mapping[str, object]], whole: Outcome
) -> list[dict[str, str]]:
    """Which system called or told which, with the worst that came of it; what is refused on purpose did not fail."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for step in steps:
        if step["from"] and step["system"] not in ("", CONTROL) and step["exchanges"]:
            found.setdefault((step["from"], step["system"]), []).append(Outcome(step["outcome"]))
    for each in deliveries:
        outcome = STATES.get(str(each["state"]))
        if outcome is not None:
            link = (str(each["from"]), str(each["to"]))
            found.setdefault(link, []).append(Outcome.PASS if whole is Outcome.PASS else outcome)
    return [
        {"from": sender, "to": to, "outcome": str(fold(outcomes))} for (sender, to), outcomes in found.items()
    ]
