"""Answers under load are judged as they are in a check, only faster."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from stdnum.gb import nhs

from joinedup.conformance.contract import Contract, parse_contract
from joinedup.conformance.errors import RealDataError
from joinedup.conformance.real_people import refuse_real_people
from joinedup.conformance.redaction import Redactor
from joinedup.scenarios.load_validation import Allowance, SampledValidator

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Children", "version": "1"},
    "paths": {
        "/children": {
            "get": {
                "operationId": "listChildren",
                "responses": {
                    "200": {
                        "description": "Children.",
                        "headers": {
                            "X-Request-ID": {"required": True, "schema": {"type": "string", "minLength": 3}}
                        },
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["count"],
                                    "properties": {"count": {"type": "integer"}},
                                }
                            }
                        },
                    },
                    "204": {"description": "None."},
                },
            }
        }
    },
}


def _validator(contract: Contract, allowance: Allowance | None = None) -> SampledValidator:
    return SampledValidator(
        contract._responses, allowance or Allowance(), shown=Redactor(), system="register"
    )


GOOD = {"content-type": "application/json", "x-request-id": "abc"}


@pytest.fixture(scope="module")
def contract() -> Contract:
    """A contract with one operation."""
    return parse_contract(json.dumps(DOCUMENT).encode(), origin="children.json")


@pytest.mark.parametrize(
    ("status", "headers", "body", "kinds"),
    [
        (200, {}, b'{"count": 1}', []),
        (200, {}, b'{"count": "1"}', ["schema"]),
        (200, {}, b"{}", ["schema"]),
        (200, {}, b"{", ["body-not-parsable"]),
        (200, {}, b'{"count": NaN}', ["body-not-parsable"]),
        (200, {}, b'{"count": 1, "deep": ' + b"[" * 390 + b"]" * 390 + b"}", []),
        (200, {"x-request-id": "a"}, b'{"count": 1}', ["header-invalid"]),
        (200, {"x-request-id": None}, b'{"count": 1}', ["header-missing"]),
        (200, {"content-type": "text/plain"}, b"1", ["undeclared-media-type"]),
        (204, {"content-type": None}, b"", []),
        (418, {}, b"{}", ["undeclared-status"]),
        (503, {}, b"{}", []),
    ],
)
def test_the_fast_way_finds_the_same(
    contract: Contract, status: int, headers: dict[str, Any], body: bytes, kinds: list[str]
) -> None:
    """Each way to break a contract is found, also the second time; statuses of the HTTP layer need no declaration."""
    operation = contract.operations[0]
    validator = _validator(contract)
    sent = {name: value for name, value in {**GOOD, **headers}.items() if value is not None}
    for _ in range(2):
        assert [breach.kind for breach in validator.breaches(operation, status, sent, body)] == kinds
    assert validator.judged == 2


def test_a_share_of_nothing_judges_nothing(contract: Contract) -> None:
    """Validation can be left out."""
    validator = _validator(contract, Allowance(0.0))
    assert validator.breaches(contract.operations[0], 418, {}, b"") == []
    assert validator.judged == 0


def test_what_was_right_before_is_right_again_only_if_it_is_the_same(contract: Contract) -> None:
    """Bodies that were right are remembered; another body and other headers are judged anew."""
    validator, operation = _validator(contract), contract.operations[0]
    for _ in range(3):
        assert validator.breaches(operation, 200, GOOD, b'{"count": 1}') == []
    assert [b.kind for b in validator.breaches(operation, 200, GOOD, b'{"count": ""}')] == ["schema"]
    short = {**GOOD, "x-request-id": "a"}
    assert [b.kind for b in validator.breaches(operation, 200, short, b'{"count": 1}')] == ["header-invalid"]


@pytest.mark.parametrize(
    ("answers_a_second", "a_second", "judged"), [(10, 0, 50), (10, 20, 50), (10, 5, 29), (100, 10, 59)]
)
def test_no_more_is_judged_a_second_than_is_allowed(
    answers_a_second: int, a_second: float, judged: int
) -> None:
    """Every answer is judged up to a rate, and above it so many a second, after a second's worth at once."""
    clock = itertools.count()
    allowance = Allowance(1.0, a_second, now=lambda: next(clock) / answers_a_second)
    assert sum(allowance.takes_one() for _ in range(5 * answers_a_second)) == judged


def _somebodys() -> str:
    """A number that might be somebody's: of a range that is given to people, with a right check digit."""
    return next(n for n in map(str, range(4_000_000_000, 4_000_000_100)) if nhs.is_valid(n))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, '{"count": 1, "nhsNumber": "%s"}'),
        ({}, '{"count": 1, "text": "known as %s."}'),
        ({}, '{"count": 1, "nhsNumber": %s}'),
        ({}, '{"count": "%s"}'),
        ({"location": "/children/%s"}, '{"count": 1}'),
    ],
)
def test_real_people_stop_the_load(contract: Contract, headers: dict[str, str], body: str) -> None:
    """An answer that looks like real people is refused, also where it keeps its contract; its number is not repeated."""
    number = _somebodys()
    sent = {**GOOD, **{name: value.replace("%s", number) for name, value in headers.items()}}
    with pytest.raises(RealDataError, match="GET /children of register") as refused:
        _validator(contract).breaches(contract.operations[0], 200, sent, body.replace("%s", number).encode())
    assert number not in refused.value.message


@pytest.mark.parametrize("shape", ["%s", "{0} {1} {2}", "{0}-{1}-{2}"])
def test_whatever_a_check_refuses_a_load_looks_at(contract: Contract, shape: str) -> None:
    """The quick look of a load lets nothing through that the look of a check finds."""
    numbers = [str(n) for start in range(0, 10**10, 10**9 // 3) for n in range(start, start + 30)]
    operation, found = contract.operations[0], 0
    for number in (each.zfill(10) for each in numbers):
        written = number if shape == "%s" else shape.format(number[:3], number[3:6], number[6:])
        body = json.dumps({"count": 1, "text": f"is {written}"}).encode()
        try:
            refuse_real_people(body, where="", ours=Redactor())
        except RealDataError:
            found += 1
            with pytest.raises(RealDataError):
                _validator(contract).breaches(operation, 200, GOOD, body)
    assert found > 10


def test_what_was_sent_is_nobody(contract: Contract) -> None:
    """A number that the load itself sends stops nothing, as in a check."""
    shown = Redactor()
    shown.sent({"nhsNumber": _somebodys()})
    validator = SampledValidator(contract._responses, Allowance(), shown=shown, system="register")
    body = json.dumps({"count": 1, "nhsNumber": _somebodys()}).encode()
    assert validator.breaches(contract.operations[0], 200, GOOD, body) == []
