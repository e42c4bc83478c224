"""Which names mean personal data."""

from __future__ import annotations

import pytest

from joinedup.conformance.contract import parse_contract
from joinedup.conformance.personal_data import is_personal_name

CONTRACT = """
openapi: 3.1.0
info: {title: Things, version: "1"}
paths:
  /variables/{id}:
    patch: {operationId: changeVariable, responses: {"200": {description: Changed}}}
  /children/{id}:
    patch: {operationId: changeChild, responses: {"200": {description: Changed}}}
"""


@pytest.mark.parametrize(
    ("name", "operation", "personal"),
    [
        ("name", "PATCH /variables/{id}", False),
        ("name", "PATCH /children/{id}", True),
        ("dateofbirth", "PATCH /variables/{id}", True),
        ("colour", "PATCH /children/{id}", False),
        ("name", "", True),
    ],
)
def test_a_variable_has_a_name_too(name: str, operation: str, personal: bool) -> None:
    """A bare name or address is personal only where the operation is about people; a date of birth always is."""
    assert (
        is_personal_name(name, parse_contract(CONTRACT.encode(), origin="x").operation(operation)) is personal
    )
