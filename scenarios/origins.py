"""
Where in a system's own answer a value of a journey came from.

A journey speaks of outputs of capabilities. Whoever has to mend a system needs its own path and field instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from joinedup.scenarios.expressions import Expression
from joinedup.scenarios.model import Criterion, Workflow
from joinedup.scenarios.played import Sent


def where(place: object, criterion: Criterion | None, called: Workflow, last: Sent | None) -> str:
    """The place in the document, then request, system, and the places in the answer that a criterion looks at."""
    request = f"{last.exchange.step.operation} of {last.system}" if last else ""
    looked_at = (criterion.expressions if criterion else ()) if last else ()
    fields = ", ".join(dict.fromkeys(_fields(looked_at, called)))
    return f"{place}; {', '.join(part for part in (request, fields) if part)}" if request else str(place)


def _fields(expressions: Iterable[Expression], called: Workflow) -> Iterator[str]:
    for expression in expressions:
        if expression.root == "outputs" and expression.parts:
            origin = _origin(called, str(expression.parts[0]))
            if origin is not None and origin.root == "response":
                yield from _field(origin)


def _origin(called: Workflow, name: str) -> Expression | None:
    """The expression by which a step of the called workflow took an output from an answer."""
    written = called.outputs.get(name)
    if written is None or written.root != "steps" or len(written.parts) < 3:
        return written
    step = called.step(str(written.parts[0]))
    return step.outputs.get(str(written.parts[2])) if step else None


def _field(origin: Expression) -> Iterator[str]:
    if origin.parts[:1] == ("header",):
        yield f"header {origin.parts[-1]}"
    elif origin.pointer:
        yield _pointer(origin.pointer)


def _pointer(tokens: Iterable[str]) -> str:
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
