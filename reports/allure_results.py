"""
Allure results: a run as Allure shows tests, made from the verdict like every other view.

One result for each check of each system and for each journey. Identities stay the same from run to run, so that Allure
can tell what changed; nothing in a result is drawn by lot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import md5
from typing import Any

from joinedup.conformance.outcomes import Outcome
from joinedup.reports import sequence, wording
from joinedup.reports.wording import Verdict

FOLDER = "allure-results"
# What the name of a check begins with that judges a system by a journey.
JOURNEYS = "journeys/"
# Allure numbers steps itself.
_NUMBER = re.compile(r"^\d+ ")
SAME_IN_ALL = ("framework", "language", "host")
MOST_FINDINGS = 30
# So many findings in all carry their evidence; the others name the command that shows them again.
MOST_WITH_EVIDENCE = 1_000
LONGEST = 20_000

STATUSES: Mapping[str, str] = {
    Outcome.PASS: "passed",
    Outcome.WARN: "passed",
    Outcome.FAIL: "failed",
    Outcome.BLOCKED: "broken",
    Outcome.SETUP_ERROR: "broken",
    Outcome.HARNESS_ERROR: "broken",
    Outcome.REVIEW: "skipped",
    Outcome.NOT_APPLICABLE: "skipped",
}
SEVERITIES = {"MUST": "critical", "SHOULD": "minor"}

Json = dict[str, Any]


def render(verdict: Verdict) -> dict[str, str]:
    """Every file of the folder, by its name in the run's folder."""
    files: dict[str, str] = {}
    for result, attached in [*_checks(verdict), *_journeys(verdict)]:
        # Allure shows the first few: what a result is about comes before what is the same in all of them.
        result["labels"].sort(key=lambda label: label["name"] in SAME_IN_ALL)
        files[f"{FOLDER}/{result['uuid']}-result.json"] = json.dumps(result, indent=1) + "\n"
        files |= {f"{FOLDER}/{name}": text for name, text in attached.items()}
    files[f"{FOLDER}/environment.properties"] = _environment(verdict)
    return files


def _checks(verdict: Verdict) -> Iterator[tuple[Json, dict[str, str]]]:
    parts = {
        str(part["id"]): part for told in verdict.get("findings", []) for part in told.get("parts") or [told]
    }
    points = {(str(r["system"]), str(r["id"])): r for r in verdict.get("requirements", [])}
    journeys = {str(journey["id"]): _title(journey) for journey in verdict.get("journeys", [])}
    shown = 0
    for check in verdict.get("checks", []):
        system, ids = str(check["system"]), [str(id_) for id_ in check["requirements"]]
        module, _, name = str(check["check"]).partition("::")
        told_in = name if module.startswith(JOURNEYS) and name in journeys else ""
        subject = "journeys" if told_in else _subject(module)
        title = journeys[told_in] if told_in else _plain(name or module, system)
        result = _result(verdict, f"{system} {check['check']}", title, check)
        about = [points[system, id_] for id_ in ids if (system, id_) in points]
        result["labels"] += _labels(
            parentSuite=system,
            suite=subject,
            feature=subject,
            severity=SEVERITIES.get(check["level"], "normal"),
            system=system,
            **({"journey": told_in} if told_in else {}),
        )
        result["labels"] += [label for id_ in ids for label in _labels(requirement=id_, tag=id_)]
        result["description"] = "\n\n".join(f"{p['id']} ({p['level']}): {p['text']}" for p in about)
        result["links"] = list({link["url"]: link for p in about if (link := _source(p))}.values())
        attached: dict[str, str] = {}
        found = [parts[str(id_)] for id_ in check["findings"] if str(id_) in parts][:MOST_FINDINGS]
        shown += len(found)
        told = found if shown <= MOST_WITH_EVIDENCE else [{**p, "curl": "", "evidence": []} for p in found]
        result["steps"] = [_finding(part, attached, result["uuid"]) for part in told]
        yield result, attached


def _journeys(verdict: Verdict) -> Iterator[tuple[Json, dict[str, str]]]:
    seconds = _seconds_of_journeys(verdict)
    for journey in verdict.get("journeys", []):
        id_ = str(journey["id"])
        about = {"reason": "", "seconds": seconds.get(id_, 0), **journey}
        result = _result(verdict, f"journey {id_}", _title(journey), about)
        result["labels"] += _labels(parentSuite="Journeys", journey=id_, severity="critical")
        asked = [str(requirement) for requirement in journey.get("requirements") or []]
        result["labels"] += [label for each in asked for label in _labels(requirement=each, tag=each)]
        result["description"] = str(journey.get("summary") or "")
        result["steps"] = [
            {
                **_named(_NUMBER.sub("", part.title), STATUSES.get(part.outcome, "broken"), part.reason),
                "steps": [_named(call.sentence, "passed") for call in part.calls],
            }
            for part in sequence.told(journey)
        ]
        yield result, {}


def _title(journey: Mapping[str, Any]) -> str:
    return str(journey.get("title") or journey["id"])


def _seconds_of_journeys(verdict: Verdict) -> dict[str, float]:
    """How long each journey took, as the checks say that it was told in."""
    took: dict[str, float] = {}
    for check in verdict.get("checks", []):
        module, _, name = str(check["check"]).partition("::")
        if module.startswith(JOURNEYS):
            took[name] = max(took.get(name, 0.0), float(check.get("seconds") or 0))
    return took


def _result(verdict: Verdict, name: str, title: str, about: Mapping[str, Any]) -> Json:
    """A result without its labels and steps; an agreed exception does not fail."""
    identity = md5(name.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    started = _milliseconds(str(verdict.get("started")))
    outcome = str(about["outcome"])
    status = "skipped" if about.get("waived") else STATUSES.get(outcome, "broken")
    sign = wording.AGREED if about.get("waived") else wording.outcome_sign(outcome)
    told = f"{sign.word}: {about['reason']}" if about.get("reason") else sign.word
    return {
        "uuid": identity,
        "historyId": identity,
        "testCaseId": identity,
        "fullName": name,
        "name": title,
        "status": status,
        "statusDetails": {} if outcome == Outcome.PASS else {"message": told},
        "stage": "finished",
        "start": started,
        "stop": started + int(1000 * float(about.get("seconds") or 0)),
        "labels": _labels(framework="joinedup", language="http", host="joinedup", outcome=outcome),
        "links": [],
        "parameters": [],
        "attachments": [],
    }


def _finding(part: Mapping[str, Any], attached: dict[str, str], identity: str) -> Json:
    """A finding as a step: what was expected, what came, where, how to see it again, and the evidence attached."""
    status = "skipped" if part.get("waived") else "failed" if part["level"] == "MUST" else "passed"
    texts = [("How to see it again, in a shell", part.get("curl") or ""), *part.get("evidence", [])]
    attachments = []
    for number, (heading, text) in enumerate(texts):
        if text:
            name = f"{identity}-{part['id']}-{number}-attachment.txt"
            attached[name] = str(text)[:LONGEST]
            attachments.append({"name": str(heading), "source": name, "type": "text/plain"})
    said = [
        f"Expected: {part['expected']}",
        f"Received: {part['actual']}",
        f"Where: {part['where']}",
        f"Again: joinedup replay {part['id']}",
    ]
    return {
        **_named(f"{part['id']}: {part['title']}", status),
        "steps": [_named(text, status) for text in said],
        "attachments": attachments,
    }


def _named(name: str, status: str, reason: str = "") -> Json:
    step: Json = {"name": name, "status": status, "stage": "finished", "start": 0, "stop": 0}
    return {**step, "statusDetails": {"message": reason}} if reason else step


def _labels(**labels: str) -> list[Json]:
    return [{"name": name, "value": value} for name, value in labels.items()]


def _subject(module: str) -> str:
    return module.rpartition("/")[2].removeprefix("test_").removesuffix(".py")


def _plain(name: str, system: str) -> str:
    """A check's name as words, and what of the system it is about: ``answers as its contract says: GET /v1/children``."""
    words, _, rest = name.removeprefix("test_").partition("[")
    about = rest.removesuffix("]").removeprefix(system).removeprefix("-")
    return words.replace("_", " ") + (f": {about}" if about else "")


def _source(point: Mapping[str, Any]) -> Json | None:
    source = point.get("source")
    url = source.get("url") if isinstance(source, Mapping) else None
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return None
    return {"type": "link", "name": str(source.get("document") or url), "url": url} if source else None


def _milliseconds(at: str) -> int:
    try:
        return int(datetime.fromisoformat(at).timestamp() * 1000)
    except ValueError:
        return 0


def _environment(verdict: Verdict) -> str:
    facts = {"run": verdict.get("run"), "joinedup": verdict.get("harness"), "seed": verdict.get("seed")}
    facts |= {"recommendation": wording.recommendation(verdict).word}
    return "".join(f"{key} = {wording.printable(str(value))}\n" for key, value in facts.items())
