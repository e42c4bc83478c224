"""JUnit as a consumer reads it: junitparser, and the totals of each suite."""

from __future__ import annotations

from typing import Any

import junitparser
import pytest

from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Outcome
from joinedup.reports import junit

BROKEN = Finding("rule", ("AUT-01",), "A title", "four", "five", "GET /a")
UNCLEAR = Finding("rule", ("ERR-01",), "Could be better", "four", "five", "GET /a")


def read(text: str) -> junitparser.JUnitXml:
    """The file as a consumer of JUnit reads it."""
    return junitparser.JUnitXml.fromstring(text.encode())


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (Result("AUT-01", Outcome.PASS), None),
        (Result("AUT-01", Outcome.FAIL, "because"), junitparser.Failure),
        (BROKEN, junitparser.Failure),
        (Result("AUT-01", Outcome.BLOCKED, "because"), junitparser.Error),
        (Result("AUT-01", Outcome.SETUP_ERROR, "because"), junitparser.Error),
        (Result("AUT-01", Outcome.HARNESS_ERROR, "because"), junitparser.Error),
        (Result("AUT-01", Outcome.REVIEW, "because"), junitparser.Skipped),
        (Result("AUT-01", Outcome.NOT_APPLICABLE, "because"), junitparser.Skipped),
        (Result("ERR-01", Outcome.FAIL, "because"), None),
        (UNCLEAR, None),
    ],
)
def test_each_outcome_has_its_element(story: Any, found: Result | Finding, kind: type | None) -> None:
    """Failures are failures, what could not be judged is an error, and a warning passes."""
    verdict = story.start().system().check(found, check="suite/test_a.py::test_b[GET /c]").verdict()
    [suite] = [suite for suite in read(junit.render(verdict)) if suite.name == "social-care"]
    [case] = [case for case in suite if case.name == "test_b[GET /c]"]
    assert case.classname == "social-care.suite.test_a"
    assert [type(result) for result in case.result] == ([kind] if kind else [])
    assert case.time == 0.25


def test_a_failure_says_what_a_person_needs(story: Any) -> None:
    """A failure carries what was expected, what came, where, and how to see it again; properties tell the rest."""
    verdict = story.start().system().check(BROKEN, Result("CON-01", Outcome.PASS)).verdict()
    case = next(iter(next(iter(read(junit.render(verdict))))))
    assert case.result[0].message == "A title"
    for part in ("expected: four", "actual: five", "where: GET /a", "joinedup replay f-1"):
        assert part in case.result[0].text
    properties = [(p.get("name"), p.get("value")) for p in case._elem.iter("property")]
    assert properties == [
        ("requirement", "AUT-01"),
        ("requirement", "CON-01"),
        ("outcome", "fail"),
        ("level", "MUST"),
    ]


def test_a_warning_is_told(story: Any) -> None:
    """A recommended point that is not met passes, with a note."""
    text = junit.render(story.start().system().check(UNCLEAR).verdict())
    assert "warning: Could be better" in text


def test_what_no_check_reported_is_a_case_too(story: Any) -> None:
    """A requirement without a check is an error in its suite, and the totals add up."""
    verdict = story.start().system().check(Result("AUT-01", Outcome.PASS)).verdict()
    xml = read(junit.render(verdict))
    [suite] = list(xml)
    assert {case.name: [r.message for r in case.result] for case in suite} == {
        "test_promise": [],
        "CON-01": ["no check ran"],
        "ERR-01": ["no check ran"],
    }
    assert (xml.tests, xml.errors, xml.failures, suite.errors) == (3, 2, 0, 2)


def test_faults_and_an_early_end_are_errors(story: Any) -> None:
    """A CI that reads only JUnit still sees that the run is not to be trusted."""
    story.start().system().check(Result("AUT-01", Outcome.PASS))
    story.write("error", outcome="setup_error", reason="The address cannot be reached.")
    xml = read(junit.render(story.verdict(finished=False)))
    [run] = [suite for suite in xml if suite.name == "run"]
    assert [(case.name, case.result[0].message) for case in run] == [
        ("error-1", "The address cannot be reached."),
        ("complete", "The run stopped before its end, so its record is incomplete."),
    ]


def test_any_text_can_be_parsed(story: Any) -> None:
    """Characters that XML cannot hold, and markup, come back as text."""
    awkward = "<b>&amp; \0 \x1b \ud800 \ufffe ]]> \U0001f600"
    finding = Finding(awkward, ("AUT-01",), awkward, awkward, awkward, awkward)
    verdict = story.start().system().check(finding, check=awkward).verdict()
    case = next(iter(next(iter(read(junit.render(verdict))))))
    assert case.result[0].message.startswith("<b>&amp; \ufffd")
