"""
What the generated phases send, and what they may never do.

The first half holds the parts of Schemathesis that are not public, so that an upgrade that moves them fails here and
not in a run.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from parks import SEEDED, TOKEN, Answer, Asked, Parks, answer, serving, target_of
from schemathesis.engine import context as engine_context
from schemathesis.generation.meta import CoverageScenario

from joinedup.conformance import generated
from joinedup.conformance.configuration import Limits
from joinedup.conformance.errors import RealDataError, SetupError
from joinedup.conformance.exchanges import Step
from joinedup.conformance.generated import PHASES, Generated, Observation, run_generated
from joinedup.conformance.generated_input import Cases
from joinedup.conformance.harvest import harvest
from joinedup.conformance.target import Target

FEW = Cases(fuzzing=4, stateful=2)
PROBE = "x-schemathesis-probe"
LEFT_OUT = {"resetParks": "empties the parks"}


@dataclass
class Ran:
    """One run of the engine, and all that can be known of it."""

    parks: Parks
    target: Target
    generated: Generated
    observations: list[Observation]
    events: list[Any]
    records: list[dict[str, Any]]
    written: list[Path]
    asked: list[Asked] = field(default_factory=list)


def run(
    parks: Parks, folder: Path, *, cases: Cases = FEW, limits: Limits | None = None, harvested: bool = True
) -> Ran:
    """Harvest and generate against the parks, in an empty folder."""
    records: list[dict[str, Any]] = []
    observations: list[Observation] = []
    events: list[Any] = []
    take = generated._take

    def note(event: Any, *rest: Any) -> None:
        events.append(event)
        take(event, *rest)

    def write(event: str, **fields: Any) -> None:
        records.append({"event": event, **fields})

    with serving(parks) as base_url, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(generated, "_take", note)
        target = target_of(base_url, limits=limits, leave_out=LEFT_OUT, write=write)
        if harvested:
            harvest(target)
        before = len(parks.asked), len(records)
        done = run_generated(target, cases, observations.append)
        target.client.close()
    # The engine probes first what a server's HTTP layer bears; these requests belong to no operation.
    asked = [one for one in parks.asked[before[0] :] if PROBE not in one.headers]
    return Ran(parks, target, done, observations, events, records[before[1] :], list(folder.iterdir()), asked)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One whole run with all phases."""
    return run(Parks(), tmp_path_factory.mktemp("ran"))


# --- what is used of Schemathesis beside its public face


def test_the_engine_still_makes_its_sessions_where_ours_is_put_in() -> None:
    """``make_session`` is looked up in the engine's context module, takes a configuration and an operation."""
    assert list(inspect.signature(engine_context.make_session).parameters) == ["config", "operation"]
    users = [
        name
        for name, made in inspect.getmembers(engine_context, inspect.isclass)
        if made.__module__ == engine_context.__name__ and "make_session(" in inspect.getsource(made)
    ]
    assert users


def test_our_session_is_taken_away_after_the_run(ran: Ran) -> None:
    """What was put in for a run is gone after it."""
    assert engine_context.make_session.__module__.startswith("schemathesis")


@pytest.mark.parametrize(
    "scenario", ["unspecified_http_method", "malformed_content_type", "unsupported_content_type"]
)
def test_the_coverage_scenarios_still_have_their_names(scenario: str) -> None:
    """Requests that are neither right nor wrong by the contract are known by these names."""
    assert scenario in {member.value for member in CoverageScenario}


SCENARIO = ["phase.value", "recorder.cases", "recorder.checks", "recorder.interactions"]
CASE = [
    "parent_id",
    "value.operation.label",
    "value.operation.path",
    "value.meta.generation.mode.is_positive",
    "value.meta.phase.data",
]
INTERACTION = ["request.method", "request.uri", "request.headers", "request.body", "response"]
RESPONSE = ["status_code", "headers", "content", "elapsed"]
COVERAGE = ["scenario.value", "location", "parameter", "parameter_location"]
MUTATION = ["path", "keywords", "operator.value", "parameter", "parameter_location.value"]


def has(value: Any, path: str) -> bool:
    """Whether an object has what a dotted path names."""
    for name in path.split("."):
        if not hasattr(value, name):
            return False
        value = getattr(value, name)
    return True


def parts(ran: Ran) -> dict[str, list[Any]]:
    """What the engine handed over, by kind."""
    scenarios = [event for event in ran.events if type(event).__name__ == "ScenarioFinished"]
    cases = [case for event in scenarios for case in event.recorder.cases.values()]
    interactions = [i for event in scenarios for i in event.recorder.interactions.values()]
    data = [case.value.meta.phase.data for case in cases if case.value.meta is not None]
    return {
        "scenario": scenarios,
        "case": [case for case in cases if case.value.meta is not None],
        "interaction": interactions,
        "response": [i.response for i in interactions if i.response is not None],
        "coverage": [d for d in data if type(d).__name__ == "CoveragePhaseData"],
        "mutation": [m for d in data for m in getattr(d, "mutations", ())],
    }


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("scenario", SCENARIO),
        ("case", CASE),
        ("interaction", INTERACTION),
        ("response", RESPONSE),
        ("coverage", COVERAGE),
        ("mutation", MUTATION),
    ],
)
def test_the_events_still_have_the_fields_that_are_read(ran: Ran, kind: str, fields: list[str]) -> None:
    """Each field that is read of an event is there, on every one of them."""
    found = parts(ran)[kind]
    assert found
    assert Counter(name for value in found for name in fields if not has(value, name)) == {}


def test_failures_still_carry_their_codes(tmp_path: Path) -> None:
    """A 500 is ST101, an accepted wrong request ST201."""

    def instead(asked: Asked) -> Answer | None:
        return (
            answer(500, {"title": "No."})
            if asked.method == "PUT"
            else answer(200, {})
            if asked.method == "POST"
            else None
        )

    seen = run(Parks(instead), tmp_path, cases=Cases(2, 0), harvested=False).observations
    codes = {o.exchange.step.method: set[str]() for o in seen}
    for observation in seen:
        codes[observation.exchange.step.method] |= set(observation.failures)
    assert "ST101" in codes["PUT"]
    assert codes["POST"] == {"ST201"}
    assert codes["GET"] == set()


# --- what is sent


def test_every_phase_runs_and_every_operation_gets_its_turn(ran: Ran) -> None:
    """Four phases; each operation that may be called is called in each of the first three."""
    operations = {operation.label for operation in ran.target.operations}
    assert {o.phase for o in ran.observations} == set(PHASES)
    for phase in ("coverage", "fuzzing"):
        assert {o.exchange.step.operation for o in ran.observations if o.phase == phase} == operations


def test_every_request_is_handed_over_once(ran: Ran) -> None:
    """What the server was asked, what was observed, what was counted and what was recorded are the same requests."""
    observed = Counter((o.exchange.step.method, o.exchange.status) for o in ran.observations)
    recorded = Counter((r["method"], r["status"]) for r in ran.records if r["event"] == "exchange")
    probes = Counter({("GET", 404): len([a for a in ran.parks.asked if PROBE in a.headers])})
    assert observed + probes == recorded
    assert len(ran.asked) == len(ran.observations) == ran.generated.cases
    assert sum(sum(t.statuses.values()) for t in ran.generated.tallies.values()) == ran.generated.cases


def test_an_observation_sends_the_same_request_again(ran: Ran) -> None:
    """The step of each exchange, built by our client, is the request that the server got."""
    built = [ran.target.client.build(o.exchange.step) for o in ran.observations]
    meant = [(r.method, unquote(r.url.raw_path.decode().replace("+", " "))) for r in built]
    assert meant == [(a.method, unquote(a.path.replace("+", " "))) for a in ran.asked]
    assert [
        same(r.content, a.body) for r, a in zip(built, ran.asked, strict=True) if not same(r.content, a.body)
    ] == []


def same(one: bytes, other: bytes) -> bool:
    """Whether two bodies are the same bytes or the same JSON."""
    try:
        return one == other or bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def test_the_credential_is_in_every_request(ran: Ran) -> None:
    """The caller's own token, unless the case is about a credential itself; and no cookie."""
    assert {asked.headers.get("authorization") for asked in ran.asked} == {f"Bearer {TOKEN}"}
    assert [asked for asked in ran.asked if "cookie" in asked.headers] == []


def test_what_is_left_out_is_never_called(ran: Ran) -> None:
    """An operation that the configuration leaves out gets no request, by any method."""
    assert [asked.path for asked in ran.parks.asked if asked.path.startswith("/reset")] == []


def test_known_objects_are_read_and_changed_but_never_deleted(ran: Ran) -> None:
    """Harvested identifiers reach GET and PUT; DELETE gets none of them, so that they are there to the end."""
    reached = {(a.method, unquote(a.path.removeprefix("/parks/"))) for a in ran.asked}
    assert ("GET", "p-one") in reached
    assert ("PUT", "p-one") in reached
    assert not {("DELETE", name) for name in SEEDED} & reached
    assert set(SEEDED) <= set(ran.parks.parks)


def test_a_redirect_is_not_followed(ran: Ran) -> None:
    """A 302 is the answer: nothing is asked at its Location."""
    moved = [o.exchange for o in ran.observations if o.exchange.step.operation == "GET /moved"]
    assert moved
    assert {exchange.status for exchange in moved} <= {302, 405, 404}
    assert len([a for a in ran.asked if a.path.startswith("/moved")]) == len(moved)


def test_right_and_wrong_requests_are_told_apart(ran: Ran) -> None:
    """A request that the contract allows succeeds or is not found; one that it does not is refused with a reason."""
    creates = [o for o in ran.observations if o.exchange.step.operation == "POST /parks"]
    assert {o.exchange.status for o in creates if o.positive} == {201}
    assert {o.exchange.status for o in creates if o.positive is False} == {400}
    wrong = [o for o in creates if o.positive is False]
    assert {o.fault[0] for o in wrong} <= {"body", ""}
    assert any(o.fault[1] == "name" for o in wrong)
    assert all(o.fault[2] for o in wrong)


def test_the_words_for_what_is_wrong_hold_no_value(ran: Ran) -> None:
    """Place and kind of a fault are words of the contract and of the engine."""
    words = {word for o in ran.observations for word in o.fault}
    allowed = {"name", "parkId", "limit", "body", "path", "query", "header", "Content-Type", ""}
    assert [
        word for word in words if word not in allowed and not all(c.isalpha() or c in " (),_.*" for c in word)
    ] == []


def test_nothing_is_written_into_the_folder(ran: Ran) -> None:
    """No ``.hypothesis``, no ``.schemathesis``: a run leaves nothing behind where it was started."""
    assert ran.written == []


def test_the_budget_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    """Not one request more than the limit is sent, and the run says that it was cut."""
    short = run(Parks(), tmp_path, limits=Limits(max_requests=8, destructive=True), harvested=False)
    assert len(short.parks.asked) == 8
    assert "limits.max_requests = 8" in short.generated.cut


@pytest.mark.parametrize("requests", [60, 200])
def test_what_is_sent_fits_the_budget(requests: int, tmp_path: Path) -> None:
    """Where few requests are left, each operation gets fewer, and none goes without."""
    many = Cases(fuzzing=50, stateful=20)
    limits = Limits(max_requests=requests, destructive=True)
    short = run(Parks(), tmp_path, cases=many, limits=limits, harvested=False)
    assert short.generated.cut == ""
    assert {label for label, _ in short.generated.tallies} >= {op.label for op in short.target.operations}
    assert len(short.parks.asked) <= requests


def test_real_people_end_the_run(tmp_path: Path) -> None:
    """The first answer that looks like real people stops everything; nothing of it is recorded."""
    nine = "401023213"
    check = -sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    parks = Parks(
        lambda asked: answer(200, {"nhsNumber": f"{nine}{check}"}) if asked.method == "PUT" else None
    )
    records: list[Any] = []
    with serving(parks) as base_url, pytest.raises(RealDataError):
        run_generated(
            target_of(base_url, write=lambda event, **fields: records.append(fields)),
            Cases(2, 0),
            lambda o: None,
        )
    assert [a.method for a in parks.asked].count("PUT") == 1
    assert parks.asked[-1].method == "PUT"
    assert len(records) == len(parks.asked) - 1
    assert nine not in str(records)


def test_a_credential_that_cannot_be_had_ends_the_run() -> None:
    """Without a token there is nothing to test: the fault is told, and nothing was sent."""
    parks = Parks()
    keys = {
        "flow": "client-credentials",
        "token_url": "http://127.0.0.1:9/",
        "client_id": "x",
        "client_secret": "y",
    }
    with serving(parks) as base_url, pytest.raises(SetupError, match="token server"):
        run_generated(target_of(base_url, identities={"own": keys}), Cases(2, 0), lambda observation: None)
    assert parks.asked == []


def test_two_runs_send_the_same_requests(tmp_path: Path) -> None:
    """The same seed against the same state sends the same requests in the same order."""
    gists = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        gists.append([asked.gist for asked in run(Parks(), tmp_path / name, cases=Cases(2, 1)).asked])
    assert len(gists[0]) > 30
    assert gists[0] == gists[1]


def test_no_answer_at_all_is_an_observation(tmp_path: Path) -> None:
    """A server that hangs up gives exchanges without an answer, and no exception."""

    def instead(asked: Asked) -> Answer | None:
        if asked.method == "PUT":
            raise ConnectionAbortedError
        return None

    seen = run(Parks(instead), tmp_path, cases=Cases(2, 0), harvested=False).observations
    puts = [o.exchange for o in seen if o.exchange.step.method == "PUT"]
    assert puts
    assert {exchange.response for exchange in puts} == {None}
    assert all(exchange.error for exchange in puts)


@pytest.mark.parametrize(
    ("pointer", "name"),
    [
        ("/properties/name/minLength", "name"),
        ("/properties/address/properties/lines/items/type", "address.lines.*"),
        ("/properties/a~1b/type", "a/b"),
        ("/properties/required/type", "required"),
        ("/required", ""),
        ("/type", ""),
        ("/items/type", "*"),
        ("", ""),
    ],
)
def test_a_place_in_a_schema_is_told_as_a_property(pointer: str, name: str) -> None:
    """People read the name of a property, not the pointer to a keyword."""
    assert generated._property(pointer) == name


def test_what_led_to_a_request_comes_with_it(ran: Ran) -> None:
    """What led to a request in the stateful phase comes with it, in order."""
    before = [o for o in ran.observations if o.before]
    assert before
    assert {o.phase for o in before} == {"stateful"}
    assert all(isinstance(earlier.step, Step) for o in before for earlier in o.before)
