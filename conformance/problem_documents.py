"""
Problem documents (RFC 9457): whether a refusal that is declared as one is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from joinedup.conformance.evidence import Suspicion
from joinedup.conformance.exchanges import Exchange
from joinedup.conformance.expect import Expectation
from joinedup.conformance.operations import Operation

PROBLEM = "application/problem+json"
_TEXTS = ("type", "title", "detail", "instance")


def declares_problem(operation: Operation, status: int) -> bool:
    """Whether the contract declares a problem document, and no other media type, for a status of an operation."""
    text = str(status)
    response = (
        operation.responses.get(text)
        or operation.responses.get(f"{text[0]}XX")
        or operation.responses.get("default")
        or {}
    )
    names = {name.partition(";")[0].strip().lower() for name in response.get("content") or {}}
    return names == {PROBLEM}


def faults_of(exchange: Exchange) -> Iterator[Suspicion]:
    """What is wrong with a refusal that should be a problem document; the first fault only."""
    response = exchange.response
    if response is None or exchange.step.method == "HEAD":
        return
    body = exchange.json()
    if response.media_type != PROBLEM:
        expectation = Expectation(header="Content-Type", matches=r"(?i)application/problem\+json\b.*")
        said = f"{response.media_type or 'no media type'}"
        yield _suspicion(exchange, f"the media type {said}", expectation, "media type")
    elif not isinstance(body, dict):
        yield _suspicion(
            exchange, "a body that is no JSON object", Expectation(unlike=r"\A\s*[^{\s]"), "no object"
        )
    elif (wrong := _wrong_member(body)) is not None:
        yield _suspicion(
            exchange, f"a {wrong} that is no text", Expectation(text_at=(f"/{wrong}", ".*")), wrong
        )
    elif body.get("status", exchange.status) != exchange.status:
        said = "a status member that says otherwise"
        yield _suspicion(exchange, said, Expectation(at=("/status", exchange.status)), "status")


def _wrong_member(body: dict[str, Any]) -> str | None:
    return next((name for name in _TEXTS if not isinstance(body.get(name, ""), str)), None)


def _suspicion(exchange: Exchange, what: str, expectation: Expectation, cause: str) -> Suspicion:
    return Suspicion(
        rule="no-problem-document",
        requirements=("ERR-01",),
        title="A refusal is not the problem document that the contract declares",
        expected=f"{PROBLEM}, a JSON object whose status is that of the answer.",
        actual=f"{exchange.status} with {what}.",
        exchanges=(exchange,),
        expectation=expectation,
        cause=f"problem {cause}",
    )
