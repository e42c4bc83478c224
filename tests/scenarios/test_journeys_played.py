"""The bundled journeys on the served agencies, and the command that plays them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.outcomes import Outcome
from joinedup.mocks.serve import Served, served
from joinedup.scenarios.__main__ import main
from joinedup.scenarios.checking import every_problem, prepared
from joinedup.scenarios.journey import agencies_of, bundled_capabilities, bundled_journeys, play_journey
from joinedup.scenarios.library import Library
from joinedup.scenarios.playing import play
from joinedup.scenarios.stages import LONGEST_REAL_WAIT_S, real_wait, served_live, served_systems

NOTICE = bundled_journeys()["police-notice"]


@pytest.fixture(scope="module")
def agencies() -> Iterator[Served]:
    """The two agencies of the journey."""
    with served(("police", "social-care")) as found:
        yield found


@pytest.mark.parametrize(
    "path", [*bundled_journeys().values(), *bundled_capabilities().values()], ids=lambda p: p.name
)
def test_nothing_is_wrong_with_a_bundled_document(path: Path) -> None:
    """Every journey and every capability can be played as far as that is known before anything is sent."""
    assert every_problem(Library().open(path)) == ()


def test_a_journey_passes_across_two_agencies(agencies: Served) -> None:
    """Exchanges go to the systems that the story names, as the callers that it names."""
    found = play_journey(NOTICE, agencies)
    assert found.outcome is Outcome.PASS, found.reason
    sent = [
        (each.actor, each.system, each.exchange.status, each.breaches) for each in found.everything_sent()
    ]
    assert sent == [
        ("police", "police", 201, ()),
        ("council", "police", 200, ()),
        ("council", "social-care", 201, ()),
        ("council", "social-care", 200, ()),
    ]


def test_no_token_is_in_the_result(agencies: Served) -> None:
    """Credentials are put in by whoever sends, so that no exchange and no output holds one."""
    found = play_journey(NOTICE, agencies)
    assert "Bearer" not in repr(found)


def test_the_record_sees_every_exchange(agencies: Served) -> None:
    """Whoever observes is told each exchange once, with its system."""
    seen: list[str] = []
    play_journey(NOTICE, agencies, observe=lambda system, exchange: seen.append(system))
    assert seen == ["police", "police", "social-care", "social-care"]


def test_a_journey_is_prepared_once_and_played_often_at_the_same_time(agencies: Served) -> None:
    """Plays share nothing that they change: each has its own objects."""
    callee = prepared(Library(live=served_live(agencies)).open(NOTICE), "police-notice")
    with closing(served_systems(agencies)) as stage, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: play(callee, {"circumstances": f"Case {n}"}, stage), range(8)))
    assert {played.outcome for played in found} == {Outcome.PASS}
    assert len({played.outputs["contact-id"] for played in found}) == 8


def test_a_defect_fails_the_step_that_shows_it(agencies: Served) -> None:
    """While an agency is away, the story stops at the step that needs it."""
    agencies.switch_outage("social-care", True)
    try:
        found = play_journey(NOTICE, agencies)
    finally:
        agencies.switch_outage("social-care", False)
    assert found.failed is not None
    assert found.failed.id == "council-opens-a-contact"
    assert "503" in str(found.reason)
    assert found.steps[-1].outcome is Outcome.BLOCKED


def test_waiting_moves_the_agencies_clock(agencies: Served) -> None:
    """A delay of days takes no time where the clock can be moved."""
    before = agencies.now()
    with closing(served_systems(agencies)) as stage:
        stage.wait(3 * 86_400)
    assert (agencies.now() - before).days == 3


def test_real_time_is_not_waited_for_long() -> None:
    """A system without such a clock is not waited for by the hour."""
    with pytest.raises(Exception, match="no clock that can be moved"):
        real_wait(LONGEST_REAL_WAIT_S + 1)


def test_an_actor_without_an_identity_is_told(agencies: Served) -> None:
    """The sentence names the actor, the system, and what may be written."""
    source = Library(live=served_live(agencies)).open(bundled_capabilities()["police"]).sources["police-api"]
    with (
        closing(served_systems(agencies)) as stage,
        pytest.raises(ConfigurationError, match=r"'nobody'.*police"),
    ):
        stage.credential(source, "nobody")


def test_a_journey_names_the_agencies_that_it_needs() -> None:
    """Only these have to be served."""
    assert agencies_of(Library().open(NOTICE)) == ("police", "social-care")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["police-notice", "--check"], 0, ""),
        (["nothing"], 5, "There is no journey and no document 'nothing'. There are: "),
        (["police-notice", "--workflow", "no"], 5, "no workflow 'no'"),
        (["police-notice", "--input", "circumstances=7"], 2, "the input circumstances is a string"),
        (["police-notice", "--input", "circumstances"], 2, "NAME=VALUE"),
        (["police-notice"], 0, "pass: A police notice becomes a contact"),
    ],
)
def test_the_command_says_what_came_of_it(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code and sentence tell a pass from a mistake in the document, the inputs or the command line."""
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert said in out + err
    assert "Traceback" not in out + err


def test_a_reader_who_stops_reading_is_no_error() -> None:
    """Behind a pipe that is closed at once the command ends with its own exit code, and says nothing of it."""
    command = [sys.executable, "-P", "-m", "joinedup.scenarios", "police-notice"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")
