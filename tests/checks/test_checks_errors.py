"""Refusals: what they name, repeat and give away; and request ids."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from judged import Judge, found, harvested, outcome_of

from joinedup.conformance.disclosure import leaks, lets_any_site_read
from joinedup.conformance.exchanges import Exchange, Response, Step
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.places import bases
from joinedup.conformance.problem_documents import faults_of
from joinedup.conformance.refusals import personal_values, stale_suspicions
from joinedup.conformance.suite import test_errors as suite

NAMES = suite.test_refusals_name_the_field_and_not_its_value
GIVES = suite.test_gives_nothing_away
PROBLEMS = suite.test_errors_are_problem_documents
IDS = suite.test_gives_request_ids_back


@pytest.mark.parametrize(
    ("style", "defect", "judge", "broken"),
    [
        ("cursor", "refusal-repeats-the-value-sent", NAMES, {"ERR-02", "PRV-04"}),
        ("offset", "refusal-repeats-the-value-sent", NAMES, {"ERR-02", "PRV-04"}),
        ("cursor", "refusal-does-not-name-the-field", NAMES, {"ERR-02"}),
        ("offset", "refusal-does-not-name-the-field", NAMES, {"ERR-02"}),
        ("offset", "stack-trace-in-refusal", GIVES, {"SEC-07"}),
        ("cursor", "database-speaks-in-refusal", GIVES, {"SEC-07"}),
        ("link", "server-version-in-refusals", GIVES, {"SEC-07"}),
        ("offset", "any-website-may-read-with-credentials", GIVES, {"SEC-07"}),
        ("cursor", "refusal-as-plain-text", PROBLEMS, {"ERR-01"}),
        ("link", "refusal-states-another-status", PROBLEMS, {"ERR-01"}),
        ("cursor", "correlation-not-echoed", IDS, {"OBS-01"}),
        ("offset", "correlation-not-echoed", IDS, {"OBS-01"}),
    ],
)
def test_finds_each_fault_of_refusals(style: str, defect: str, judge: Judge, broken: set[str]) -> None:
    """What a refusal should not say, or should, is found under its requirement."""
    with harvested(style, defect) as target:
        check = outcome_of(judge, target, *sorted(broken))
    assert found(check) == broken


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
@pytest.mark.parametrize(
    ("judge", "requirement"), [(NAMES, "ERR-02"), (GIVES, "SEC-07"), (PROBLEMS, "ERR-01"), (IDS, "OBS-01")]
)
def test_is_silent_on_a_service_that_refuses_well(style: str, judge: Judge, requirement: str) -> None:
    """A clean service passes; one without problem documents is not held to them."""
    with harvested(style) as target:
        check = outcome_of(judge, target, requirement)
    plain_errors = style == "offset" and judge is PROBLEMS
    assert check.findings == []
    assert [r.outcome for r in check.results()] == [Outcome.NOT_APPLICABLE if plain_errors else Outcome.PASS]


def _answer(body: str = "", status: int = 500, **headers: str) -> Exchange:
    written = {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange(Step("GET", "/x"), Response(status, httpx.Headers(written), body.encode()))


@pytest.mark.parametrize(
    "body",
    [
        'Traceback (most recent call last):\n  File "app.py", line 3',
        '{"trace": "at uk.gov.Care.read(Care.java:12)"}',
        "   at Care.Api.Children.Get(Int32 id) in C:\\src\\Children.cs:line 40",
        "at Object.<anonymous> (/srv/app/index.js:10:15)",
        "SQLSTATE[42000]: Syntax error",
        "ORA-00942: table or view does not exist",
        '{"detail": "SELECT id, name FROM children WHERE id = 1"}',
        "No module in /usr/lib/python3.11/site-packages/care",
    ],
)
def test_knows_what_gives_a_system_away(body: str) -> None:
    """Stack traces, messages of databases, queries and paths are known for what they are."""
    assert list(leaks(_answer(body)))


@pytest.mark.parametrize(
    "body",
    [
        '{"detail": "The value at /child/dateOfBirth is not a date."}',
        '{"detail": "Please select a child from the list where it is shown."}',
        '{"note": "Met at school (room 12). Trace of paint on the coat."}',
        '{"next": "/home/visits?cursor=abc"}',
        '{"version": "1.2.3", "server": "care"}',
    ],
)
def test_leaves_plain_words_alone(body: str) -> None:
    """Words that only resemble internals are not taken for them."""
    assert list(leaks(_answer(body))) == []


@pytest.mark.parametrize(
    ("server", "given_away"),
    [
        ("nginx/1.24.0", True),
        ("Microsoft-IIS/10.0", True),
        ("nginx", False),
        ("cloudflare", False),
        ("", False),
    ],
)
def test_knows_a_version_in_a_header(server: str, given_away: bool) -> None:
    """The name of a server is harmless, its version is not."""
    assert bool(list(leaks(_answer(server=server)))) is given_away


@pytest.mark.parametrize(
    ("origin", "credentials", "expected"),
    [
        ("https://joinedup-other.example", "true", True),
        ("*", "true", True),
        ("*", "", False),
        ("https://care.example", "true", False),
        ("https://joinedup-other.example", "false", False),
    ],
)
def test_knows_when_any_site_may_read(origin: str, credentials: str, expected: bool) -> None:
    """It takes both: an origin that nobody agreed, and credentials."""
    answer = _answer(access_control_allow_origin=origin, access_control_allow_credentials=credentials)
    assert lets_any_site_read(answer) is expected


@pytest.mark.parametrize(
    ("media_type", "body", "faulty"),
    [
        ("application/problem+json", '{"title": "Not found", "status": 404}', False),
        ("application/problem+json; charset=utf-8", "{}", False),
        ("application/problem+json", '{"status": 500}', True),
        ("application/problem+json", '{"title": 404}', True),
        ("application/problem+json", "[]", True),
        ("application/json", '{"status": 404}', True),
    ],
)
def test_knows_a_problem_document(media_type: str, body: str, faulty: bool) -> None:
    """RFC 9457 asks for an object whose members are of their types; every member may be missing."""
    suspicions = list(faults_of(_answer(body, 404, content_type=media_type)))
    assert bool(suspicions) is faulty
    assert all(s.expectation.is_broken_by(s.last, None) for s in suspicions)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ({"child": {"givenName": "Siân", "age": 12}}, ["Siân"]),
        ({"items": [{"dateOfBirth": "2014-03-15"}, {"status": "open"}]}, ["2014-03-15"]),
        ({"givenName": "Jo"}, []),
    ],
)
def test_knows_which_values_are_personal(body: object, values: list[str]) -> None:
    """Values are personal by the name of their property, and too short ones prove nothing."""
    assert list(personal_values(body)) == values


def test_finds_a_refusal_that_shows_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal of a stale change that names the person is found; the plain one is not."""
    with harvested("cursor") as target:
        base = next(bases(target, "PATCH"))
        assert list(stale_suspicions(base)) == [None]
        name = next(personal_values(base.lead[-1].json()))
        send = target.client.send

        def telling(step: Step) -> Exchange:
            exchange = send(step)
            said = Response(412, httpx.Headers(), f'{{"detail": "{name} has changed."}}'.encode())
            return replace(exchange, response=said) if exchange.status == 412 else exchange

        monkeypatch.setattr(target.client, "send", telling)
        (suspicion,) = stale_suspicions(base)
        assert suspicion is not None
        assert suspicion.requirements == ("PRV-04",)
        assert suspicion.again is not None
        assert suspicion.again()
