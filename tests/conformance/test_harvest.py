"""Before anything is generated, real identifiers and one good request for each operation are found."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from parks import CONTRACT, NEW, SEEDED, TOKEN, Answer, Asked, Parks, answer, refusal, serving, target_of

from joinedup.conformance.configuration import Limits
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import MISSING, Step, Text
from joinedup.conformance.harvest import RISKY, body_ladder, candidates, harvest, plain, reader_of
from joinedup.conformance.operations import Operation
from joinedup.conformance.target import Target


def changed(**paths: Any) -> dict[str, Any]:
    """The contract with other paths; None takes one away."""
    contract: dict[str, Any] = json.loads(json.dumps(CONTRACT))
    for path, item in paths.items():
        contract["paths"].pop(path, None)
        if item is not None:
            contract["paths"][path] = item
    return contract


def posting(
    schema: dict[str, Any] | None, media_type: str = "application/json", **more: Any
) -> dict[str, Any]:
    """A contract whose only operation takes a body."""
    body = (
        {"requestBody": {"required": True, **more, "content": {media_type: {"schema": schema}}}}
        if schema
        else {}
    )
    operation = {**body, "responses": {"201": {"description": "x"}}}
    return {**json.loads(json.dumps(CONTRACT)), "paths": {"/parks": {"post": operation}}}


def harvested(parks: Parks, contract: dict[str, Any] | None = None, **of_the_target: Any) -> Target:
    """A target after its harvest."""
    with serving(parks) as base_url:
        target = target_of(base_url, contract=contract, **of_the_target)
        try:
            harvest(target)
        finally:
            target.client.close()
    return target


def stopped(contract: dict[str, Any] | None = None, **of_the_target: Any) -> Target:
    """A target that nothing is sent to."""
    return target_of("http://127.0.0.1:9", contract=contract, **of_the_target)


def of(target: Target, label: str) -> Operation:
    """An operation by its label."""
    operation = target.contract.operation(label)
    assert operation is not None
    return operation


def test_every_operation_that_can_succeed_does() -> None:
    """Lists give identifiers, identifiers open items, creates and changes are accepted."""
    target = harvested(Parks())
    assert {label for label, _ in target.good} == {
        "GET /parks",
        "GET /parks/{parkId}",
        "POST /parks",
        "PUT /parks/{parkId}",
    }
    assert target.knowledge.values_for("parkId", "/parks/{parkId}", "path")[:2] == ["p-one", "p-two"]


def test_nothing_is_deleted() -> None:
    """The objects that were found are there afterwards: later checks need them."""
    parks = Parks()
    harvested(parks)
    assert set(SEEDED) <= set(parks.parks)
    assert "DELETE" not in {asked.method for asked in parks.asked}


def test_what_may_end_the_credential_or_the_environment_waits() -> None:
    """Operations that speak of reset, log-out, password and the like are not called in a harvest."""
    parks = Parks()
    harvested(parks)
    assert [asked.path for asked in parks.asked if asked.path == "/reset"] == []


@pytest.mark.parametrize(
    ("path", "risky"),
    [
        ("/login", True),
        ("/log-out", True),
        ("/users/{id}/password", True),
        ("/tokens/{id}", True),
        ("/settings", True),
        ("/testing/reset", True),
        ("/invitations", False),
        ("/invites", True),
        ("/session", True),
        ("/parks", False),
        ("/catalogue", False),
        ("/children/{id}/closure", False),
    ],
)
def test_which_operations_are_risky(path: str, risky: bool) -> None:
    """A path tells by its words."""
    assert bool(RISKY.search(path)) is risky


@pytest.mark.parametrize("out", ["renamePark", "PUT /parks/{parkId}"])
def test_what_is_left_out_is_not_called(out: str) -> None:
    """An operation that the configuration leaves out, by id or by label, gets no request."""
    parks = Parks()
    harvested(parks, leave_out={out: "others use it"})
    assert "PUT" not in {asked.method for asked in parks.asked}


def test_a_fixture_is_used_before_anything_that_was_found() -> None:
    """A known good value of the configuration goes into the path first."""
    parks = Parks()
    harvested(parks, fixtures={"parkId": ["p-two"]})
    items = [
        asked.path for asked in parks.asked if asked.method == "GET" and asked.path.startswith("/parks/")
    ]
    assert items[0] == "/parks/p-two"


def test_the_configurations_body_is_the_only_one_tried(tmp_path: Any) -> None:
    """A body that the system is known to accept is taken as it is."""
    (tmp_path / "park.json").write_text('{"name": "From a file"}')
    parks = Parks()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        harvested(parks, requests={"openPark": "park.json"})
    assert {asked.body for asked in parks.asked if asked.method == "POST"} == {b'{"name": "From a file"}'}


def test_creates_go_on_until_one_is_accepted() -> None:
    """A body that is refused is followed by the next of the ladder; the first success ends it."""
    turns = [0]

    def instead(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        turns[0] += 1
        return refusal(400) if turns[0] < 3 else None

    parks = Parks(instead)
    target = harvested(parks)
    assert ("POST /parks", "own") in target.good
    assert [asked.method for asked in parks.asked].count("POST") == 3


def test_an_operation_that_never_succeeds_is_given_up() -> None:
    """At most eight attempts in a level, two levels of creates: no operation eats the budget."""
    parks = Parks(lambda asked: refusal(400) if asked.method == "POST" else None)
    target = harvested(parks)
    assert ("POST /parks", "own") not in target.good
    assert 1 < [asked.method for asked in parks.asked].count("POST") <= 16


@pytest.mark.parametrize("status", [401, 405, 501])
def test_a_refusal_of_the_caller_or_method_ends_the_attempts(status: int) -> None:
    """Another body would not help: one attempt in each level."""
    parks = Parks(lambda asked: answer(status, {"title": "No."}) if asked.method == "POST" else None)
    harvested(parks)
    assert [asked.method for asked in parks.asked].count("POST") <= 2


def test_the_budget_stops_the_harvest() -> None:
    """A spent budget is a fault of the set-up, told at once."""
    parks = Parks()
    with pytest.raises(SetupError, match=r"limits\.max_requests = 3"):
        harvested(parks, limits=Limits(max_requests=3, destructive=True))
    assert len(parks.asked) == 3


def test_a_harvest_is_the_same_each_time() -> None:
    """The same seed against the same state asks the same in the same order."""
    gists = []
    for _ in range(2):
        parks = Parks()
        harvested(parks)
        gists.append([asked.gist for asked in parks.asked])
    assert gists[0] == gists[1]


def test_every_request_is_as_the_caller() -> None:
    """The harvest calls as one identity, and what it learns is that identity's."""
    parks = Parks()
    target = harvested(parks)
    assert {asked.headers.get("authorization") for asked in parks.asked} == {f"Bearer {TOKEN}"}
    assert {fact.identity for fact in target.knowledge.facts} == {"own"}


def ladder(target: Target, label: str = "POST /parks") -> list[tuple[Any, str]]:
    """The bodies that would be tried."""
    return list(body_ladder(target, of(target, label), Step("POST", "/parks")))


def test_the_contracts_example_is_tried_first() -> None:
    """An example is the likeliest body of all; made ones follow, and an empty object ends the ladder."""
    contract = posting({**NEW, "examples": [{"name": "Example Park"}]})
    bodies = [body for body, _ in ladder(stopped(contract))]
    assert bodies[0] == {"name": "Example Park"}
    assert bodies[-1] == {}
    assert all(1 <= len(body["name"]) <= 20 for body in bodies[:-1])


def test_full_bodies_come_before_bare_ones() -> None:
    """With all properties first, then with the required ones only."""
    properties: dict[str, Any] = {"name": {"type": "string"}, "open": {"type": "boolean"}}
    schema = {**NEW, "properties": properties}
    bodies = [body for body, _ in ladder(stopped(posting(schema)))]
    full, bare = ["name", "open"], ["name"]
    assert [sorted(body) for body in bodies] == [full, full, bare, bare, full, bare, []]


def test_names_are_tried_in_lower_case_and_hyphens_too() -> None:
    """A system that takes only such names, without saying so in its contract, gets one that no object has."""

    def instead(asked: Asked) -> Answer | None:
        plain = re.fullmatch(rb'\{"name": ?"[a-z0-9-]+"\}', asked.body)
        return refusal(400) if asked.method == "POST" and not plain else None

    target = harvested(Parks(instead))
    made = target.good["POST /parks", "own"].step.body
    assert re.fullmatch("[a-z]+(-[a-z]+)?-[0-9]+", made["name"])


@pytest.mark.parametrize(
    ("contract", "bodies"),
    [
        (posting(None), [(MISSING, ""), (Text("joinedup test message"), "text/plain")]),
        (posting({"type": "string"}, "text/plain"), [(Text("joinedup test message"), "text/plain")]),
        (
            posting(
                {"type": "object", "required": ["a"], "properties": {"a": {"const": "b"}}},
                "application/x-www-form-urlencoded",
            ),
            [(Text("a=b"), "application/x-www-form-urlencoded")] * 2,
        ),
        (posting({"type": "string"}, "application/xml"), []),
        (posting({"type": "string"}, "application/x-www-form-urlencoded"), []),
    ],
)
def test_bodies_that_are_no_json(contract: dict[str, Any], bodies: list[tuple[Any, str]]) -> None:
    """No declared body, text and forms have ladders of their own; XML is left to the generated phases."""
    assert ladder(stopped(contract)) == bodies


def test_form_values_are_percent_encoded() -> None:
    """A value with an ampersand stays one value."""
    schema = {"type": "object", "required": ["a b"], "properties": {"a b": {"const": "x&y=é z"}}}
    ((text, _), *_) = ladder(stopped(posting(schema, "application/x-www-form-urlencoded")))
    assert text == Text("a+b=x%26y%3D%C3%A9+z")


@pytest.mark.parametrize(
    ("types", "chosen"),
    [
        (["application/problem+json", "application/json"], "application/json"),
        (["application/json; charset=utf-8"], "application/json; charset=utf-8"),
        (["application/vnd.parks+json"], "application/vnd.parks+json"),
        (["text/plain", "*/*"], "*/*"),
    ],
)
def test_plain_json_is_preferred(types: list[str], chosen: str) -> None:
    """Of several media types the plainest JSON is sent."""
    contract = posting(NEW)
    contract["paths"]["/parks"]["post"]["requestBody"]["content"] = {name: {"schema": NEW} for name in types}
    assert {media_type for _, media_type in ladder(stopped(contract))} == {chosen}


def test_an_optional_body_may_be_left_out() -> None:
    """Where the contract says that there need not be a body, none is tried before an empty object."""
    assert [body for body, _ in ladder(stopped(posting(NEW, required=False)))][-2:] == [MISSING, {}]


def parameters(*declared: dict[str, Any]) -> Target:
    """A target whose list has these parameters."""
    contract = changed()
    contract["paths"]["/parks"]["get"]["parameters"] = list(declared)
    return stopped(contract)


def first(target: Target, label: str = "GET /parks") -> Step | None:
    """The first request that would be tried."""
    return next(iter(candidates(target, of(target, label))), None)


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ({"name": "limit", "in": "query", "schema": {"type": "integer"}}, ()),
        (
            {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 5}},
            (("limit", "5"),),
        ),
        (
            {"name": "open", "in": "query", "required": True, "schema": {"type": "boolean"}},
            (("open", "false"),),
        ),
        (
            {"name": "q", "in": "query", "required": True, "schema": {"type": "string"}, "example": "green"},
            (("q", "green"),),
        ),
        (
            {
                "name": "s",
                "in": "query",
                "required": True,
                "schema": {"type": "array", "items": {"enum": ["a"]}, "minItems": 2},
            },
            (("s", "a"), ("s", "a")),
        ),
    ],
)
def test_required_parameters_are_filled_in(
    parameter: dict[str, Any], query: tuple[tuple[str, str], ...]
) -> None:
    """What is required gets an example or a made value; what is optional is left out at first."""
    step = first(parameters(parameter))
    assert step is not None
    assert step.query == query


@pytest.mark.parametrize("name", ["Accept", "Content-Type", "Authorization"])
def test_headers_of_http_itself_are_left_alone(name: str) -> None:
    """OpenAPI says that parameters of these names are ignored."""
    step = first(parameters({"name": name, "in": "header", "required": True, "schema": {"type": "string"}}))
    assert step is not None
    assert step.headers == {}


def test_a_required_parameter_that_cannot_be_made_leaves_nothing_to_send() -> None:
    """No half request is sent."""
    impossible = {
        "name": "q",
        "in": "query",
        "required": True,
        "schema": {"type": "string", "pattern": "^[a-z]$", "minLength": 9},
    }
    assert first(parameters(impossible)) is None


def test_a_uuid_is_new_in_each_request() -> None:
    """A required identifier of the request is no repetition of an earlier one."""
    target = parameters(
        {
            "name": "X-Request-ID",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
        }
    )
    steps = [first(target) for _ in range(2)]
    assert len({step.headers["X-Request-ID"] for step in steps if step}) == 2


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("/parks/{parkId}", "GET /parks/{parkId}"),
        ("/parks/{parkId}/trees", "GET /parks/{parkId}"),
        ("/parks", "GET /parks"),
        ("/elsewhere", None),
    ],
)
def test_the_reader_of_a_path(path: str, reader: str | None) -> None:
    """What a change is checked by: the GET of the same path or of the nearest above it."""
    found = reader_of(stopped(), path)
    assert (found.label if found else None) == reader


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (1, "1"), (1.5, "1.5"), (True, "true"), (False, "false"), (None, ""), (0, "0")],
)
def test_values_as_they_stand_in_a_query(value: Any, text: str) -> None:
    """Booleans are written as JSON writes them."""
    assert plain(value) == text
