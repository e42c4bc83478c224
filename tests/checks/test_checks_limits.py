"""Limits that a contract states: sizes of bodies and rates of calls."""

from __future__ import annotations

import json
from collections.abc import Iterator

import parks
import pytest
from judged import Judge, found, harvested, outcome_of, target_of
from service.serve import serving

from joinedup.conformance import declared_limits
from joinedup.conformance.contract import parse_contract
from joinedup.conformance.declared_limits import Rate, body_limit, declared_rate
from joinedup.conformance.harvest import harvest
from joinedup.conformance.outcomes import Outcome
from joinedup.conformance.suite import test_limits as suite
from joinedup.conformance.target import OWN, Target

SIZES, RATES = suite.test_keeps_the_size_of_bodies, suite.test_keeps_the_rate_of_calls


@pytest.mark.parametrize(
    ("style", "defect", "quota", "judge", "requirement"),
    [
        ("cursor", "body-limit-not-enforced", 0, SIZES, "SEC-03"),
        ("offset", "body-limit-not-enforced", 0, SIZES, "SEC-03"),
        ("cursor", "haste-refused-without-a-time", 0, RATES, "SEC-04"),
        ("offset", "haste-refused-without-a-time", 100, RATES, "SEC-04"),
        ("offset", "quota-not-enforced", 100, RATES, "SEC-04"),
    ],
)
def test_finds_each_limit_that_is_not_kept(
    style: str, defect: str, quota: int, judge: Judge, requirement: str
) -> None:
    """A limit that the contract states and the service does not keep is found."""
    with harvested(style, defect, quota=quota) as target:
        check = outcome_of(judge, target, requirement)
    assert found(check) == {requirement}
    assert len(check.findings) == 1


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
@pytest.mark.parametrize(
    ("judge", "requirement", "quota"), [(SIZES, "SEC-03", 0), (RATES, "SEC-04", 0), (RATES, "SEC-04", 100)]
)
def test_is_silent_on_limits_that_are_kept(style: str, judge: Judge, requirement: str, quota: int) -> None:
    """A service that keeps the limits of its contract passes, having been put to the test."""
    with harvested(style, quota=quota) as target:
        check = outcome_of(judge, target, requirement)
    assert check.findings == []
    assert [result.outcome for result in check.results()] == [Outcome.PASS]


def _without_delay(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let waiting take no time; gives how long was waited."""
    waited: list[float] = []
    monkeypatch.setattr(declared_limits, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("style", ["cursor", "offset", "link"])
def test_finds_a_time_that_is_too_short(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who comes back when Retry-After says, and is refused again, twice, was told the wrong time."""
    waited = _without_delay(monkeypatch)
    with harvested(style, "haste-refused-beyond-its-time") as target:
        check = outcome_of(RATES, target, "SEC-04")
    assert [finding.rule for finding in check.findings if finding.confirmed] == [
        "haste-refused-beyond-its-time"
    ]
    assert [round(seconds) for seconds in waited] == [1, 1]


@pytest.mark.parametrize(
    ("stated", "takes", "broken"),
    [
        ("1", 1, set()),
        ("2", 2, set()),
        ("1", 30, {"SEC-04"}),
        ("30", 30, set()),
        ("soon", 1, {"SEC-04"}),
    ],
)
def test_comes_back_when_it_is_told_to(
    stated: str, takes: int, broken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers after the time that was stated keeps its word; a long time is not waited for."""
    waited = _without_delay(monkeypatch)

    def hasty(asked: parks.Asked) -> parks.Answer | None:
        over = not ready or sum(waited) >= takes
        return None if over else parks.answer(429, {"title": "Later."}, Retry_After=stated)

    ready: list[bool] = []
    with parks.serving(parks.Parks(instead=hasty)) as address:
        target = parks.target_of(address)
        harvest(target)
        ready.append(True)
        target.client.send(target.good["GET /parks", OWN].step)
        check = outcome_of(RATES, target, "SEC-04")
        target.client.close()
    assert found(check) == broken
    left_out = " ".join(part for result in check.results() for part in result.not_tested)
    assert ("once Retry-After has passed" in left_out) is (stated in ("30", "soon"))


def _stated(target: Target, info: str, refusal: str) -> Target:
    """The target with a contract that says other things of its limits."""
    responses = {"200": {"description": "Done."}, "413": {"description": refusal}}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Care", "version": "1", "description": info},
        "paths": {"/v1/x": {"post": {"responses": responses}}},
    }
    target.contract = parse_contract(json.dumps(document).encode(), origin="test")
    return target


@pytest.fixture(scope="module")
def any_target() -> Iterator[Target]:
    """A target whose contract a test may replace."""
    with serving("cursor") as served:
        yield target_of(served)


@pytest.mark.parametrize(
    ("info", "refusal", "limit"),
    [
        ("", "The body holds more than 65536 bytes.", 65_536),
        ("", "Bodies of more than 10 MiB are refused.", 10 * 1024 * 1024),
        ("A body may hold 4,096 bytes.", "Too large.", 4_096),
        ("", "Too large.", None),
        ("Files of 5 bytes to 1000000 bytes.", "Too large.", 1_000_000),
        ("At most 2000 bytes, or 4000 bytes on request.", "Too large.", None),
    ],
)
def test_reads_a_size_where_it_is_certain(
    any_target: Target, info: str, refusal: str, limit: int | None
) -> None:
    """A size is taken from the contract's words where they give one, and no other."""
    target = _stated(any_target, info, refusal)
    assert body_limit(target, target.contract.operations[0]) == limit


@pytest.mark.parametrize(
    ("info", "rate"),
    [
        ("An organisation may make 100 requests in a minute.", Rate(100, 60)),
        ("Limited to 5 requests per second.", Rate(5, 1)),
        ("Limited to 5 requests per second and 100 requests per minute.", None),
        ("There is a rate limit.", None),
    ],
)
def test_reads_a_rate_where_it_is_certain(any_target: Target, info: str, rate: Rate | None) -> None:
    """A rate is taken from the contract's words where they give one, and no other."""
    assert declared_rate(_stated(any_target, info, "")) == rate
