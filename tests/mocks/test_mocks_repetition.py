"""A repetition that comes while its request is under way is refused as each contract says."""

from __future__ import annotations

import pytest

from joinedup.mocks.bundle import contract_names, each_operation, load_contract

CREATES = [
    pytest.param(operation, id=f"{name}-{operation['operationId']}")
    for name in contract_names()
    for _path, _method, operation in each_operation(load_contract(name))
    if "201" in operation["responses"]
    and any("RequestId" in str(p) or "X-Request-ID" in str(p) for p in operation.get("parameters", []))
]


@pytest.mark.parametrize("operation", CREATES)
def test_every_create_declares_the_conflict(operation: dict[str, object]) -> None:
    """An operation that makes something once for a request id declares the 409 of a repetition in flight."""
    responses = operation["responses"]
    assert isinstance(responses, dict)
    assert "409" in responses
