"""
CON-API-01: whether a contract is a valid OpenAPI document, and what else was found while reading it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from joinedup.conformance.anatomy import parts_of, pointer_to
from joinedup.conformance.contract import Contract, Problem
from joinedup.conformance.findings import Finding
from joinedup.conformance.rules import Place, Rule, always, one_finding

_LONGEST_MESSAGE = 160
_VALUE = re.compile(r"^[\[{].*?[\]}] (?=is |does |has |should )", re.DOTALL)


def problems_of_loading(contract: Contract) -> Iterator[Finding]:
    """One finding for each kind of problem that was met while the contract was read and mended."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in contract.problems:
        kinds.setdefault((problem.rule, problem.title), []).append(problem)
    for (rule, title), problems in kinds.items():
        places = [Place(problem.pointer, problem.actual, problem.operations) for problem in problems]
        yield from one_finding(rule, problems[0].requirement, title, problems[0].expected, places)


def breaks_of_openapi(contract: Contract) -> Iterator[Finding]:
    """What an OpenAPI validator still finds in the mended document, so that nothing is reported twice."""
    yield from one_finding(
        "not-valid-openapi",
        "CON-API-01",
        "A part of the contract is not valid OpenAPI",
        f"Every part is as OpenAPI {contract.version[:3]} defines it.",
        (Place(pointer_to(*error.absolute_path), _said(error)) for error in _errors(contract)),
    )


def _errors(contract: Contract) -> list[Any]:
    """The validator's errors; it dies on some real documents, and then says nothing."""
    validator = OpenAPIV31SpecValidator if contract.version.startswith("3.1") else OpenAPIV30SpecValidator
    try:
        return list(validator(contract.document).iter_errors())  # type: ignore[arg-type, unused-ignore]
    except Exception:  # a fault of the validator's own is no finding; our own rules run all the same
        return []


def _said(error: Any) -> str:
    deepest = error
    while getattr(deepest, "context", None):
        real = [inner for inner in deepest.context if "'$ref' is a required property" not in inner.message]
        deepest = max(real or deepest.context, key=lambda inner: len(inner.absolute_path))
    message = _VALUE.sub("it ", str(deepest.message)).replace("\n", " ")
    below = list(deepest.absolute_path)[len(error.absolute_path) :]
    place = f" (at {pointer_to(*below)[1:]})" if below else ""
    shown = message if len(message) <= _LONGEST_MESSAGE else "it is not what OpenAPI allows there"
    return f"{shown}{place}"


def links_to_missing_operations(contract: Contract) -> Iterator[Finding]:
    """Links that name an operation which the contract does not have."""
    yield from one_finding(
        "link-to-missing-operation",
        "CON-API-01",
        "A link leads to an operation that does not exist",
        "Every link names an operation of the contract.",
        _missing_links(contract),
    )


def _missing_links(contract: Contract) -> Iterable[Place]:
    known = {operation.operation_id for operation in contract.operations}
    for part in parts_of(contract.document):
        if part.kind == "link" and isinstance(part.value, dict):
            wanted = part.value.get("operationId")
            if wanted is not None and wanted not in known:
                users = tuple(
                    o.label for o in contract.operations if part.pointer.startswith(o.pointer + "/")
                )
                yield Place(part.pointer, f"it names {wanted}, which does not exist", users)


def _has_links(contract: Contract) -> bool:
    return any(part.kind == "link" for part in parts_of(contract.document))


RULES = (
    Rule("problems-of-loading", "CON-API-01", problems_of_loading, always),
    Rule("not-valid-openapi", "CON-API-01", breaks_of_openapi, always),
    Rule("link-to-missing-operation", "CON-API-01", links_to_missing_operations, _has_links),
)
