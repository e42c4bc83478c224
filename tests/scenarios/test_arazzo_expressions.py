"""Runtime expressions, templates and conditions: each row is one promise of the specification or of docs/arazzo.md."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from joinedup.conformance.exchanges import MISSING, Exchange, Response, Step, Text
from joinedup.scenarios.conditions import condition
from joinedup.scenarios.expressions import (
    ExpressionError,
    Finished,
    MissingValueError,
    Scope,
    parse,
    template,
)
from joinedup.scenarios.jsonpath import query, selects

ANSWER = {
    "id": 7,
    "name": "Grün",
    "a/b": {"~": [10, 20]},
    "gates": [{"side": "N"}, {"side": "S"}],
    "none": None,
}
STEP = Step(
    "POST",
    "/parks/{id}",
    path_parameters={"id": "p1"},
    query=(("q", "1"), ("q", "2")),
    headers={"X-Trace": "t"},
    body={"order": {"ids": [1, 2]}},
)
RESPONSE = Response(
    201,
    httpx.Headers([("Location", "/parks/7"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]),
    json.dumps(ANSWER).encode(),
)
SCOPE = Scope(
    {
        "child": {"name": "Siân"},
        "my.org.User": "u",
        "count": 3,
        "x-key": "k",
        "empty": "",
        "list": [[1], [2]],
    },
    outputs={"done": True},
    steps={"find": {"id": "7d0c", "found": {"items": [{"id": "i0"}]}}},
    workflows={"earlier": Finished({"given": 1}, {"made": {"name": "m"}})},
    sources={"parks": "https://parks.example"},
    components={"page": 4},
    exchange=Exchange(STEP, RESPONSE),
    url="https://parks.example/parks/p1",
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$url", "https://parks.example/parks/p1"),
        ("$method", "POST"),
        ("$statusCode", 201),
        ("$request.path.id", "p1"),
        ("$request.query.q", "1"),
        ("$request.header.x-trace", "t"),
        ("$request.body", {"order": {"ids": [1, 2]}}),
        ("$request.body#/order/ids/1", 2),
        ("$response.header.location", "/parks/7"),
        ("$response.header.Set-Cookie", "a=1, b=2"),
        ("$response.body", ANSWER),
        ("$response.body#", ANSWER),
        ("$response.body#/name", "Grün"),
        ("$response.body#/a~1b/~0/1", 20),
        ("$response.body#/none", None),
        ("$response.body.name", "Grün"),
        ("$response.body.gates[1].side", "S"),
        ("$response.body['a/b']", {"~": [10, 20]}),
        ("$inputs.child", {"name": "Siân"}),
        ("$inputs.child.name", "Siân"),
        ("$inputs.child#/name", "Siân"),
        ("$inputs.my.org.User", "u"),
        ("$inputs.x-key", "k"),
        ("$inputs.list[1][0]", 2),
        ("$outputs.done", True),
        ("$steps.find.outputs.id", "7d0c"),
        ("$steps.find.outputs.found#/items/0/id", "i0"),
        ("$steps.find.outputs.found.items[0].id", "i0"),
        ("$workflows.earlier.inputs.given", 1),
        ("$workflows.earlier.outputs.made#/name", "m"),
        ("$sourceDescriptions.parks.url", "https://parks.example"),
        ("$components.parameters.page", 4),
        ("$response.body#/nowhere", MISSING),
        ("$response.body#/gates/9", MISSING),
        ("$response.body#/name/x", MISSING),
        ("$response.header.ETag", MISSING),
        ("$request.query.none", MISSING),
        ("$inputs.none", MISSING),
        ("$inputs.count.more", MISSING),
        ("$steps.other.outputs.id", MISSING),
        ("$workflows.other.outputs.id", MISSING),
    ],
)
def test_an_expression_keeps_the_type_of_its_value(text: str, value: Any) -> None:
    """Every form of reference gives its value as it is, and nothing where there is none."""
    assert parse(text).value(SCOPE) is value or parse(text).value(SCOPE) == value
    assert type(parse(text).value(SCOPE)) is type(value)


@pytest.mark.parametrize(
    "text", ["$url", "$method", "$statusCode", "$response.body", "$request.body", "$request.path.id"]
)
def test_nothing_is_there_before_it_was_sent(text: str) -> None:
    """What belongs to an exchange has no value without one."""
    assert parse(text).value(Scope({})) is MISSING


def test_an_answer_that_is_no_json_is_its_text() -> None:
    """The body of such an answer is a text, and that of an empty one is nothing."""
    for body, value in ((b"plain", "plain"), (b"", MISSING)):
        scope = SCOPE.after(Exchange(STEP, Response(200, httpx.Headers(), body)), "")
        assert parse("$response.body").value(scope) == value


def test_a_body_that_was_sent_as_text_is_that_text() -> None:
    """A request's body is what was sent."""
    scope = SCOPE.after(Exchange(Step("POST", "/", body=Text("a=1")), None), "")
    assert parse("$request.body").value(scope) == "a=1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inputs.a", "no runtime expression"),
        ("$nothing", "no runtime expression"),
        ("$workflow_order_id", "no runtime expression"),
        ("$urls", "no runtime expression"),
        ("$url.host", "nothing may follow $url"),
        ("$statusCode#/x", "nothing may follow"),
        ("$inputs", "not of the form $inputs.<name>"),
        ("$outputs[0].id", "not of the form $outputs.<name>"),
        ("$steps.find.id", "not of the form $steps.<stepId>.outputs.<name>"),
        ("$steps.find.outputs", "not of the form"),
        ("$workflows.w.steps.s", "not of the form"),
        ("$response.headers.Location", ".header"),
        ("$response.query.q", ".header, .body"),
        ("$request.cookie.c", ".header, .query, .path, .body"),
        ("$request.header.", "followed by a full stop and the name"),
        ("$request.header.a b", "followed by a full stop and the name"),
        ("$response.body#id", "starts with a slash"),
        ("$response.body#/a~2", "written ~0"),
        ("$response.bodyx", "followed by one of"),
        ("$inputs.a[x]", "cannot be read from character 10"),
        ("$inputs." + "a" * 5000, "no runtime expression"),
    ],
)
def test_what_is_no_expression_is_told(text: str, said: str) -> None:
    """A text that is none is refused with a sentence that says why."""
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("plain", "plain"),
        ("5 $ a day", "5 $ a day"),
        ("$5", "$5"),
        ("{no expression}", "{no expression}"),
        ("$inputs.count", 3),
        ("n {$inputs.count}", "n 3"),
        ("{$inputs.child}", '{"name": "Siân"}'),
        ("Bearer {$inputs.x-key}/{$steps.find.outputs.id}", "Bearer k/7d0c"),
        ({"a": "$inputs.count", "b": ["$inputs.none", "{$inputs.empty}", 1]}, {"a": 3, "b": ["", 1]}),
        ({"a": "$inputs.none", "b": {"c": "$inputs.none"}}, {"b": {}}),
        ({"$ref": "x"}, {"$ref": "x"}),
        (None, None),
    ],
)
def test_a_template_is_filled_in(value: Any, rendered: Any) -> None:
    """Expressions in any value are put in; a part that has no value is left out."""
    assert template(value).render(SCOPE) == rendered


def test_a_value_cannot_break_out_of_json_text() -> None:
    """A text that is embedded in JSON text is escaped, so that it stays one value."""
    text = '{"name": "{$inputs.name}"}'
    rendered = template(text, escaped=True).render(Scope({"name": 'x", "admin": "yes'}))
    assert json.loads(rendered) == {"name": 'x", "admin": "yes'}


def test_a_text_cannot_be_without_what_it_embeds() -> None:
    """A missing value inside a text is told, and not sent as a word."""
    with pytest.raises(MissingValueError, match=r"\$inputs\.none"):
        template("Bearer {$inputs.none}").render(SCOPE)


def test_a_typing_mistake_is_no_literal() -> None:
    """A value that starts like an expression is one or is refused."""
    with pytest.raises(ExpressionError, match="no runtime expression"):
        template({"a": ["$input.x"]})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("$statusCode == 201", True),
        ("$statusCode==201", True),
        ("$statusCode == '201'", True),
        ("$statusCode != 200", True),
        ("$statusCode >= 200 && $statusCode < 300", True),
        ("$statusCode == 200 || $statusCode == 201", True),
        ("$statusCode == 200 || $statusCode == 201 && false", False),
        ("($statusCode == 200 || $statusCode == 201) && true", True),
        ("!($statusCode == 200)", True),
        ("!$outputs.done", False),
        ("!!$outputs.done", True),
        ("{$statusCode == 201}", True),
        ("{$statusCode} == 201", True),
        ("$outputs.done", True),
        ("$outputs.done == true", True),
        ("$outputs.done == 'TRUE'", True),
        ("$outputs.done == 1", False),
        ("$inputs.empty", False),
        ("$inputs.list", True),
        ("$response.body#/name == 'GRÜN'", True),
        ("$response.body#/gates[1].side == 's'", True),
        ("$response.body#/gates/0/side == 'N'", True),
        ("$response.body.gates[0].side == $response.body#/gates/0/side", True),
        ("$response.body#/none == null", True),
        ("$response.body#/nowhere == null", True),
        ("$response.body#/nowhere != null", False),
        ("$response.body#/nowhere > 1", False),
        ("$response.body#/name > 1", False),
        ("$inputs.count > 2.5", True),
        ("$inputs.count <= 3e0", True),
        ("$inputs.count == -3", False),
        ("'it''s' == 'IT''S'", True),
        ("'b' > 'A'", True),
        ("'2026-11-03' < '2026-11-10'", True),
        ("true > false", False),
        ("$inputs.child == $inputs.child", True),
        ("null == false", False),
    ],
)
def test_a_simple_condition(text: str, holds: bool) -> None:
    """Literals, operators, grouping and loose comparison are as the specification and docs/arazzo.md say."""
    assert condition(text).holds(SCOPE) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing at the end"),
        ("$statusCode ==", "missing at the end"),
        ("== 200", "was expected before"),
        ("($statusCode == 200", "not closed"),
        ("$statusCode == 200)", "not expected there"),
        ("$statusCode 200", "not expected there"),
        ("$statusCode = 200", "cannot be read from character"),
        ('$method == "GET"', "single quotes"),
        ("$nothing == 1", "no runtime expression"),
        ("(" * 60 + "1" + ")" * 60, "nested more than 50"),
        ("1 " * 3000, "at most 4,000"),
    ],
)
def test_what_is_no_condition_is_told(text: str, said: str) -> None:
    """A text that is none is refused with a sentence that says why."""
    with pytest.raises(ExpressionError) as caught:
        condition(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("$.gates", True),
        ("$.nowhere", False),
        ("$.none", True),
        ("$.gates[?@.side == 'N']", True),
        ("$.gates[?@.side == 'n']", False),
        ("$[?count(@.*) > 1]", True),
        ("$..side", True),
        ("$.gates[?match(@.side, '[NS]')]", True),
        ("$.gates[?search(@.side, 'x')]", False),
    ],
)
def test_a_jsonpath_query_selects(text: str, selected: bool) -> None:
    """A query holds where it selects at least one node, as RFC 9535 has it."""
    assert selects(query(text), ANSWER) is selected


@pytest.mark.parametrize("text", ["$.access_token != null", "gates", "$[", "$..a..b..c", "$." + "a" * 5000])
def test_what_is_no_query_is_told(text: str) -> None:
    """What RFC 9535 does not allow, and what would visit too much, is refused."""
    with pytest.raises(ExpressionError):
        query(text)


def test_a_pattern_that_takes_for_ever_matches_nothing() -> None:
    """A pattern with exponential backtracking ends, whatever the answer holds."""
    hostile = query("$[?search(@, '(a|aa)+$')]")
    assert not selects(hostile, ["a" * 60 + "b"])
