"""From something that looks wrong to a finding that anyone can see again, without a value of the system in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from parks import TOKEN, Answer, Asked, Parks, answer, serving, target_of

from joinedup.conformance.client import Budget
from joinedup.conformance.evidence import NEEDS_STATE, Suspicion, as_finding, confirm, evidence
from joinedup.conformance.exchanges import MISSING, Exchange, Response, Step, Text
from joinedup.conformance.expect import Expectation
from joinedup.conformance.findings import Finding
from joinedup.conformance.harvest import harvest
from joinedup.conformance.target import Target

NO_SERVER_ERROR = Expectation(never=("5XX",))
Instead = Callable[[Asked], Answer | None]


def suspicion(*exchanges: Exchange, expectation: Expectation = NO_SERVER_ERROR, **more: Any) -> Suspicion:
    """Something that looks wrong."""
    return Suspicion(
        "server-error", ("CON-API-12",), "It fails", "No 5XX.", "500.", exchanges, expectation, **more
    )


def failing(path: str, method: str = "GET", *, times: int = 10_000, status: int = 500) -> Instead:
    """Answer with a failure at a place, so many times."""
    left = [times]

    def instead(asked: Asked) -> Answer | None:
        if (asked.method, asked.path) != (method, path) or not left[0]:
            return None
        left[0] -= 1
        return answer(status, {"title": "No.", "name": "Amber Green"})

    return instead


def found(
    instead: Instead, *steps: Step, learn: bool = True, **more: Any
) -> tuple[Finding, list[tuple[str, str]]]:
    """The finding that some steps lead to, and what was asked to confirm it."""
    parks = Parks(instead)
    with serving(parks) as base_url:
        target = target_of(base_url)
        if learn:
            target.knowledge.learn(target.client.send(Step("GET", "/parks", operation="GET /parks")))
        exchanges = []
        for step in steps:
            exchanges.append(target.client.send(step))
            target.knowledge.learn(exchanges[-1])
        before = len(parks.asked)
        finding = confirm(target, suspicion(*exchanges, **more))
        target.client.close()
    return finding, [asked.gist[:2] for asked in parks.asked[before:]]


def read(park: str = "p-two") -> Step:
    """Read one park."""
    return Step("GET", "/parks/{parkId}", {"parkId": park}, operation="GET /parks/{parkId}")


OPEN = Step("POST", "/parks", body={"name": "Clover"}, operation="POST /parks")


def test_what_shows_again_is_confirmed_with_steps_that_stand_alone() -> None:
    """It is sent once more, then played from its own steps: the list is read to find the object."""
    finding, asked = found(failing("/parks/p-two"), read())
    assert finding.confirmed
    assert finding.advice == ""
    assert asked == [("GET", "/parks/p-two"), ("GET", "/parks"), ("GET", "/parks/p-two")]
    first, last = finding.steps
    assert (first["method"], first["path"]) == ("GET", "/parks")
    assert last["path_parameters"] == {"parkId": {"from": "s0", "pointer": "/items/1/id"}}
    assert (last["status"], last["expect"]) == (500, {"never": ["5XX"]})


def test_what_does_not_show_again_is_not_confirmed() -> None:
    """Seen once only: unconfirmed, still with its steps, and no more than one request is spent on it."""
    finding, asked = found(failing("/parks/p-two", times=1), read())
    assert not finding.confirmed
    assert asked == [("GET", "/parks/p-two")]
    assert len(finding.steps) == 2


@pytest.mark.parametrize(("times", "confirmed", "pauses"), [(1, False, 0), (3, False, 2), (10_000, True, 3)])
def test_what_says_that_it_passes_is_given_time(
    times: int, confirmed: bool, pauses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 503 counts only where it stays: a database that is busy for a moment is no input that breaks a server."""
    waited: list[float] = []
    monkeypatch.setattr(Budget, "pause", lambda self, seconds: waited.append(seconds))
    finding, _ = found(failing("/parks/p-two", times=times, status=503), read())
    assert (finding.confirmed, len(waited)) == (confirmed, pauses)


def test_what_its_steps_do_not_bring_back_says_so() -> None:
    """Seen twice, but no longer when it is played from the start: the finding stands, with a word on it."""
    finding, _ = found(failing("/parks/p-two", times=2), read())
    assert finding.confirmed
    assert finding.advice == NEEDS_STATE


def test_an_object_is_made_anew_where_reading_it_is_not_enough() -> None:
    """Where a plain reading shows nothing, an object is created again, and the second plan shows it."""
    made = [0]

    def instead(asked: Asked) -> Answer | None:
        if asked.method == "POST":
            made[0] += 1
        if asked.method == "GET" and asked.path == "/parks/p-made-1":
            return answer(500, {"title": "No."}) if made[0] == 1 else None
        return answer(500, {"title": "No."}) if asked.path == "/parks/p-made-2" else None

    finding, asked = found(instead, OPEN, read("p-made-1"))
    assert finding.confirmed
    assert finding.advice == ""
    assert asked[-2:] == [("POST", "/parks"), ("GET", "/parks/p-made-2")]
    assert [step["method"] for step in finding.steps] == ["POST", "GET"]


@pytest.mark.parametrize(("verdict", "confirmed"), [(True, True), (False, False)])
def test_a_rule_may_bring_its_own_second_look(verdict: bool, confirmed: bool) -> None:
    """Where a rule sends it all once more itself, its word counts."""
    finding, asked = found(
        failing("/parks/p-two", times=1), read(), again=lambda: verdict, expectation=Expectation()
    )
    assert finding.confirmed is confirmed
    assert asked == []


def stopped(write: Callable[..., None] = lambda event, **fields: None) -> Target:
    """A target that nothing is sent to."""
    return target_of("http://127.0.0.1:9", write=write)


def answered(step: Step, body: Any, status: int = 500, **headers: str) -> Exchange:
    """An exchange with a JSON answer."""
    received = httpx.Headers({"Content-Type": "application/json", **headers})
    return Exchange(step, Response(status, received, json.dumps(body).encode()))


def test_a_finding_says_what_the_rule_says() -> None:
    """Rule, requirements, title, sentences, cause and count go through as they are; place and operations have defaults."""
    exchange = answered(read(), {})
    finding = as_finding(stopped(), suspicion(exchange, cause="c", count=3), confirmed=True)
    assert (finding.rule, finding.requirements, finding.title) == (
        "server-error",
        ("CON-API-12",),
        "It fails",
    )
    assert (finding.expected, finding.actual, finding.cause, finding.count) == ("No 5XX.", "500.", "c", 3)
    assert (finding.where, finding.operations) == ("GET /parks/{parkId}", ("GET /parks/{parkId}",))
    named = as_finding(
        stopped(), suspicion(exchange, where="#/x", operations=("A", "B"), advice="Do."), confirmed=True
    )
    assert (named.where, named.operations, named.advice) == ("#/x", ("A", "B"), "Do.")


def test_an_exchange_without_an_operation_has_a_place_too() -> None:
    """A request beside the contract is named by method and path."""
    exchange = answered(Step("TRACE", "/", operation=""), {})
    finding = as_finding(stopped(), suspicion(exchange), confirmed=True)
    assert (finding.where, finding.operations) == ("TRACE /", ())


def test_the_evidence_shows_what_we_sent_and_the_shape_of_what_came() -> None:
    """Our own values stand; the system's are tokens; declared names and plain protocol headers stay."""
    target = stopped()
    step = Step(
        "PUT", "/parks/{parkId}", {"parkId": "p-two"}, (("a", "ours"),), {"X-Ours": "h-1"}, {"name": "Clover"}
    )
    exchange = answered(
        step, {"id": "p-two", "name": "Amber Green", "hidden": 7}, 200, ETag='"v1"', Allow="GET"
    )
    target.redactor.received({"id": "p-two"})
    target.observe(exchange)
    (_, request), (_, response) = evidence(target, exchange)
    assert request.split("\n") == [
        "PUT /parks/‹string:5 #a1›?a=ours",
        "X-Ours: h-1",
        "Content-Type: application/json",
        "",
        '{"name": "Clover"}',
    ]
    assert response.startswith("200\n")
    assert '"id": "‹string:5 #a1›"' in response
    assert "allow: GET" in response
    assert "name" in response
    assert not any(said in response + request for said in ("p-two", "Amber", "hidden", "v1", ": 7"))


def test_no_answer_is_evidence_too() -> None:
    """Where nothing came, the reason stands in its place."""
    exchange = Exchange(read("p"), None, "no answer within 5 s")
    assert evidence(stopped(), exchange)[1] == ("Response", "no answer within 5 s")


def test_long_bodies_are_cut() -> None:
    """Evidence is an example, not an archive."""
    target = stopped()
    step = Step("POST", "/parks", body=Text("x" * 9_000), media_type="text/plain")
    exchange = answered(step, ["y" * 9] * 5_000)
    target.observe(exchange)
    assert all(len(text) < 2_000 for _, text in evidence(target, exchange))


@pytest.mark.parametrize(
    "step",
    [
        read("p-secret"),
        Step("GET", "/parks/p-secret"),
        Step("GET", "/parks", query=(("after", "p-secret"),)),
        Step("GET", "/parks?after=p-secret&%FF"),
        Step("GET", "/parks/{parkId}?after=p-secret&%FF", {"parkId": "p-one"}),
        Step("GET", "/parks", headers={"X-After": "p-secret"}),
        Step("POST", "/parks", body={"name": ["p-secret"]}),
        Step("POST", "/parks", body=Text("p-secret")),
    ],
    ids=lambda step: f"{step.method} {step.path} {step.body!r:.20}",
)
@pytest.mark.parametrize("secret", [False, True])
def test_no_value_of_the_system_stands_in_a_finding(step: Step, secret: bool) -> None:
    """Wherever a request carried what the system said or what is secret, the finding has its token."""
    target = stopped()
    target.redactor.received("p-secret")
    if secret:
        target.redactor.keep_secret("p-secret")
    exchange = answered(step, {"name": "p-secret"})
    target.observe(exchange)
    finding = as_finding(target, suspicion(exchange), confirmed=True)
    assert "p-secret" not in str((finding.steps, finding.evidence))


def test_no_credential_stands_in_a_finding() -> None:
    """The token of the caller is in no step and no evidence, even where the system sends it back."""
    finding, _ = found(
        lambda asked: answer(500, {"name": asked.headers["authorization"]}), read("p-one"), learn=False
    )
    assert finding.confirmed
    assert TOKEN not in str(finding)


def test_bytes_that_are_no_text_can_be_written_down() -> None:
    """A finding about a binary body goes through JSON and back."""
    target = stopped()
    exchange = answered(
        Step("POST", "/parks", body=Text("\udcff\0"), media_type="application/octet-stream"), {}
    )
    target.observe(exchange)
    finding = as_finding(target, suspicion(exchange), confirmed=True)
    assert json.loads(json.dumps(finding.steps))[0]["body"] == {"text": "\udcff\0"}


def test_harvest_and_evidence_agree_on_what_was_learned() -> None:
    """After a harvest, a read by a harvested identifier is reproduced by reading the list first."""
    parks = Parks(failing("/parks/p-one", "PUT"))
    with serving(parks) as base_url:
        target = target_of(base_url)
        harvest(target)
        exchange = target.client.send(
            Step(
                "PUT",
                "/parks/{parkId}",
                {"parkId": "p-one"},
                body={"name": "x"},
                operation="PUT /parks/{parkId}",
            )
        )
        finding = confirm(target, suspicion(exchange))
        target.client.close()
    assert finding.confirmed
    assert [step["method"] for step in finding.steps] == ["GET", "PUT"]
    assert exchange.json() is not MISSING
