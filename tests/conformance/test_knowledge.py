"""What a run learns of a system, and which of it fits which parameter."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from joinedup.conformance.exchanges import MISSING, Exchange, Reference, Response, Step
from joinedup.conformance.knowledge import Knowledge, Origin, context_before, context_of, normalise, singular


def answered(
    path: str,
    body: Any = MISSING,
    *,
    method: str = "GET",
    status: int = 200,
    identity: str | None = "own",
    values: dict[str, Any] | None = None,
    location: str = "",
) -> Exchange:
    """An exchange with a JSON answer."""
    headers = {"Content-Type": "application/json", **({"Location": location} if location else {})}
    content = b"" if body is MISSING else json.dumps(body).encode()
    step = Step(method, path, values or {}, identity=identity, name="s1")
    return Exchange(step, Response(status, httpx.Headers(headers), content))


def learned(*exchanges: Exchange, **fixtures: list[Any]) -> Knowledge:
    """What these exchanges teach."""
    knowledge = Knowledge(fixtures)
    for exchange in exchanges:
        knowledge.learn(exchange)
    return knowledge


def facts(knowledge: Knowledge) -> list[tuple[str, str, Any]]:
    """Context, property and value of each fact, in order."""
    return [(fact.context, fact.property, fact.value) for fact in knowledge.facts]


@pytest.mark.parametrize(
    ("name", "normal"), [("childId", "childid"), ("child_id", "childid"), ("Child-ID", "childid"), ("é", "")]
)
def test_names_are_compared_without_case_and_punctuation(name: str, normal: str) -> None:
    """One name in any style of writing is one name."""
    assert normalise(name) == normal


@pytest.mark.parametrize(
    ("word", "one"),
    [
        ("children", "child"),
        ("people", "person"),
        ("agencies", "agency"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("branches", "branch"),
        ("schools", "school"),
        ("status", "statu"),
        ("access", "access"),
        ("lookedafterchildren", "lookedafterchild"),
        ("child", "child"),
        ("", ""),
    ],
)
def test_singulars_are_near_enough(word: str, one: str) -> None:
    """What matters is that a list and its item meet; a word that is none only has to stay the same each time."""
    assert singular(word) == one


@pytest.mark.parametrize(
    ("path", "context"),
    [
        ("/v1/children", "child"),
        ("/v1/children/{childId}", "child"),
        ("/v1/children/{childId}/notes", "note"),
        ("/v1/looked-after-children", "lookedafterchild"),
        ("/v2", ""),
        ("/{id}", ""),
        ("/", ""),
    ],
)
def test_a_path_is_about_its_last_static_segment(path: str, context: str) -> None:
    """Parameters and versions say nothing of what a path is about."""
    assert context_of(path) == context


@pytest.mark.parametrize(
    ("path", "parameter", "context"),
    [
        ("/children/{childId}/notes/{noteId}", "childId", "child"),
        ("/children/{childId}/notes/{noteId}", "noteId", "note"),
        ("/{tenant}/children/{id}", "tenant", ""),
    ],
)
def test_a_parameter_identifies_what_stands_before_it(path: str, parameter: str, context: str) -> None:
    """In nested resources each parameter belongs to its own."""
    assert context_before(path, parameter) == context


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/children", [{"id": "c1"}], [("child", "id", "c1")]),
        ("/children", {"items": [{"id": "c1"}]}, [("child", "id", "c1")]),
        ("/overview", {"children": [{"id": "c1"}]}, [("child", "id", "c1")]),
        (
            "/children/{id}",
            {"id": "c1", "school": {"urn": "123"}},
            [("child", "id", "c1"), ("school", "urn", "123")],
        ),
        ("/children", ["c1", "c2"], [("child", "", "c1"), ("child", "", "c2")]),
        ("/children", {"age": 7}, [("child", "age", 7)]),
        ("/children", {"open": True, "score": 1.5, "none": None, "empty": ""}, []),
        ("/children", {"note": "x" * 201}, []),
        ("/children", [{"id": n} for n in range(9)], [("child", "id", n) for n in range(5)]),
    ],
)
def test_every_useful_scalar_becomes_a_fact(
    path: str, body: Any, expected: list[tuple[str, str, Any]]
) -> None:
    """A fact's context is the path's, or that of a list with a telling name; five elements of a list are enough."""
    assert facts(learned(answered(path, body))) == expected


@pytest.mark.parametrize("status", [199, 302, 401, 404, 500])
def test_nothing_is_learned_from_a_refusal(status: int) -> None:
    """Only a success teaches."""
    knowledge = Knowledge()
    assert knowledge.learn(answered("/children", {"id": "c1"}, status=status)) == 0
    assert knowledge.facts == []


def test_what_is_known_is_not_learned_again() -> None:
    """The number of new facts tells whether reading on is worth it."""
    knowledge = Knowledge()
    assert [knowledge.learn(answered("/children", {"id": c})) for c in ("c1", "c1", "c2")] == [1, 0, 1]


@pytest.mark.parametrize(
    ("depth", "learned"),
    [
        (100, [("child", "id", "c1"), ("a", "a", "deep")]),
        (900, [("child", "id", "c1"), ("a", "a", "deep")]),
        # No parser here reads that deep: such a body is no JSON to us, and teaches nothing.
        (20_000, []),
    ],
)
def test_a_deep_answer_is_no_fault_of_ours(depth: int, learned: list[tuple[str, str, str]]) -> None:
    """What an answer holds is learned however deep it stands, as long as it can be read at all."""
    step = Step("GET", "/children")
    body = b'{"a":' * depth + b'"deep"' + b"}" * depth
    exchange = Exchange(step, Response(200, httpx.Headers(), b'{"id": "c1", "rest": ' + body + b"}"))
    knowledge = Knowledge()
    assert knowledge.learn(exchange) == len(learned)
    assert [(fact.context, fact.property, fact.value) for fact in knowledge.facts] == learned


def test_a_created_object_is_known_by_its_location() -> None:
    """The last segment of the Location of a 201 is the new object's identifier."""
    made = answered("/children", method="POST", status=201, location="https://x.example/v1/children/c7/?a=1")
    knowledge = learned(made)
    assert knowledge.values_for("childId", "/children/{childId}", "path") == ["c7"]
    assert knowledge.created("c7") == Origin(
        Reference(step="s1", header="Location", pattern="last-segment"), made.step
    )


def test_a_location_elsewhere_teaches_nothing() -> None:
    """The Location of a 202 is no identifier."""
    assert facts(learned(answered("/children", method="POST", status=202, location="/jobs/9"))) == []


# Facts as (path, body), then the parameter, and the values that fit it, best first.
MATCHES = [
    # 0: the same name in the same resource
    ([("/children", [{"childId": "c1"}])], ("childId", "/children/{childId}", "path"), ["c1"]),
    ([("/children", [{"child_id": "c1"}])], ("childId", "/children/{childId}", "path"), ["c1"]),
    ([("/children", [{"status": "open"}])], ("status", "/children", "query"), ["open"]),
    # 1: an identifier of the same resource
    ([("/children", [{"id": "c1", "name": "x"}])], ("childId", "/children/{childId}", "path"), ["c1"]),
    ([("/children", [{"uuid": "c1"}])], ("reference", "/children/{reference}", "path"), ["c1"]),
    ([("/children", [{"id": "c1"}])], ("slug", "/children/{slug}", "path"), []),
    # 2: context and id
    ([("/children", [{"id": "c1"}])], ("childId", "/notes", "query"), ["c1"]),
    ([("/children", [{"id": "c1"}])], ("childId", "/notes", "body"), ["c1"]),
    ([("/children", [{"id": "c1"}])], ("childId", "/notes", "header"), []),
    # 3: an item of a list of scalars
    ([("/colours", ["red", "blue"])], ("colour", "/colours/{colour}", "path"), ["red", "blue"]),
    ([("/colours", ["red"])], ("colour", "/things", "query"), []),
    # 4: the same name elsewhere, but for names that mean something else everywhere
    ([("/children", [{"schoolUrn": "123"}])], ("schoolUrn", "/visits/{schoolUrn}", "path"), ["123"]),
    ([("/children", [{"id": "c1"}])], ("id", "/schools/{id}", "path"), []),
    ([("/children", [{"name": "x"}])], ("name", "/schools", "query"), []),
    ([("/children", [{"key": "x"}])], ("key", "/schools", "query"), []),
    ([("/children", [{"status": "x"}])], ("status", "/schools", "query"), []),
    # 5: an identifier's suffix, in paths only
    ([("/visits", [{"homeSchoolId": "s1"}])], ("schoolId", "/schools/{schoolId}", "path"), ["s1"]),
    ([("/visits", [{"homeSchoolId": "s1"}])], ("schoolId", "/schools", "query"), []),
    ([("/visits", [{"myref": "s1"}])], ("ref", "/schools/{ref}", "path"), []),
    # the best first, at most five, each once
    (
        [
            ("/visits", [{"childId": "far"}]),
            ("/children", [{"id": "near"}]),
            ("/children", [{"childId": "best"}]),
        ],
        ("childId", "/children/{childId}", "path"),
        ["best", "near", "far"],
    ),
    (
        [
            ("/children", [{"id": f"a{n}"} for n in range(5)]),
            ("/children", [{"id": f"b{n}"} for n in range(5)]),
        ],
        ("childId", "/children/{childId}", "path"),
        ["a0", "a1", "a2", "a3", "a4"],
    ),
    (
        [("/children", [{"id": "c1"}]), ("/children", [{"childId": "c1"}])],
        ("childId", "/children/{childId}", "path"),
        ["c1"],
    ),
    ([], ("childId", "/children/{childId}", "path"), []),
    # A segment that says by what a thing is chosen is not the thing.
    ([("/flows", [{"id": "f1", "name": "one"}])], ("name", "/flows/name/{name}", "path"), ["one"]),
    ([("/flows", [{"id": "f1", "name": "one"}])], ("flow_id", "/flows/by-id/{flow_id}", "path"), ["f1"]),
    ([("/flows", [{"id": "f1", "name": "one"}])], ("flow_name", "/runs/{flow_name}", "path"), ["one"]),
    ([("/name/flows", [{"name": "one"}])], ("name", "/name/{name}", "path"), []),
    ([("/limits", [{"id": "l1", "name": "one"}])], ("id_or_name", "/limits/{id_or_name}", "path"), ["l1"]),
    # A list of plain values is named after what it lists.
    ([("/plugins-list", ["cpu", "mem"])], ("plugin", "/{plugin}", "path"), ["cpu", "mem"]),
    ([("/tags", ["a"])], ("tag", "/by-tag/{tag}", "path"), ["a"]),
    ([("/runs", [{"state": {"id": "s1"}}])], ("id", "/run_states/{id}", "path"), ["s1"]),
    ([("/runs", [{"kind": {"id": "k1"}}])], ("id", "/run_states/{id}", "path"), []),
]


@pytest.mark.parametrize(("said", "wanted", "values"), MATCHES)
def test_which_values_fit_a_parameter(
    said: list[tuple[str, Any]], wanted: tuple[str, str, str], values: list[Any]
) -> None:
    """A parameter gets what the same resource calls the same, then identifiers, then what others call the same."""
    assert learned(*(answered(path, body) for path, body in said)).values_for(*wanted) == values


@pytest.mark.parametrize(
    ("identity", "values"),
    [("own", ["c1", "c3"]), ("other", ["c2", "c3"]), (None, ["c3"]), ("third", ["c3"])],
)
def test_what_one_caller_learned_is_not_used_for_another(identity: str | None, values: list[str]) -> None:
    """Each caller gets its own facts, and those that nobody needed a credential for."""
    knowledge = learned(
        answered("/children", [{"id": "c1"}], identity="own"),
        answered("/children", [{"id": "c2"}], identity="other"),
        answered("/children", [{"id": "c3"}], identity=None),
    )
    assert knowledge.values_for("childId", "/children/{childId}", "path", identity=identity) == values


def test_what_both_callers_see_is_known_to_both() -> None:
    """A value that a second caller sees as well is that caller's too."""
    knowledge = learned(
        answered("/schools", [{"id": "s1"}], identity="own"),
        answered("/schools", [{"id": "s1"}], identity="other"),
    )
    wanted = ("schoolId", "/schools/{schoolId}", "path")
    assert knowledge.values_for(*wanted, identity="own") == ["s1"]
    assert knowledge.values_for(*wanted, identity="other") == ["s1"]


@pytest.mark.parametrize(
    ("name", "identity", "values"),
    [
        ("childId", "own", ["f1", "f2"]),
        ("child_id", "own", ["f1", "f2"]),
        ("childId", "other", ["o1", "f1", "f2"]),
        ("schoolId", "own", []),
    ],
)
def test_fixtures_go_first(name: str, identity: str, values: list[str]) -> None:
    """What the configuration gives replaces what was learned, by name in any style; a caller's own goes before."""
    knowledge = Knowledge({"childId": ["f1", "f2"]}, {"other": {"childId": ["o1"]}})
    knowledge.learn(answered("/children", [{"id": "c1"}]))
    assert knowledge.values_for(name, "/children/{childId}/x", "query", identity=identity) == values


def test_the_first_origin_of_a_value_is_kept() -> None:
    """A value is fetched from where it was first seen: a fixture, then the first answer."""
    first, second = answered("/children", [{"id": "c1"}]), answered("/children/{id}", {"id": "c1"})
    knowledge = learned(first, second, childId=["f1"])
    assert knowledge.origin("c1") == Origin(Reference(step="s1", pointer="/0/id"), first.step)
    assert knowledge.origin("f1") == Origin(Reference(fixture="childId", index=0))
    assert knowledge.origin("made up") is None
    assert knowledge.origin(True) is None


def test_a_number_has_an_origin_as_text_and_as_number() -> None:
    """Identifiers that are numbers are text in a path."""
    knowledge = learned(answered("/children", [{"id": 7}]))
    assert knowledge.origin(7) == knowledge.origin("7") != None  # noqa: E711 - both, and there


def test_only_a_create_makes_an_object() -> None:
    """What a list showed was not created by us; what a POST answered was, even where a list showed it first."""
    listed = answered("/children", [{"id": "c1"}, {"id": "c9"}])
    made = answered("/children", {"id": "c9"}, method="POST", status=201)
    knowledge = learned(listed, made)
    assert knowledge.created("c1") is None
    assert knowledge.created("c9") == Origin(Reference(step="s1", pointer="/id"), made.step)


def test_what_is_gone_is_forgotten() -> None:
    """A value that was deleted is not offered again."""
    knowledge = learned(answered("/children", [{"id": "c1"}, {"id": "c2"}]))
    knowledge.forget("c1")
    assert knowledge.values_for("childId", "/children/{childId}", "path") == ["c2"]


def test_a_number_is_forgotten_by_its_text() -> None:
    """Paths hold text, answers hold numbers: they are the same object."""
    knowledge = learned(answered("/children", [{"id": 1}, {"id": 2}]))
    knowledge.forget("1")
    assert knowledge.values_for("childId", "/children/{childId}", "path") == [2]


@pytest.mark.parametrize(
    ("exchange", "noted"),
    [
        (answered("/children/{id}", {}, method="PUT", values={"id": "c1"}), True),
        (answered("/children/{id}/closure", {}, method="POST", values={"id": "c1"}), True),
        (answered("/children/{id}", method="DELETE", status=204, values={"id": "c1"}), True),
        (answered("/children/{id}", {}, values={"id": "c1"}), False),
        (answered("/children/{id}", method="HEAD", values={"id": "c1"}), False),
        (answered("/children/{id}", {}, method="PUT", status=409, values={"id": "c1"}), False),
        (answered("/children", {}, method="POST", status=201), False),
    ],
)
def test_what_was_done_to_an_object_is_noted(exchange: Exchange, noted: bool) -> None:
    """Each change that succeeded is noted for the objects that its path names."""
    knowledge = Knowledge()
    knowledge.note_change(exchange)
    assert knowledge.changes("c1") == ([exchange.step] if noted else [])


def test_few_changes_of_each_kind_are_enough() -> None:
    """The same operation is noted once, and three in all."""
    knowledge = Knowledge()
    for path in ("/a/{id}", "/a/{id}", "/b/{id}", "/c/{id}", "/d/{id}"):
        knowledge.note_change(answered(path, {}, method="POST", values={"id": 7}))
    assert [step.path for step in knowledge.changes("7")] == ["/a/{id}", "/b/{id}", "/c/{id}"]
