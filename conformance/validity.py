"""
CON-API-01: whether a contract is a valid OpenAPI document, and what else was found while reading it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache

import jsonschema_rs
from openapi_spec_validator.schemas import schema_v30, schema_v31

from joinedup.conformance.anatomy import parts_of, pointer_to
from joinedup.conformance.contract import Contract, Problem
from joinedup.conformance.expectations import claim
from joinedup.conformance.findings import Finding
from joinedup.conformance.rules import Place, Rule, always, one_finding
from joinedup.conformance.usage import users_of


def problems_of_loading(contract: Contract) -> Iterator[Finding]:
    """One finding for each kind of problem that was met while the contract was read and mended."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in contract.problems:
        kinds.setdefault((problem.rule, problem.title), []).append(problem)
    for (rule, title), problems in kinds.items():
        places = [Place(problem.pointer, problem.actual, problem.operations) for problem in problems]
        yield from one_finding(rule, problems[0].requirement, title, problems[0].expected, places)


def breaks_of_openapi(contract: Contract) -> Iterator[Finding]:
    """What the definition of OpenAPI still rules out in the mended document, so that nothing is reported twice."""
    users = users_of(contract.document, contract.operations)
    yield from one_finding(
        "not-valid-openapi",
        "CON-API-01",
        "A part of the contract is not valid OpenAPI",
        f"Every part is as OpenAPI {contract.version[:3]} defines it.",
        (
            Place(pointer, said, users(pointer))
            for leaf in _breaches(contract)
            for pointer, said in [
                (pointer_to(*leaf.instance_path), f"expected: it {claim(leaf)}{_unexpected(leaf)}")
            ]
        ),
    )


def _breaches(contract: Contract) -> Iterator[jsonschema_rs.ValidationError]:
    """
    Where the document departs from the definition of OpenAPI as openapi-spec-validator ships it.

    That package's own validator dies on some real documents (KeyError, PointerToNowhere) and takes seconds on
    large ones; what it finds beyond the definition is found when the contract is mended.
    """
    for error in _definition(contract.version[:3]).iter_errors(contract.document):
        yield from _deepest(error)


@cache
def _definition(version: str) -> jsonschema_rs.Validator:
    definition = {"3.0": schema_v30, "3.1": schema_v31}[version]
    return jsonschema_rs.validator_for(json.loads(json.dumps(dict(definition))), offline=True)


def _unexpected(leaf: jsonschema_rs.ValidationError) -> str:
    names = getattr(leaf.kind, "unexpected", None)
    return f", not {', '.join(str(name) for name in names[:5])}" if names else ""


def _deepest(error: jsonschema_rs.ValidationError) -> Iterator[jsonschema_rs.ValidationError]:
    """What is wrong with the alternative that was meant: the one that is no reference."""
    context = getattr(error.kind, "context", None) or []
    meant = [b for b in context if b and not any(getattr(e.kind, "property", "") == "$ref" for e in b)]
    if not meant:
        yield error
        return
    for inner in max(meant, key=lambda branch: max(len(e.instance_path) for e in branch)):
        yield from _deepest(inner)


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
