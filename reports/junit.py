"""
JUnit XML, so that any CI shows a run as it shows other tests.

One test case for each check of each system, and one for each requirement that no check reported on, so that what was
not tested is seen too. What the harness could not judge is an error, never a skip and never a failure of the system.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree

from joinedup.conformance.outcomes import Outcome
from joinedup.reports.wording import Verdict

# The element that a test case gets for an outcome; a pass has none, and a warning passes with a note.
ELEMENTS = {
    Outcome.FAIL: "failure",
    Outcome.BLOCKED: "error",
    Outcome.SETUP_ERROR: "error",
    Outcome.HARNESS_ERROR: "error",
    Outcome.REVIEW: "skipped",
    Outcome.NOT_APPLICABLE: "skipped",
    Outcome.WARN: "system-out",
}

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(verdict: Verdict) -> str:
    """The verdict as JUnit XML."""
    root = ElementTree.Element("testsuites", name="joinedup", time=_seconds(verdict.get("seconds")))
    told = verdict.get("findings", [])
    findings = {part["id"]: part for finding in told for part in finding.get("parts") or [finding]}
    for system in verdict.get("systems", []):
        _suite(root, str(system["system"]), _cases(verdict, system["system"]), findings)
    loose = list(_loose(verdict))
    if loose:
        _suite(root, "run", loose, findings)
    for total in ("tests", "failures", "errors", "skipped"):
        root.set(total, str(sum(int(suite.get(total, 0)) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _cases(verdict: Verdict, system: str) -> Iterator[Verdict]:
    yield from (check for check in verdict.get("checks", []) if check["system"] == system)
    for requirement in verdict.get("requirements", []):
        if requirement["system"] == system and not requirement["checks"] and not requirement["findings"]:
            yield {
                **requirement,
                "check": f"requirements::{requirement['id']}",
                "requirements": [requirement["id"]],
            }


def _loose(verdict: Verdict) -> Iterator[Verdict]:
    """What belongs to no requirement: faults, and a run that stopped before its end."""
    for number, error in enumerate(verdict.get("errors", []), start=1):
        yield {**error, "check": error["check"] or f"run::error-{number}"}
    if not verdict.get("complete"):
        reason = "The run stopped before its end, so its record is incomplete."
        yield {"check": "run::complete", "outcome": Outcome.HARNESS_ERROR, "reason": reason}


def _suite(root: ElementTree.Element, name: str, cases: Iterable[Verdict], findings: dict[str, Any]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=_xml(name))
    for case in cases:
        _case(suite, case, findings)
    tags = [child.tag for case in suite for child in case]
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(tags.count("failure")))
    suite.set("errors", str(tags.count("error")))
    suite.set("skipped", str(tags.count("skipped")))
    suite.set("time", _seconds(sum(float(case.get("time", 0)) for case in suite)))


def _case(suite: ElementTree.Element, case: Verdict, findings: dict[str, Any]) -> None:
    module, _, name = str(case["check"]).partition("::")
    classname = f"{suite.get('name')}.{module.removesuffix('.py').replace('/', '.')}"
    element = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_xml(classname),
        name=_xml(name or module),
        time=_seconds(case.get("seconds")),
    )
    properties = ElementTree.SubElement(element, "properties")
    for key, value in _properties(case):
        ElementTree.SubElement(properties, "property", name=key, value=_xml(value))
    _judge(element, case, [findings[id_] for id_ in case.get("findings", []) if id_ in findings])


def _properties(case: Verdict) -> Iterator[tuple[str, str]]:
    yield from (("requirement", str(id_)) for id_ in case.get("requirements", []))
    yield "outcome", str(case["outcome"])
    if case.get("level"):
        yield "level", str(case["level"])


def _judge(element: ElementTree.Element, case: Verdict, findings: Iterable[Verdict]) -> None:
    tag = "skipped" if case.get("waived") else ELEMENTS.get(Outcome(case["outcome"]))
    if not tag:
        return
    judged = ElementTree.SubElement(element, tag)
    text = "\n\n".join(_finding(finding) for finding in findings)
    if tag == "system-out":
        judged.text = _xml(f"warning: {case['reason']}\n{text}".strip())
        return
    agreed = "agreed exception: " if case.get("waived") else ""
    judged.set("message", _xml(agreed + (str(case["reason"]) or str(case["outcome"]))))
    judged.set("type", str(case["outcome"]))
    judged.text = _xml(text) or None


def _finding(finding: Verdict) -> str:
    lines = [
        f"{finding['id']}: {finding['title']}",
        f"expected: {finding['expected']}",
        f"actual: {finding['actual']}",
    ]
    return "\n".join([*lines, f"where: {finding['where']}", f"again: joinedup replay {finding['id']}"])


def _seconds(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "0.000"


def _xml(text: str) -> str:
    """Text without the characters that XML 1.0 cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
