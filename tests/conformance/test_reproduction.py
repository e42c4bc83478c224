"""What was seen on the wire becomes steps that anyone can send again, on their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joinedup.conformance.client import Budget, Client
from joinedup.conformance.configuration import Limits
from joinedup.conformance.errors import SetupError
from joinedup.conformance.exchanges import MISSING, Exchange, Reference, Response, Step, Text
from joinedup.conformance.knowledge import Knowledge
from joinedup.conformance.reproduction import (
    at_pointer,
    new_text,
    plans,
    play,
    step_from_wire,
    with_new_identifiers,
)

JSON = {"Content-Type": "application/json"}
CLIENT = Client("http://127.0.0.1:9/v1", [], Budget(Limits()), lambda exchange: None)
A, B = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def from_wire(
    raw_path: str,
    template: str = "/children/{id}",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    method: str = "POST",
) -> Step:
    """The step of a request that was seen."""
    return step_from_wire(
        method, raw_path, template, headers or {}, body, operation=f"{method} {template}", identity=None
    )


@pytest.mark.parametrize(
    ("raw_path", "path", "values", "query"),
    [
        ("/children/7d0c", "/children/{id}", {"id": "7d0c"}, ()),
        ("/children/a%20b%2Fc", "/children/{id}", {"id": "a b/c"}, ()),
        ("/children/%00", "/children/{id}", {"id": "\0"}, ()),
        ("/children/Si%C3%A2n", "/children/{id}", {"id": "Siân"}, ()),
        ("/children/%F0%9F%A7%92", "/children/{id}", {"id": "\U0001f9d2"}, ()),
        ("/children/%2E%2E", "/children/{id}", {"id": ".."}, ()),
        ("/children/%7Bid%7D", "/children/{id}", {"id": "{id}"}, ()),
        # what no text can stand for keeps the path as it went
        ("/children/%FF", "/children/%FF", {}, ()),
        ("/children/%ED%A0%80", "/children/%ED%A0%80", {}, ()),
        ("/children/", "/children/", {}, ()),
        ("/children/a/b", "/children/a/b", {}, ()),
        ("/elsewhere", "/elsewhere", {}, ()),
        # queries
        ("/children/7?a=1&b=2", "/children/{id}", {"id": "7"}, (("a", "1"), ("b", "2"))),
        ("/children/7?a=1&a=2", "/children/{id}", {"id": "7"}, (("a", "1"), ("a", "2"))),
        ("/children/7?a=", "/children/{id}", {"id": "7"}, (("a", ""),)),
        ("/children/7?a=b+c%2B%C3%A2", "/children/{id}", {"id": "7"}, (("a", "b c+â"),)),
        ("/children/7?a=%00%26%3D", "/children/{id}", {"id": "7"}, (("a", "\0&="),)),
        # what no text can stand for, or what would be written otherwise, keeps the query as it went
        ("/children/7?a=%FF", "/children/{id}?a=%FF", {"id": "7"}, ()),
        ("/children/7?a=%ED%A0%80", "/children/{id}?a=%ED%A0%80", {"id": "7"}, ()),
        ("/children/7?a", "/children/{id}?a", {"id": "7"}, ()),
        ("/children/7?a=1&&b=2", "/children/{id}?a=1&&b=2", {"id": "7"}, ()),
        ("/children/7?a=1;b=2", "/children/{id}", {"id": "7"}, (("a", "1;b=2"),)),
        ("/children/%FF?a=%FF", "/children/%FF?a=%FF", {}, ()),
    ],
)
def test_the_same_address_is_asked_for_again(
    raw_path: str, path: str, values: dict[str, Any], query: tuple[tuple[str, str], ...]
) -> None:
    """Parameters are read out of the path where they go back into it; the address that is sent means the same bytes."""
    step = from_wire(raw_path)
    assert (step.path, step.path_parameters, step.query) == (path, values, query)
    assert meaning(raw_path) == meaning(asked_for(step))


def asked_for(step: Step) -> str:
    """The address below the base URL that the client asks for."""
    return CLIENT.build(step).url.raw_path.decode().removeprefix("/v1")


def meaning(raw_path: str) -> tuple[list[bytes], list[bytes]]:
    """Segments of the path and pairs of the query, as bytes."""
    path, _, query = raw_path.partition("?")
    pairs = [unquote_to_bytes(pair.replace("+", "%20")) for pair in query.split("&")]
    return [unquote_to_bytes(segment) for segment in path.split("/")], pairs


BYTES = st.binary(max_size=8)


@settings(max_examples=150, deadline=None, database=None)
@given(
    segment=BYTES | st.text(max_size=6),
    pairs=st.lists(st.tuples(BYTES | st.text(max_size=4), BYTES | st.text()), max_size=3),
)
def test_any_address_means_the_same_bytes_again(
    segment: bytes | str, pairs: list[tuple[bytes | str, bytes | str]]
) -> None:
    """Whatever bytes were percent-encoded, the same go out again."""

    def encoded(value: bytes | str) -> str:
        return quote(
            value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value, safe=""
        ).replace(".", "%2E")

    query = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in pairs)
    raw_path = f"/children/{encoded(segment)}" + (f"?{query}" if query else "")
    assert meaning(asked_for(from_wire(raw_path))) == meaning(raw_path)


@pytest.mark.parametrize(
    ("body", "media_type", "kept"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b'{"name": "Si\\u00e2n"}', "application/json", {"name": "Siân"}),
        (b'{"name": "NaN"}', "application/json", {"name": "NaN"}),
        (b"[]", "application/problem+json; charset=utf-8", []),
        (None, "application/json", MISSING),
        (b"", "application/json", MISSING),
        # what JSON would write otherwise goes as it went
        (b'{"a": 1, "a": 2}', "application/json", Text('{"a": 1, "a": 2}')),
        (b'{"a": NaN}', "application/json", Text('{"a": NaN}')),
        (b'{"a": 1e999}', "application/json", Text('{"a": 1e999}')),
        (b"7", "application/json", Text("7")),
        (b"{", "application/json", Text("{")),
        (b'{"a": "\xff"}', "application/json", Text('{"a": "\udcff"}')),
        (b"\xed\xa0\x80", "application/json", Text("\udced\udca0\udc80")),
        (b"a=1&b=%FF", "application/x-www-form-urlencoded", Text("a=1&b=%FF")),
        (b"\x00\xff\x10", "application/octet-stream", Text("\0\udcff\x10")),
        (b'{"a": 1}', "", Text('{"a": 1}')),
        (b"[" * 5_000, "application/json", Text("[" * 5_000)),
    ],
)
def test_the_same_body_is_sent_again(body: bytes | None, media_type: str, kept: Any) -> None:
    """JSON stays JSON, so that values in it can be fetched; anything that JSON would change keeps its bytes."""
    step = from_wire("/children/7", headers={"content-type": media_type} if media_type else {}, body=body)
    assert (step.body, step.media_type) == (kept, media_type)
    content = step.content()
    assert content == (body or None) or json.loads(content or b"") == json.loads(body or b"")


@settings(max_examples=100, deadline=None, database=None)
@given(body=st.binary(max_size=20), media_type=st.sampled_from(["application/json", "text/plain", ""]))
def test_any_bytes_are_sent_again(body: bytes, media_type: str) -> None:
    """A body that is no JSON object or array goes out byte for byte."""
    step = from_wire("/children/7", headers={"Content-Type": media_type}, body=body)
    content = step.content() or b""
    assert content == body or json.loads(content) == json.loads(body)


def test_headers_of_the_test_are_kept_and_those_of_the_connection_are_not() -> None:
    """What the client, the connection or the credential puts in is put in again; the rest is part of the test."""
    automatic = (
        "Accept",
        "User-Agent",
        "Host",
        "Authorization",
        "Cookie",
        "Content-Length",
        "X-Schemathesis-TestCaseId",
    )
    step = from_wire(
        "/children/7",
        headers={**dict.fromkeys(automatic, "x"), **JSON, "If-Match": '"1"', "X-Name": "Si\xe2n"},
    )
    assert step.headers == {"If-Match": '"1"', "X-Name": "Siân"}
    assert (b"X-Name", b"Si\xe2n") in CLIENT.build(step).headers.raw


# --- plans


def answered(step: Step, body: Any = MISSING, status: int = 200, **headers: str) -> Exchange:
    """An exchange with a JSON answer."""
    content = b"" if body is MISSING else json.dumps(body).encode()
    return Exchange(step, Response(status, httpx.Headers({**JSON, **headers}), content))


LIST = answered(Step("GET", "/children"), {"items": [{"id": "c1"}, {"id": "c2"}]})
CREATE = answered(
    Step("POST", "/children", body={"name": "Amber"}), {"id": "c9"}, 201, Location="/children/c9", ETag='"1"'
)


def nothing(value: Any) -> bool:
    """No value may be shown."""
    return False


def learned(*exchanges: Exchange, fixtures: Mapping[str, list[Any]] | None = None) -> Knowledge:
    """What these exchanges and the configuration teach."""
    knowledge = Knowledge(fixtures or {})
    for exchange in exchanges:
        knowledge.learn(exchange)
        knowledge.note_change(exchange)
    return knowledge


def planned(
    knowledge: Knowledge, *exchanges: Exchange, shown: Callable[[Any], bool] = nothing
) -> list[list[Step]]:
    """Every plan, as lists of steps."""
    return [list(plan.steps) for plan in plans(knowledge, shown, exchanges)]


def test_a_value_of_the_system_is_fetched_and_not_printed() -> None:
    """A path parameter that a list gave is a reference into a step that reads the list first."""
    read = answered(Step("GET", "/children/{id}", {"id": "c2"}), status=500)
    ((first, last),) = planned(learned(LIST), read)
    assert (first.method, first.path, first.name) == ("GET", "/children", "s0")
    assert last.path_parameters == {"id": Reference(step="s0", pointer="/items/1/id")}


def test_a_fixture_is_named_and_not_printed() -> None:
    """A value of the configuration is a reference to it, and needs no step."""
    read = answered(Step("GET", "/children/{id}", {"id": "c2"}), status=500)
    assert [s.path_parameters for (s,) in planned(learned(fixtures={"childId": ["c1", "c2"]}), read)] == [
        {"id": Reference(fixture="childId", index=1)}
    ]


def test_a_value_of_our_own_stands_as_it_is() -> None:
    """What the harness made up has no origin and is printed."""
    step = Step(
        "POST",
        "/notes",
        query=(("q", "joinedup"),),
        body={"text": "joinedup", "n": 1.5, "ok": True, "no": None},
    )
    ((last,),) = planned(learned(LIST), answered(step, status=500), shown=lambda value: True)
    assert (last.body, last.query) == (step.body, step.query)


def test_a_value_in_body_and_query_is_fetched_too() -> None:
    """References stand wherever a value of the system stood, deep in a body as well."""
    step = Step("POST", "/notes", query=(("child", "c1"),), body={"about": [{"child": "c2"}]})
    ((_, last),) = planned(learned(LIST), answered(step, status=500))
    assert last.query == (("child", Reference(step="s0", pointer="/items/0/id")),)
    assert last.body == {"about": [{"child": Reference(step="s0", pointer="/items/1/id")}]}


def test_an_object_is_read_first_and_made_anew_second() -> None:
    """Where a create gave the value, the second plan makes another object and does again what was done to it."""
    close = answered(Step("POST", "/children/{id}/closure", {"id": "c9"}, name="close"))
    read = answered(Step("GET", "/children/{id}", {"id": "c9"}), {"id": "c9"}, 500)
    listed = answered(Step("GET", "/children"), {"items": [{"id": "c9"}]})
    plain, anew = planned(learned(listed, CREATE, close), read)
    assert [(s.method, s.path) for s in plain] == [("GET", "/children"), ("GET", "/children/{id}")]
    assert [(s.method, s.path) for s in anew] == [
        ("POST", "/children"),
        ("POST", "/children/{id}/closure"),
        ("GET", "/children/{id}"),
    ]
    assert {str(s.path_parameters.get("id")) for s in anew[1:]} == {str(Reference(step="s0", pointer="/id"))}


def test_a_text_that_was_added_to_is_fetched_and_added_to_again() -> None:
    """What a check put around a text of the system stands beside a reference to it, wherever it stood."""
    step = Step("GET", "/children", query=(("q", "Amber-c2'"), ("r", "c2x")), body={"like": ["%c2"]})
    shown = {"", "Amber-", "'", "%"}.__contains__
    (plan,) = plans(
        learned(LIST), shown, [answered(step, status=500)], within=lambda text: "c2" if "c2" in text else ""
    )
    said = Reference(step="s0", pointer="/items/1/id")
    assert plan.steps[-1].query == (
        ("q", replace(said, before="Amber-", after="'")),
        # The letter beside it is none that may be shown, so that the text stays, to be masked.
        ("r", "c2x"),
    )
    assert plan.steps[-1].body == {"like": [replace(said, before="%")]}


def test_what_is_made_on_the_way_gets_a_new_name_at_last() -> None:
    """A name may be taken by now: the last plans make it anew, and use the new one wherever the old one stood."""
    step = Step("PATCH", "/children/{id}", {"id": "c9"}, body={"name": "Amber", "colour": "red"})
    mine = {"Amber", "red"}.__contains__
    *_, last = planned(learned(CREATE), answered(step, status=500), shown=mine)
    assert [s.body for s in last] == [
        {"name": Reference(new="Amber")},
        {"name": Reference(new="Amber"), "colour": "red"},
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [("Amber", "Amber123456"), ("a-name-of-some-length", "a-name-of-some-123456"), ("", "123456")],
)
def test_a_new_name_is_as_long_as_the_old_one_where_it_can_be(old: str, new: str) -> None:
    """A longest length that the old name kept to is kept to."""
    assert new_text(old, "123456") == new


def test_new_names_are_the_same_within_a_play_and_others_in_the_next() -> None:
    """Each play makes names that were never there."""
    sent: list[Step] = []

    def send(step: Step) -> Exchange:
        sent.append(step)
        return answered(step)

    steps = [Step("POST", "/a", body={"name": Reference(new="Amber")}, name=f"s{n}") for n in range(2)]
    play(send, steps, lambda name, index: None)
    play(send, steps, lambda name, index: None)
    names = [step.body["name"] for step in sent]
    assert names[0] == names[1] != names[2] == names[3]
    assert all(name.startswith("Amber") for name in names)


def test_what_an_earlier_step_gave_is_taken_from_there() -> None:
    """In a sequence, each later step takes identifier and entity tag from the answers before it."""
    change = answered(
        Step("PUT", "/children/{id}", {"id": "c9"}, headers={"If-Match": '"1"'}, body={}), status=500
    )
    steps = planned(Knowledge(), CREATE, change)[0]
    assert steps[1].path_parameters == {"id": Reference(step="s0", pointer="/id")}
    assert str(dict(steps[1].headers)["If-Match"]) == str(Reference(step="s0", header="ETag"))


def test_a_place_is_taken_from_the_location() -> None:
    """Where only the Location names the new object, its last segment is the identifier."""
    made = answered(
        Step("POST", "/children", body={}), status=201, Location="https://x.example/children/c7?x=1"
    )
    read = answered(Step("GET", "/children/{id}", {"id": "c7"}), status=404)
    steps = planned(Knowledge(), made, read)[0]
    assert steps[1].path_parameters == {"id": Reference(step="s0", header="Location", pattern="last-segment")}


# --- play


def never(name: str, index: int) -> Any:
    """No fixture."""
    raise AssertionError(name)


def player(answers: Mapping[str, Exchange]) -> tuple[list[Step], Callable[[Step], Exchange]]:
    """A sender that notes what it was given and answers by the path as asked for."""
    sent: list[Step] = []

    def send(step: Step) -> Exchange:
        sent.append(step)
        return answers.get(step.url_path(), answered(step))

    return sent, send


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        (Reference(step="s0", pointer="/id"), "/children/c9"),
        (Reference(step="s0", pointer="/deep/a~1b~0c/1"), "/children/x"),
        (Reference(step="s0", header="Location", pattern="last-segment"), "/children/c7"),
        (Reference(step="s0", header="location", pattern="last-segment"), "/children/c7"),
        (Reference(step="s0", header="ETag"), "/children/%221%22"),
        (Reference(fixture="childId", index=1), "/children/childId-1"),
        ("plain", "/children/plain"),
    ],
)
def test_references_are_fetched_when_steps_are_played(reference: Any, path: str) -> None:
    """A pointer, a header, the end of an address and a fixture each give their value."""
    body = {"id": "c9", "deep": {"a/b~c": ["w", "x"]}}
    made = answered(Step("POST", "/children"), body, 201, Location="/children/c7", ETag='"1"')
    sent, send = player({"/children": made})
    steps = [
        Step("POST", "/children", name="s0"),
        Step("GET", "/children/{id}", {"id": reference}, name="s1"),
    ]
    exchanges = play(send, steps, lambda name, index: f"{name}-{index}")
    assert [step.url_path() for step in sent] == ["/children", path]
    assert len(exchanges) == 2


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        (Reference(step="s0", pointer="/ref"), "/ref"),
        (Reference(step="s0", pointer="/empty"), "/empty"),
        (Reference(step="s0", pointer="/list/3"), "/list/3"),
        (Reference(step="s0", pointer="/list/-1"), "/list/-1"),
        (Reference(step="s0", header="ETag"), "the header ETag"),
    ],
)
def test_a_value_that_is_not_there_stops_the_play(reference: Reference, place: str) -> None:
    """The sentence names step, place and status, and holds nothing of the answer; the judged step is not sent."""
    sent, send = player(
        {"/children": answered(Step("POST", "/children"), {"empty": "", "list": ["Ava"]}, 201)}
    )
    steps = [Step("POST", "/children", name="s0"), Step("GET", "/", headers={"X": reference}, name="s1")]  # type: ignore[dict-item]
    with pytest.raises(SetupError) as raised:
        play(send, steps, never)
    assert f"a value at {place} and answered 201" in raised.value.message
    assert "Ava" not in str(raised.value)
    assert len(sent) == 1


def test_request_identifiers_are_renewed_consistently() -> None:
    """A UUID by which a server knows repetitions is new in each play, and the same where it was the same."""
    sent, send = player({})
    steps = [
        Step("POST", "/", headers={"Idempotency-Key": A, "X-Other": A}, name="s0"),
        Step("POST", "/", headers={"idempotency-key": A}, name="s1"),
        Step("POST", "/", headers={"X-Request-ID": B}, name="s2"),
        Step("POST", "/", headers={"X-Request-ID": "no uuid"}, name="s3"),
    ]
    play(send, steps, never)
    first, second, third, fourth = (list(step.headers.values()) for step in sent)
    assert first[0] == second[0] != A
    assert first[1] == A
    assert third[0] not in (A, B, first[0])
    assert fourth == ["no uuid"]
    again = with_new_identifiers(steps[0]).headers["Idempotency-Key"]
    assert again not in (A, first[0])


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", {"a": [1, {"b/c": 2}], "": 3, "0": 4}),
        ("/a/0", 1),
        ("/a/1/b~1c", 2),
        ("/", 3),
        ("/0", 4),
        ("/a/2", MISSING),
        ("/a/-", MISSING),
        ("/a/x", MISSING),
        ("/a/0/1", MISSING),
        ("/nothing", MISSING),
    ],
)
def test_pointers_are_those_of_rfc_6901(pointer: str, found: Any) -> None:
    """A pointer leads to its value, or to nothing at all."""
    value = {"a": [1, {"b/c": 2}], "": 3, "0": 4}
    assert at_pointer(value, pointer) == found
