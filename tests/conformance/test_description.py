"""What a contract says of itself is judged: each rule finds its own fault and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from joinedup.conformance.anatomy import look_up, tokens_of
from joinedup.conformance.contract import Contract, load_contract, parse_contract
from joinedup.conformance.description import RULES, description_rules, is_applicable, judge_description
from joinedup.conformance.findings import Finding

CONTRACTS = Path(__file__).parents[1] / "contracts"
REAL = Path(__file__).parents[3] / "shared" / "specs"
SOUND: dict[str, Any] = load_contract(CONTRACTS / "sound.yaml").document
LIST = "#/paths/~1children/get"
ADD = "#/paths/~1children/post"
ITEM = "#/paths/~1children~1{childId}"
CHILD = "#/components/schemas/Child/properties"
GONE = object()

Change = Callable[[dict[str, Any]], None]


def put(pointer: str, value: object) -> Change:
    """A change that puts a value at a pointer, or takes away what is there."""

    def change(document: dict[str, Any]) -> None:
        *path, last = tokens_of(pointer)
        holder: Any = look_up(document, tuple(path))
        if value is GONE:
            del holder[last]
        elif isinstance(holder, list):
            holder.insert(int(last), value)
        else:
            holder[last] = value

    return change


def move(old: str, new: str) -> Change:
    """A change that gives a path another template."""

    def change(document: dict[str, Any]) -> None:
        document["paths"] = {new if path == old else path: item for path, item in document["paths"].items()}

    return change


def below(prefix: str) -> Change:
    """A change that puts every path below a prefix."""

    def change(document: dict[str, Any]) -> None:
        document["paths"] = {prefix + path: item for path, item in document["paths"].items()}

    return change


def changed(*changes: Change) -> Contract:
    """Our sound contract with something changed."""
    document = copy.deepcopy(SOUND)
    for change in changes:
        change(document)
    return parse_contract(json.dumps(document).encode(), origin="changed.json")


def query(name: str, **more: object) -> Change:
    """A change that adds a query parameter to the list of children."""
    return put(f"{LIST}/parameters/0", {"name": name, "in": "query", "schema": {"type": "string"}, **more})


DATE = {"type": "string"}
FAULTS: list[tuple[str, str, list[Change]]] = [
    ("not-valid-openapi", "CON-API-01", [put("#/info/title", GONE)]),
    ("not-valid-openapi", "CON-API-01", [put(f"{LIST}/unheard-of", 1)]),
    ("security-scheme-not-defined", "CON-API-01", [put(f"{LIST}/security", [{"nowhere": []}])]),
    (
        "link-to-missing-operation",
        "CON-API-01",
        [put(f"{ADD}/responses/201/links", {"read": {"operationId": "nowhere"}})],
    ),
    ("dangling-reference", "CON-API-01", [put(f"{CHILD}/carer", {"$ref": "#/components/schemas/Nobody"})]),
    ("operation-without-id", "CON-API-02", [put(f"{LIST}/operationId", GONE)]),
    ("operation-without-summary", "CON-API-02", [put(f"{LIST}/summary", GONE)]),
    ("operation-without-success", "CON-API-02", [put(f"{LIST}/responses/200", GONE)]),
    ("operation-without-error", "CON-API-02", [put(f"{LIST}/responses/429", GONE)]),
    ("example-breaks-schema", "CON-API-02", [put(f"{CHILD}/bornOn/example", "1 May")]),
    ("example-breaks-schema", "CON-API-02", [put(f"{CHILD}/status/default", "lost")]),
    (
        "example-breaks-schema",
        "CON-API-02",
        [put(f"{ADD}/requestBody/content/application~1json/example", {"givenName": ""})],
    ),
    (
        "example-breaks-schema",
        "CON-API-02",
        [query("born", schema={"type": "string", "format": "date"}, example="x")],
    ),
    (
        "json-not-offered",
        "CON-API-05",
        [put(f"{ITEM}/get/responses/200/content", {"application/xml": {"schema": {"type": "string"}}})],
    ),
    (
        "top-level-not-object",
        "CON-API-05",
        [put(f"{LIST}/responses/200/content/application~1json/schema", {"type": "array", "items": {}})],
    ),
    ("mixed-property-case", "CON-API-06", [put(f"{CHILD}/first_language", {"type": "string"})]),
    (
        "data-as-property-name",
        "CON-API-06",
        [put(f"{LIST}/responses/200/content/application~1json/example", {"items": [], "9990000018": {}})],
    ),
    ("verb-in-path", "CON-API-07", [move("/health", "/get-health")]),
    ("verb-in-path", "CON-API-07", [move("/health", "/getHealth"), put("#/info/x-both", 1)]),
    ("path-not-hyphenated", "CON-API-07", [move("/health", "/service_health")]),
    ("path-not-hyphenated", "CON-API-07", [move("/health", "/serviceHealth")]),
    ("path-too-deep", "CON-API-07", [move("/health", "/a/{a}/b/{b}/c/{c}/d/{d}/e")]),
    (
        "action-in-query",
        "CON-API-07",
        [query("action", schema={"type": "string", "enum": ["delete", "add"]})],
    ),
    ("date-without-format", "CON-API-09", [put(f"{CHILD}/dateOfBirth", DATE)]),
    ("date-without-format", "CON-API-09", [put(f"{CHILD}/updatedAt", {"type": "integer"})]),
    ("date-without-format", "CON-API-09", [put(f"{CHILD}/startDate", {**DATE, "format": "datetime"})]),
    ("personal-data-in-query", "PRV-01", [query("nhsNumber")]),
    ("personal-data-in-query", "PRV-01", [query("filter[dateOfBirth]")]),
    ("personal-data-in-query", "PRV-01", [query("name")]),
    ("personal-data-in-query", "PRV-01", [query("q", description="The child's NHS number.")]),
    (
        "identifier-in-path",
        "PRV-02",
        [put(f"{ITEM}/parameters/0/description", "The NHS number of the child")],
    ),
    ("operation-without-scope", "AUT-02", [put("#/security", [{"token": []}])]),
    ("scope-not-defined", "AUT-02", [put(f"{ADD}/security", [{"token": ["children.change"]}])]),
    ("no-version", "VER-01", [put("#/servers", GONE)]),
    ("version-not-whole", "VER-01", [move("/health", "/v1.2/health")]),
    ("deprecated-without-date", "VER-04", [put(f"{LIST}/deprecated", True)]),
]
"""Rule, requirement, and a change to the sound contract that breaks the rule."""


def rules_of(findings: list[Finding]) -> list[tuple[str, str]]:
    """Rule and first requirement of each finding."""
    return [(finding.rule, finding.requirements[0]) for finding in findings]


def test_a_sound_contract_gives_no_finding() -> None:
    """Where nothing is wrong, nothing is said."""
    assert judge_description(load_contract(CONTRACTS / "sound.yaml")) == []


BESIDE = {("path-too-deep", "CON-API-07"): [("undeclared-path-parameter", "CON-API-01")]}
BOTH = {("verb-in-path", "CON-API-07"): [("path-not-hyphenated", "CON-API-07")]}


@pytest.mark.parametrize(("rule", "requirement", "changes"), FAULTS)
def test_each_fault_is_found_by_its_rule(rule: str, requirement: str, changes: list[Change]) -> None:
    """A change that breaks one rule gives that finding, under its requirement, and no other."""
    found = rules_of(judge_description(changed(*changes)))
    beside = BESIDE.get((rule, requirement), []) + (
        BOTH.get((rule, requirement), []) if len(changes) > 1 else []
    )
    assert sorted(found) == sorted([(rule, requirement), *beside])


HARMLESS: list[list[Change]] = [
    [put(f"{LIST}/summary", GONE), put(f"{LIST}/description", "Children, a page at a time")],
    [put(f"{ADD}/responses/201/links", {"read": {"operationId": "getChild"}})],
    [put(f"{CHILD}/access_token", {"type": "string"})],
    [put(f"{CHILD}/_links", {"type": "object"})],
    [put(f"{CHILD}/bornOn/example", "2019-05-01")],
    [put(f"{CHILD}/dateOfBirth", {"allOf": [{"type": "string", "format": "date"}]})],
    [put(f"{CHILD}/dateOfBirth", {"type": "string", "pattern": "^\\d{4}-\\d\\d$"})],
    [put(f"{CHILD}/update", {"type": "string"}), put(f"{CHILD}/format", {"type": "string"})],
    [move("/health", "/additions/getaways/setting")],
    [move("/health", "/updates")],
    [query("action", schema={"type": "string", "enum": ["school", "home"]})],
    [query("page")],
    [query("q", description="A word. Never an NHS number.")],
    [put("#/paths/~1health/get/parameters", [{"name": "name", "in": "query", "schema": {"type": "string"}}])],
    [query("limits", schema={"type": "array", "items": {"type": "integer"}}, example="[1, 2]")],
    [
        put(f"{ADD}/requestBody/content/application~1json/example", GONE),
        put(f"{ADD}/requestBody/content/application~1json/examples", {"invalid": {"value": {}}}),
    ],
    [put(f"{LIST}/deprecated", True), put(f"{LIST}/description", "Will be removed on 1 May 2027.")],
    [
        put(f"{LIST}/deprecated", True),
        put(f"{LIST}/responses/200/headers/Sunset", {"schema": {"type": "string"}}),
    ],
    [put("#/servers", GONE), move("/health", "/v3/health")],
    [put("#/servers", GONE), below("/api/4")],
    [put(f"{ADD}/security", [{"token": ["children.write"]}, {}])],
    [
        put(
            "#/components/schemas/Unused",
            {"type": "object", "properties": {"start_date": {"type": "string"}}},
        )
    ],
]


@pytest.mark.parametrize("changes", HARMLESS)
def test_what_is_allowed_is_not_held_against_a_contract(changes: list[Change]) -> None:
    """What a rule could mistake for a fault is let be."""
    assert rules_of(judge_description(changed(*changes))) == []


def test_one_cause_is_one_finding() -> None:
    """Several places that break a rule are one finding, with a count, the operations, and each place as evidence."""
    contract = changed(put(f"{LIST}/operationId", GONE), put(f"{ADD}/operationId", GONE))
    (finding,) = judge_description(contract)
    assert (finding.count, finding.operations) == (2, ("GET /children", "POST /children"))
    assert finding.where == "#/paths/~1children/get"
    assert finding.evidence[0][1].splitlines() == [
        "#/paths/~1children/get: it has none",
        "#/paths/~1children/post: it has none",
    ]
    assert finding.actual == "It has none; 1 other place shows the same."


def test_titles_hold_no_values() -> None:
    """A title names the rule, so that it means the same in every run."""
    found = [finding for _, _, changes in FAULTS for finding in judge_description(changed(*changes))]
    for finding in found:
        assert not any(character.isdigit() for character in finding.title.replace("OpenAPI 3.0", ""))
        assert finding.confirmed
        assert finding.expected.endswith(".")
        assert finding.actual.endswith(".")
        assert finding.where.startswith("#")


def test_every_rule_can_be_broken() -> None:
    """No rule stands in the table that no fault here can break."""
    covered = {rule for rule, _, _ in FAULTS} | {"problems-of-loading"}
    assert {rule.name for rule in RULES} <= covered


@pytest.mark.parametrize(
    ("requirement", "changes", "expected"),
    [
        ("AUT-02", [], True),
        ("AUT-02", [put("#/components/securitySchemes/token", {"type": "http", "scheme": "bearer"})], False),
        ("VER-04", [], False),
        ("VER-04", [put(f"{LIST}/deprecated", True)], True),
        ("PRV-01", [], True),
        ("CON-API-01", [], True),
        ("TLS-01", [], False),
    ],
)
def test_says_what_it_could_judge(requirement: str, changes: list[Change], expected: bool) -> None:
    """A requirement applies only where a contract has something of the kind."""
    assert is_applicable(changed(*changes), requirement) is expected


def test_rules_are_listed_by_requirement() -> None:
    """The rules of one requirement can be asked for."""
    assert [rule.name for rule in description_rules("VER-01")] == ["no-version", "version-not-whole"]
    assert description_rules() == RULES


REAL_RULES = {
    "dfe-academies-api.json": {
        "operation-without-summary",
        "operation-without-error",
        "top-level-not-object",
        "path-not-hyphenated",
        "date-without-format",
    },
    "dfe-npq-registration-v3.yaml": {
        "required-inside-property",
        "operation-without-id",
        "example-breaks-schema",
        "date-without-format",
    },
    "hmrc-individual-losses-7.json": {
        "example-not-readable",
        "credential-as-parameter",
        "not-valid-openapi",
        "operation-without-id",
        "identifier-in-path",
        "no-version",
    },
    "nhs-spine-directory.json": {"no-version"},
    "nhs-nrl-producer.json": {
        "not-an-object",
        "operation-without-error",
        "example-breaks-schema",
        "mixed-property-case",
        "personal-data-in-query",
        "no-version",
    },
    "prefect-server.json": {
        "operation-without-error",
        "top-level-not-object",
        "verb-in-path",
        "path-not-hyphenated",
        "deprecated-without-date",
    },
}
"""What we read in real contracts ourselves, and hold to be true."""


@pytest.mark.skipif(
    not REAL.is_dir(), reason="the real contracts are not beside this checkout (../shared/specs)"
)
@pytest.mark.parametrize(("name", "rules"), REAL_RULES.items())
def test_real_contracts_get_the_findings_that_we_read_in_them(name: str, rules: set[str]) -> None:
    """On real contracts the findings are those that a careful reader confirms."""
    assert {finding.rule for finding in judge_description(load_contract(REAL / name))} == rules
