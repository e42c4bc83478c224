"""What a journey found: the requests that led there, and whether it is still there when it is played again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.journey_replay import replay_journey
from joinedup.conformance.run import BUNDLED, Plan
from journeys.played import playing

FAULT = "informant-shown-to-partner"


@pytest.fixture(scope="module")
def finding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the journey of a police notice finds under a fault of the police, as the verdict lists it."""
    folder = tmp_path_factory.mktemp("found")
    with playing(folder, faults=(FAULT,), tested=("police",)) as run:
        assert run.play("police-notice") == "fail"
        yield dict(run.verdict()["findings"][0])


def test_a_finding_shows_the_requests_that_led_there(finding: dict[str, Any]) -> None:
    """Each with who asked whom, what was sent and what came; values of systems are masked."""
    told = {heading: text for part in finding.get("parts") or [finding] for heading, text in part["evidence"]}
    requests, answer = told["Requests of the journey up to this step"], told["The last answer"]
    assert "POST /v1/public-protection-notices of police as police: 201" in requests
    assert "A young child was found alone in a shop." in requests
    assert "GET /v1/public-protection-notices/{noticeId} of police as council: 200" in requests
    assert '"noticeId": "‹string:36 #' in answer


@pytest.mark.parametrize(
    ("faults", "exit_code", "said"), [((FAULT,), 1, "Still there."), ((), 0, "Not there any more.")]
)
def test_a_journey_is_replayed(
    finding: dict[str, Any],
    faults: tuple[str, ...],
    exit_code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is played again against the systems as they are now."""
    assert replay_journey(finding, Plan(BUNDLED, "", faults=faults)) == exit_code
    assert said in capsys.readouterr().out


def test_a_journey_that_is_not_bundled_is_not_replayed() -> None:
    """Whoever collected the document plays it again the same way."""
    with pytest.raises(ConfigurationError, match="not among the bundled ones"):
        replay_journey(
            {"id": "f-1", "rule": "journey-own-step", "title": "", "advice": ""}, Plan(BUNDLED, "")
        )
