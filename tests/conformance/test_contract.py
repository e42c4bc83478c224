"""Reading a contract: what it refuses, what it lists, and how it judges responses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.contract import Contract, Operation, load_contract, parse_contract
from joinedup.conformance.errors import ConfigurationError, SetupError

CONTRACTS = Path(__file__).parents[1] / "contracts"
REAL = Path(__file__).parents[3] / "shared" / "specs"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real contracts are not beside this checkout (../shared/specs)"
)
OPERATIONS = {
    "dfe-academies-api.json": 38,
    "dfe-npq-registration-v3.yaml": 22,
    "dfe-register-trainee-teachers-2026.1.yaml": 20,
    "govuk-pay-publicapi.json": 16,
    "hmrc-individual-losses-7.json": 3,
    "hmrc-vat-mtd-1.json": 8,
    "nhs-booking-and-referral.json": 8,
    "nhs-e-referrals.json": 40,
    "nhs-eps.json": 8,
    "nhs-identity-service.json": 2,
    "nhs-immunisation-fhir.json": 6,
    "nhs-mesh-api.json": 13,
    "nhs-notify-supplier-sandbox.yaml": 7,
    "nhs-nrl-producer.json": 8,
    "nhs-personal-demographics.json": 7,
    "nhs-prescriptions-for-patients.json": 1,
    "nhs-spine-directory.json": 2,
    "nhs-validated-relationships.json": 7,
    "prefect-server.json": 187,
}
JSON = {"Content-Type": "application/json; charset=utf-8"}
CHILD: dict[str, Any] = {"givenName": "Siân", "childId": "7d0c1f2e-5a4b-4c3d-8e9f-0a1b2c3d4e5f"}


def minimal(**schema: object) -> bytes:
    """A contract of one operation that answers with a schema."""
    content = {"application/json": {"schema": schema}}
    operation = {"operationId": "one", "responses": {"200": {"description": "OK", "content": content}}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": {"/one": {"get": operation}},
    }
    return json.dumps(document).encode()


def of(contract: Contract, label: str) -> Operation:
    """The operation of a label, which must be there."""
    operation = contract.operation(label)
    assert operation is not None
    return operation


@pytest.fixture(scope="module")
def sound() -> Contract:
    """Our contract with nothing wrong in it."""
    return load_contract(CONTRACTS / "sound.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "neither JSON nor YAML"),
        (b"<html><body>a: b: c</body></html>", "neither JSON nor YAML"),
        (b"just words", "top level is not an object"),
        (b"", "top level is not an object"),
        (b'{"swagger": "2.0"}', "Convert it"),
        (b'{"openapi": "2.5.0"}', "not an OpenAPI 3.0 or 3.1"),
        (b'{"info": {}}', "no 'openapi' key"),
        (b"\xff\xfeo\x00", "not UTF-8"),
        (b'{"openapi": "3.0.0", "x": ' + b"[" * 300 + b"]" * 300 + b"}", "levels deep"),
        (b"- " * 300_000 + b"a", "levels deep"),
        (b"a: &a [*a]", "levels deep"),
        (b" " * (20 * 1024 * 1024 + 1), "at most"),
    ],
)
def test_refuses_what_is_no_contract(text: bytes, message: str) -> None:
    """What cannot be a contract is refused with a sentence that says why."""
    with pytest.raises(ConfigurationError, match=message):
        parse_contract(text, origin="contract.yaml")


def test_aliases_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few lines of aliases that grow to billions of values are refused."""
    monkeypatch.setattr("joinedup.conformance.document.MAX_NODES", 20_000)
    lines = [
        "openapi: 3.0.0",
        "a0: &a0 [x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)),
    ]
    with pytest.raises(ConfigurationError, match="aliases"):
        parse_contract("\n".join(lines).encode(), origin="bomb.yaml")


def test_merge_keys_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge keys count against the same budget."""
    monkeypatch.setattr("joinedup.conformance.document.MAX_NODES", 20_000)
    lines = [
        "openapi: 3.0.0",
        "a0: &a0 {k: v}",
        *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)),
    ]
    with pytest.raises(ConfigurationError, match="aliases"):
        parse_contract("\n".join(lines).encode(), origin="bomb.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A contract that is not there is named in the message."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml cannot be read"):
        load_contract("nowhere.yaml", folder=tmp_path)


def test_an_address_needs_a_way_to_read_it() -> None:
    """An address is only read by what the caller gives for it."""
    with pytest.raises(ConfigurationError, match="nothing was given"):
        load_contract("https://children.example/openapi.yaml")


def test_reads_an_address_as_the_caller_says() -> None:
    """The caller's way of reading addresses is used, for the contract alone."""
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return minimal(type="object")

    contract = load_contract("https://children.example/openapi.json", fetch=fetch)
    assert [operation.label for operation in contract.operations] == ["GET /one"]
    assert asked == ["https://children.example/openapi.json"]


def test_yaml_is_read_as_openapi_means_it() -> None:
    """Dates, words and times stay text; aliases and numeric keys are read; a repeated key is noticed."""
    contract = load_contract(CONTRACTS / "yaml.yaml")
    operation = of(contract, "GET /days")
    assert contract.document["info"]["title"] == "2026-01-01"
    assert operation.parameters[0].schema["enum"] == [
        "2026-01-01",
        "no",
        "10:30",
        "07700900123",
        12,
        1.5,
        None,
    ]
    assert operation.operation_id == "no"
    assert {status: response["description"] for status, response in operation.responses.items()} == {
        "200": "Shared",
        "404": "Shared",
    }
    assert [(p.rule, p.pointer) for p in contract.problems] == [
        ("duplicate-key", "#/paths/~1days/get/summary")
    ]


def test_a_repeated_key_in_json_is_noticed() -> None:
    """JSON's repeated keys are found with their pointer."""
    text = minimal(type="object").replace(b'"title": "T"', b'"title": "T", "title": "U"')
    assert [p.pointer for p in parse_contract(text, origin="c.json").problems] == ["#/info/title"]


def test_lists_operations_with_what_they_take(sound: Contract) -> None:
    """Operations come in contract order, with parameters of the path, body, security and pointer."""
    assert [o.label for o in sound.operations] == [
        "GET /children",
        "POST /children",
        "GET /children/{childId}",
        "PUT /children/{childId}",
        "GET /health",
    ]
    changed = of(sound, "PUT /children/{childId}")
    assert [(p.name, p.location, p.required) for p in changed.parameters] == [
        ("If-Match", "header", True),
        ("childId", "path", True),
    ]
    assert changed.pointer == "#/paths/~1children~1{childId}/put"
    assert changed.body is not None
    assert list(changed.body.media_types) == ["application/json"]
    assert (changed.public, of(sound, "GET /health").public) == (False, True)
    assert changed.security == ({"token": ("children.write",)},)


def test_knows_its_own_words(sound: Contract) -> None:
    """Declared values and names are known, so that they may be shown; they are read from schemas, not guessed."""
    assert {"open", "closed", "Siân", "correct horse"} <= sound.declared_values
    assert {"givenName", "childId", "If-Match", "X-Request-ID"} <= sound.property_names
    assert "Children" not in sound.declared_values


def test_the_fixed_parts_of_its_paths_are_its_own_words() -> None:
    """An answer that happens to say ``4`` does not make the ``4`` of ``/api/4/all`` a secret; parameters say nothing."""
    document = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/api/4/all/{id}": {}}}
    contract = parse_contract(json.dumps(document).encode(), origin="contract.json")
    assert {"api", "4", "all"} <= contract.declared_values
    assert "{id}" not in contract.declared_values


@pytest.mark.parametrize(
    ("label", "status", "body", "breach"),
    [
        ("GET /children/{childId}", 200, CHILD, None),
        ("GET /children/{childId}", 200, {**CHILD, "status": None, "carer": None}, None),
        ("GET /children/{childId}", 200, {**CHILD, "password": "kept"}, None),
        (
            "GET /children/{childId}",
            200,
            {**CHILD, "carer": {"relation": "aunt", "carer": {"relation": "x"}}},
            None,
        ),
        (
            "GET /children/{childId}",
            200,
            {"givenName": "Siân"},
            ("required", "/components/schemas/Child/required", ""),
        ),
        (
            "GET /children/{childId}",
            200,
            {**CHILD, "givenName": 5},
            ("type", "/components/schemas/Child/properties/givenName/type", "/givenName"),
        ),
        (
            "GET /children/{childId}",
            200,
            {**CHILD, "status": "lost"},
            ("enum", "/components/schemas/Child/properties/status/enum", "/status"),
        ),
        (
            "GET /children/{childId}",
            200,
            {**CHILD, "bornOn": "01/02/2020"},
            ("format", "/components/schemas/Child/properties/bornOn/format", "/bornOn"),
        ),
        (
            "GET /children/{childId}",
            200,
            {**CHILD, "score": 0},
            ("exclusiveMinimum", "/components/schemas/Child/properties/score/exclusiveMinimum", "/score"),
        ),
        (
            "GET /children/{childId}",
            200,
            {**CHILD, "carer": {"relation": "aunt", "carer": {}}},
            ("required", "/components/schemas/Carer/required", "/carer/carer"),
        ),
        ("GET /children", 200, {"items": [CHILD], "next": None}, None),
        (
            "GET /children",
            200,
            {"items": [{**CHILD, "childId": "1"}]},
            ("format", "/components/schemas/Child/properties/childId/format", "/items/*/childId"),
        ),
    ],
)
def test_judges_bodies_by_their_schema(
    sound: Contract, label: str, status: int, body: object, breach: tuple[str, str, str] | None
) -> None:
    """A body is judged by its schema, and an error points into the component as it is written."""
    headers = {**JSON, "X-Request-ID": CHILD["childId"]}
    found = sound.response_problems(of(sound, label), status, headers, json.dumps(body).encode())
    assert [(b.keyword, b.pointer[1:], b.instance_path) for b in found] == ([breach] if breach else [])


@pytest.mark.parametrize(
    ("label", "status", "headers", "body", "kinds"),
    [
        (
            "GET /children/{childId}",
            404,
            {"Content-Type": "application/problem+json"},
            b'{"status": 404}',
            [],
        ),
        ("GET /children/{childId}", 404, {"Content-Type": "application/problem+json"}, b"{}", ["schema"]),
        ("GET /children/{childId}", 200, {"Content-Type": "text/html"}, b"<p>", ["undeclared-media-type"]),
        ("GET /children/{childId}", 200, {}, b"{}", ["undeclared-media-type"]),
        (
            "GET /children/{childId}",
            200,
            {"content-type": "APPLICATION/JSON"},
            b"{nope",
            ["body-not-parsable"],
        ),
        ("GET /children/{childId}", 200, JSON, b"", ["body-not-parsable"]),
        ("GET /children/{childId}", 200, JSON, b'{"givenName": NaN}', ["body-not-parsable"]),
        ("GET /children/{childId}", 200, JSON, b"[" * 100_000, ["body-not-parsable"]),
        ("GET /children/{childId}", 200, {"Content-Type": "application/xml"}, b"<child/>", []),
        ("POST /children", 418, JSON, b"{}", ["undeclared-media-type"]),
        ("POST /children", 200, JSON, b"{}", ["undeclared-status"]),
        ("PUT /children/{childId}", 204, {}, b"", []),
        ("PUT /children/{childId}", 412, {"Content-Type": "text/plain"}, b"stale", []),
        ("GET /children", 200, JSON, b'{"items": []}', ["header-missing"]),
        ("GET /children", 200, {**JSON, "x-request-id": "12"}, b'{"items": []}', ["header-invalid"]),
        (
            "GET /children",
            200,
            {**JSON, "x-request-id": CHILD["childId"], "X-Total": "many"},
            b'{"items": []}',
            ["header-invalid"],
        ),
        (
            "GET /children",
            200,
            {**JSON, "x-request-id": CHILD["childId"], "X-Total": "3"},
            b'{"items": []}',
            [],
        ),
    ],
)
def test_judges_status_media_type_and_headers(
    sound: Contract, label: str, status: int, headers: dict[str, str], body: bytes, kinds: list[str]
) -> None:
    """Status, media type, headers and the form of the body are judged by what is declared, and by no more."""
    found = sound.response_problems(of(sound, label), status, headers, body)
    assert [breach.kind for breach in found] == kinds


def test_no_value_of_a_body_is_told(sound: Contract) -> None:
    """What a breach says comes from the contract: values, and names it does not declare, are left out."""
    secret = "9990000018"
    body = {"givenName": 5, "status": secret, "bornOn": secret, "childId": secret, secret: {"a": secret}}
    found = sound.response_problems(
        of(sound, "GET /children/{childId}"), 200, JSON, json.dumps(body).encode()
    )
    assert len(found) >= 4
    assert secret not in repr(found)


@pytest.mark.parametrize(
    ("media_type", "body", "expected"),
    [
        ("application/json; version=1", {"kind": "move", "to": "school"}, []),
        ("application/json", {"kind": "birth", "weight": None}, []),
        ("application/json", {"kind": "move"}, [("required", "#/components/schemas/Move/required")]),
        (
            "application/json",
            {"kind": "birth", "weight": 0},
            [("exclusiveMinimum", "#/components/schemas/Birth/properties/weight/exclusiveMinimum")],
        ),
        (
            "application/json",
            {"kind": "birth", "place": "Llanelli"},
            [("maxLength", "#/components/schemas/Birth/$defs/Place/maxLength")],
        ),
        ("application/json", {"kind": "other"}, [("anyOf", "#/components/schemas/Event/oneOf")]),
        ("application/vnd.other+json", {"anything": 1}, []),
    ],
)
def test_judges_by_the_later_dialect(media_type: str, body: object, expected: list[tuple[str, str]]) -> None:
    """OpenAPI 3.1's own keywords, discriminators and media type ranges are understood."""
    contract = load_contract(CONTRACTS / "modern.yaml")
    operation = of(contract, "GET /events/{eventId}")
    found = contract.response_problems(
        operation, 200, {"content-type": media_type}, json.dumps(body).encode()
    )
    assert [(breach.keyword, breach.pointer) for breach in found] == expected


def test_identifiers_are_references_too() -> None:
    """A schema that is named by $id is found by it, and nothing is fetched."""
    contract = load_contract(CONTRACTS / "modern.yaml")
    operation = of(contract, "GET /events/{eventId}")
    found = contract.response_problems(operation, 400, JSON, b'{"code": "x"}')
    assert [breach.pointer for breach in found] == ["#/components/schemas/Fault/properties/code/type"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "format": "byte"}, "not base64"),
        ({"type": "string", "format": "binary"}, "x"),
        ({"type": "string", "format": "nhs-number"}, "x"),
        ({"nullable": True, "type": "string", "enum": ["a"]}, None),
        ({"type": "object", "nullable": True, "oneOf": [{"type": "object"}]}, None),
        ({"type": "string", "pattern": r"^\p{L}+$"}, "Łukasz"),
        ({"type": "string", "pattern": "(broken"}, "anything"),
        ({"type": "number"}, 10**400),
        (
            {"oneOf": [{"type": "object"}, {"properties": {}}], "discriminator": {"propertyName": "k"}},
            {"k": 1},
        ),
        ({"type": "integer"}, 1.0),
        ({"example": {"$ref": "#/nowhere"}}, 1),
    ],
)
def test_never_a_false_breach(schema: dict[str, Any], value: object) -> None:
    """What the contract does not rule out, or says unreadably, is not held against an answer."""
    contract = parse_contract(minimal(**schema), origin="c.json")
    found = contract.response_problems(contract.operations[0], 200, JSON, json.dumps(value).encode())
    assert found == []


def test_a_slow_pattern_does_not_hang_the_judge() -> None:
    """A pattern that backtracks without end is judged within bounds, and kept from generators."""
    contract = parse_contract(minimal(type="string", pattern="^(a+)+$"), origin="c.json")
    body = json.dumps("a" * 5_000 + "b").encode()
    found = contract.response_problems(contract.operations[0], 200, JSON, body)
    assert [breach.keyword for breach in found] == ["pattern"]
    assert "pattern" not in json.dumps(contract.operations[0].responses["200"]["content"]).replace(
        "x-joinedup-pattern", ""
    )


def test_a_deep_body_is_not_followed_to_the_end_of_the_stack(sound: Contract) -> None:
    """A body nested deeper than is safe is not validated by recursion, which would end the process."""
    body = b'{"carer":' * 450 + b"{}" + b"}" * 450
    assert sound.response_problems(of(sound, "GET /children/{childId}"), 200, JSON, body) == []


def test_the_hash_is_of_the_bytes(sound: Contract) -> None:
    """A contract's hash is the SHA-256 of what was read."""
    assert sound.original_hash == hashlib.sha256((CONTRACTS / "sound.yaml").read_bytes()).hexdigest()
    assert sound.version == "3.0.3"


PLACED = """
openapi: 3.1.0
info: {{title: Records, version: "{version}"}}
servers: [{{url: "{address}"}}]
paths: {{}}
components:
  securitySchemes:
    tokens: {{type: oauth2, flows: {{clientCredentials: {{tokenUrl: "{token_url}", scopes: {{}}}}}}}}
"""


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"address": "http://127.0.0.1:2"}, True),
        ({"token_url": "http://127.0.0.1:3/token"}, True),
        ({"version": "2"}, False),
    ],
)
def test_one_hash_does_not_depend_on_where_a_system_is(change: dict[str, str], same: bool) -> None:
    """Addresses of the servers and of the token server do not count, and everything else does."""
    first = {"version": "1", "address": "http://127.0.0.1:1", "token_url": "http://127.0.0.1:1/token"}
    one, other = (
        parse_contract(PLACED.format(**placed).encode(), origin="x")
        for placed in (first, {**first, **change})
    )
    assert (one.unplaced_hash == other.unplaced_hash) is same
    assert one.original_hash != other.original_hash


@needs_real
@pytest.mark.parametrize(("name", "count"), OPERATIONS.items())
def test_lists_every_operation_of_a_real_contract(name: str, count: int) -> None:
    """Each real contract loads, lists its operations, and every response schema can be used."""
    contract = load_contract(REAL / name)
    assert len(contract.operations) == count
    assert len({operation.label for operation in contract.operations}) == count
    assert not [p for p in contract.problems if p.title == "A schema cannot be used to judge values"]


def test_a_fault_of_the_network_is_not_swallowed() -> None:
    """What the caller's way of reading raises for the contract itself reaches the caller."""

    def fetch(url: str) -> bytes:
        raise SetupError(f"{url} does not answer.")

    with pytest.raises(SetupError, match="does not answer"):
        load_contract("https://children.example/openapi.yaml", fetch=fetch)
