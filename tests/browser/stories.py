"""Verdicts for every kind of page: passing, failing, empty, huge, and one with hostile text in every field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

SOURCE = {
    "document": "A standard",
    "clause": "clause 4",
    "url": "https://standards.example/4",
    "verified": True,
}
SYSTEMS = ("social-care", "police")
QUESTIONS = (
    ("GP1", "in_part"),
    ("GP2", "yes"),
    ("GP3", "mostly"),
    ("GP4", "yes"),
    ("GP5", "no"),
    ("GP6", "not_tested"),
)


def requirement(id_: str, outcome: str, system: str = "social-care", **fields: Any) -> dict[str, Any]:
    """A requirement of a system as a verdict holds it."""
    return {
        "id": id_,
        "system": system,
        "level": "MUST",
        "outcome": outcome,
        "waived": False,
        "attested": None,
        "reason": "" if outcome == "pass" else "A reason in one sentence.",
        "cause": None,
        "findings": [],
        "not_tested": [],
        "checks": ["test_subject.py::test_promise"],
        "text": "Every operation keeps this promise.",
        "plain": "The promise in plain words.",
        "question": "GP5",
        "source": SOURCE,
        **fields,
    }


def finding(id_: str, level: str = "MUST", **fields: Any) -> dict[str, Any]:
    """A finding as a verdict holds it."""
    return {
        "id": id_,
        "rule": f"rule-of-{id_}",
        "requirements": ["AUT-03"],
        "level": level,
        "system": "social-care",
        "waived": False,
        "title": "One organisation can read what belongs to another",
        "expected": "403 or 404, as for a record that does not exist.",
        "actual": "200 with a whole record.",
        "where": "GET /v1/children/{childId}",
        "operations": ["GET /v1/children/{childId}", "GET /v1/children/{childId}/plans"],
        "count": 41,
        "confirmed": True,
        "advice": "Check whose record it is before it is sent.",
        "evidence": [["Request", "GET /v1/children/‹string:12 #a1›"], ["Response", "200\n{}"]],
        "steps": [],
        "curl": "child=$(curl -sS $BASE/v1/children)\ncurl -sS -i $BASE/v1/children/$child",
        "parts": [],
        **fields,
    }


def journey(id_: str, outcome: str = "pass") -> dict[str, Any]:
    """A journey as a verdict holds it, with what was sent for it."""
    steps = [
        (
            "tell",
            "Officers tell the council what happened",
            "police",
            "social-care",
            "POST",
            "/v1/contacts",
            201,
        ),
        ("find", "The council finds the school", "social-care", "school", "GET", "/v1/pupils", 200),
        (
            "own",
            "The council opens an assessment of its own",
            "social-care",
            "social-care",
            "POST",
            "/v1/a",
            409,
        ),
    ]
    played = [
        {
            "id": name,
            "description": told,
            "actor": actor,
            "system": system,
            "outcome": "pass" if status < 400 else outcome,
            "reason": "" if status < 400 else "Expected: 201. Came: 409.",
            "exchanges": [{"method": method, "path": path, "status": status}],
        }
        for name, told, actor, system, method, path, status in steps
    ]
    played.append(
        {
            "id": "last",
            "description": "Never",
            "actor": "police",
            "system": "school",
            "outcome": "blocked",
            "reason": "An earlier step failed.",
            "exchanges": [],
        }
    )
    return {
        "id": id_,
        "title": "The school knows before the child arrives",
        "summary": "Police, council and school in one morning.",
        "outcome": outcome,
        "systems": ["police", "social-care", "school"],
        "steps": 4,
        "exchanges": 3,
        "played": played,
        "deliveries": [
            {"from": "social-care", "to": "school", "kind": "child-notice", "status": "delivered"}
        ],
    }


def performance() -> dict[str, Any]:
    """The load of a run as ``performance.json`` holds it."""
    return {
        "requests": 4000,
        "failures": 2,
        "rate_scheduled": 200,
        "rate_achieved": 199.4,
        "p50_ms": 12.5,
        "p95_ms": 40,
        "p99_ms": 91,
        "p95_from_intended_ms": 44,
        "generator_cpu": 0.4,
        "valid": True,
        "levels": [{"level": "95% within 500 ms", "met": True}, {"level": "no failure", "met": False}],
        "by_name": [
            {
                "name": "GET /v1/children",
                "requests": 4000,
                "failures": 2,
                "p50_ms": 12,
                "p95_ms": 40,
                "p99_ms": 91,
            }
        ],
        "series": [
            {"second": n, "rate": 200, "p50_ms": 10 + n, "p95_ms": 30 + 4 * n, "p99_ms": 60 + 5 * n}
            for n in range(20)
        ],
    }


def earlier(
    run: str, started: str, outcome: str, findings: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """An earlier run as a verdict holds it."""
    return {
        "run": run,
        "started": started,
        "verdict": "conformant" if outcome == "pass" else "not_conformant",
        "complete": True,
        "live": {"social-care": True},
        "outcomes": {"social-care": {"AUT-01": "pass", "AUT-03": outcome}},
        "waivers": 0,
        "findings": findings,
    }


def _system(name: str, verdict: str) -> dict[str, Any]:
    return {
        "system": name,
        "profile": f"{name}-1",
        "profile_hash": "7c1e90aa",
        "contract_hash": "51f3a2d0" * 8,
        "base_url": "https://caretrack.test.example",
        "live": name == "social-care",
        "waived": 0,
        "verdict": verdict,
        "reason": "a required point is not met" if verdict == "not_conformant" else "every point is met",
        "operations": 33,
        "operations_exercised": 32,
    }


def _verdict(verdict: str, **fields: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "run": "20261122-140500-abcdef",
        "harness": "0.1.0",
        "seed": 1,
        "started": "2026-11-22T14:05:00.000Z",
        "seconds": 41.2,
        "complete": True,
        "verdict": verdict,
        "exit_code": {"conformant": 0, "not_conformant": 1}.get(verdict, 5),
        "reason": "so it is",
        "strict": False,
        "product": {"supplier": "Acme Care", "name": "CareTrack", "version": "8.3.1"},
        "marker": "joinedup-1",
        "exchanges": 1942,
        "systems": [],
        "requirements": [],
        "findings": [],
        "journeys": [],
        "questions": [],
        "links": [],
        "waivers": [],
        "baseline": None,
        "unconfirmed": [],
        "outside_profile": [],
        "not_tested": [],
        "made": [],
        "checks": [],
        "errors": [],
        "earlier": [],
        "performance": None,
        "counts": {"pass": 0},
        **fields,
    }


def _questions(statuses: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "id": id_,
            "text": "Does it do what a council asks?",
            "status": statuses.get(id_, status),
            "basis": "tested",
            "needs_journeys": id_ == "GP1",
            "points": 4,
            "tested": 0 if statuses.get(id_, status) == "not_tested" else 3,
            "attested": int(id_ == "GP6"),
            "met": 2,
        }
        for id_, status in QUESTIONS
    ]


def passing() -> dict[str, Any]:
    """A run in which every point is met."""
    return _verdict(
        "conformant",
        systems=[_system("social-care", "conformant")],
        requirements=[requirement(id_, "pass") for id_ in ("AUT-01", "AUT-03", "CON-01")],
        questions=_questions(dict.fromkeys(dict(QUESTIONS), "yes")),
        journeys=[journey("morning")],
        links=[{"from": "police", "to": "school", "outcome": "pass"}],
        counts={"pass": 3},
    )


def empty() -> dict[str, Any]:
    """A run in which nothing happened."""
    return _verdict("no_verdict", product={}, complete=False, exit_code=5)


ATTESTED = {
    "requirement": "POL-01",
    "statement": "The assessment covers this release.",
    "evidence": "assessment.pdf",
    "sha256": "9f" * 32,
    "name": "Cat Example",
    "role": "data protection officer",
    "organisation": "Example Council",
    "date": "2026-11-04",
    "expires": "2027-11-04",
    "system": "social-care",
    "entry": 1,
}
WAIVER = {
    "system": "social-care",
    "finding": "rule-of-f-2",
    "operations": [],
    "requirement": "AUT-01",
    "reason": "Mended in release 8.4.",
    "expires": "2027-01-31",
    "entry": 1,
    "risk": "A caller learns that a record exists.",
    "requested_by": "Ann Example, product owner, Acme Care",
    "approved_by": "Ben Example, data protection officer, Example Council",
    "approved_on": "2026-11-20",
    "findings": ["f-2"],
    "whole": True,
}
KNOWN = {
    "system": "social-care",
    "requirement": "AUT-03",
    "finding": "rule-of-f-1",
    "operations": [],
    "reason": "We know.",
    "recorded_on": "2026-11-22",
    "expires": "2027-02-28",
    "entry": 1,
    "findings": ["f-1"],
    "whole": True,
}


def failing() -> dict[str, Any]:
    """A run with something in every part of the page."""
    parts = [finding("f-3.1", "SHOULD"), finding("f-3.2", "SHOULD", where="POST /v1/contacts")]
    old = {"system": "social-care", "rule": "rule-of-f-2", "title": "Old", "requirement": "AUT-01"}
    then = [
        {**old, "operation": "GET /v1/children/{childId}/plans"},
        {
            "system": "social-care",
            "rule": "rule-of-f-2",
            "operation": "GET /v1/children/{childId}",
            "title": "Old",
            "requirement": "AUT-01",
        },
        {
            "system": "social-care",
            "rule": "gone",
            "operation": "GET /v1/plans",
            "title": "A plan without an end",
            "requirement": "AUT-01",
        },
    ]
    return _verdict(
        "not_conformant",
        systems=[_system("social-care", "not_conformant"), _system("police", "conformant")],
        requirements=[
            requirement("AUT-01", "fail", findings=["f-2"], waived=True),
            requirement("AUT-03", "fail", findings=["f-1"]),
            requirement("CON-01", "blocked", question="GP1"),
            requirement("ERR-01", "warn", level="SHOULD", findings=["f-3"], question="GP3"),
            requirement("POL-01", "pass", attested=ATTESTED, question="GP6"),
            requirement("RET-01", "not_applicable", not_tested=["cannot be seen from outside"], checks=[]),
            requirement("AUT-03", "pass", "police"),
        ],
        findings=[
            finding("f-1"),
            finding("f-2", requirements=["AUT-01"], waived=True, title="An expired pass is refused with 403"),
            finding(
                "f-3",
                "SHOULD",
                requirements=["ERR-01"],
                title="Errors are not in the standard form",
                parts=parts,
            ),
        ],
        journeys=[journey("morning"), journey("evening", "fail")],
        questions=_questions({}),
        links=[
            {"from": "police", "to": "social-care", "outcome": "pass"},
            {"from": "social-care", "to": "school", "outcome": "fail"},
            {"from": "social-care", "to": "police", "outcome": "blocked"},
        ],
        waivers=[WAIVER],
        baseline={"known": [KNOWN], "new": [], "stale": [], "exit_code": 0},
        unconfirmed=[finding("u-1")],
        outside_profile=[finding("o-1")],
        not_tested=[
            {
                "system": "social-care",
                "requirement": "RET-01",
                "operation": None,
                "what": "Information is let go.",
                "reason": "cannot be seen from outside",
            },
            {
                "system": "social-care",
                "requirement": None,
                "operation": "DELETE /v1/reset",
                "what": "DELETE /v1/reset",
                "reason": "left out: wipes it",
            },
            *(
                {
                    "system": "social-care",
                    "requirement": f"X-{n}",
                    "operation": None,
                    "what": "Part",
                    "reason": "no check exists yet",
                }
                for n in range(5)
            ),
        ],
        made=[
            {
                "system": "social-care",
                "operation": "POST /v1/contacts",
                "where": "/v1/contacts/1",
                "deleted": False,
            }
        ],
        errors=[
            {
                "system": "police",
                "check": "test_a.py::test_b",
                "outcome": "setup_error",
                "reason": "No address.",
            },
            {"system": "", "check": "", "outcome": "harness_error", "reason": "KeyError in a library"},
        ],
        earlier=[
            earlier("20261120", "2026-11-20T09:00:00.000Z", "pass"),
            earlier("20261121", "2026-11-21T09:00:00.000Z", "pass", then),
        ],
        performance=performance(),
        counts={"pass": 2, "fail": 2, "warn": 1, "blocked": 1, "not_applicable": 1},
    )


def huge() -> dict[str, Any]:
    """A run with five thousand findings of as many kinds."""
    findings = [
        finding(
            f"f-{n}", "MUST" if n % 2 else "SHOULD", evidence=[["Response", "x" * 9000]], where=f"GET /v1/{n}"
        )
        for n in range(1, 5001)
    ]
    return {**failing(), "findings": findings, "earlier": []}


KINDS = {"passing": passing, "failing": failing, "empty": empty, "huge": huge}

HOSTILE = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=1"><svg onload=alert(1)>',
    "</style></pre></script></svg><h1>owned</h1><base href=https://example.test>",
    "javascript:alert(1) {{ 7 * 7 }}{% raw %} &lt;b&gt; <!-- --> ]]> \u202e \x1b[2J",
    "--><iframe src=https://example.test></iframe><meta http-equiv=refresh content=0>",
]

# What the page turns into words of its own, by a closed list of values, or uses to find its way.
CLOSED = frozenset(
    {
        "outcome",
        "level",
        "status",
        "verdict",
        "started",
        "basis",
        "cause",
        "change",
        "id",
        "requirement",
        "url",
        "system",
    }
)


def with_everywhere(verdict: dict[str, Any], text: str, *, closed: bool = False) -> dict[str, Any]:
    """
    The verdict with a text behind every text in it, names of systems and ids too where ``closed`` is true.

    Values of closed lists keep their beginning, so that every part of the page is still drawn.
    """
    changed: dict[str, Any] = json.loads(json.dumps(verdict))
    for holder, key in list(_texts(changed)):
        if closed or key not in CLOSED:
            holder[key] = f"{holder[key]}{text}"
    return changed


def _texts(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        if isinstance(child, str):
            yield value, key
        yield from _texts(child)
