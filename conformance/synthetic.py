"""
Made-up people only: NHS numbers in the examples of a contract that may be somebody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stdnum.gb import nhs

from joinedup.conformance.anatomy import parts_of
from joinedup.conformance.contract import Contract
from joinedup.conformance.features import NAMES, Feature
from joinedup.conformance.features import plain as bare
from joinedup.conformance.findings import Finding
from joinedup.conformance.rules import Place, one_finding

_NHS_NAMES = NAMES[Feature.IDENTIFIER_NHS_NUMBER]


def real_people_in_examples(contract: Contract) -> Iterator[Finding]:
    """NHS numbers in examples, defaults and code lists that are valid and not set aside for tests."""
    places = (
        Place(part.pointer, "an example holds a valid NHS number outside the ranges for tests")
        for part in parts_of(contract.document)
        if isinstance(part.value, dict)
        for name, value in _examples(part.kind, part.path, part.value)
        if may_be_real(name, value)
    )
    yield from one_finding(
        "real-nhs-number-in-contract",
        "TST-01",
        "An example in the contract holds an NHS number that may be somebody's",
        "NHS numbers that are set aside for tests, such as those that begin with 999.",
        places,
        advice="Write numbers that begin with 999.",
    )


def may_be_real(name: str, value: object) -> bool:
    """Whether a value by its name is an NHS number, valid, and outside the ranges for tests, which begin with 9."""
    number = re.sub(r"[ -]", "", str(value))
    return bare(name) in _NHS_NAMES and bool(nhs.is_valid(number)) and number[0] != "9"


def _examples(kind: str, path: tuple[str, ...], node: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Every scalar under an example, with the name of the property or parameter that it is one of."""
    own = str(node.get("name", "")) if kind == "parameter" else path[-1] if path else ""
    for key in ("example", "default", "enum", "examples", "value"):
        if key in node and not (key == "value" and kind != "example"):
            yield from _scalars(own, node[key])


def _scalars(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(name if key == "value" else str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(name, inner)
    else:
        yield name, value
