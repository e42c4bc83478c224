"""Waivers and known failures: what they change, what they never change, and when they are refused."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from joinedup.conformance.errors import ConfigurationError
from joinedup.conformance.findings import Finding, Result
from joinedup.conformance.outcomes import Cause, Outcome
from joinedup.reports import agreements, glance, junit, markdown, page, summary, wording
from joinedup.reports.exceptions import Known, Waiver, exit_code, ready_entries

TODAY = date(2026, 11, 22)
PROFILES = {"social-care": ["AUT-01", "CON-01", "ERR-01"], "police": ["AUT-01"]}
MET = (Result("AUT-01", Outcome.PASS), Result("CON-01", Outcome.PASS), Result("ERR-01", Outcome.PASS))
READABLE = Finding(
    rule="foreign-object-readable",
    requirements=("AUT-01",),
    title="A record can be read by another organisation",
    expected="403 or 404.",
    actual="200.",
    where="GET /a",
    operations=("GET /a",),
    steps=({"name": "s0", "method": "GET", "path": "/a", "identity": None},),
)
ELSEWHERE = replace(READABLE, where="GET /b", operations=("GET /b",))
OTHER = replace(READABLE, rule="other", title="Something else", where="GET /c", operations=("GET /c",))
UNCLEAR = replace(READABLE, rule="plain-error", requirements=("ERR-01",), title="Errors are not in the form")

WAIVER = {
    "requirement": "AUT-01",
    "scope": {"system": "social-care", "finding": READABLE.rule, "operations": ["GET /a"]},
    "reason": "The supplier mends it in the next release.",
    "risk": "Two councils' test records are visible to each other.",
    "requested_by": "Ann Example, product owner, Acme Care",
    "approved_by": "Ben Example, data protection officer, Example Council",
    "approved_on": "2026-11-01",
    "expires": "2027-01-31",
}
KNOWN = {key: WAIVER[key] for key in ("requirement", "scope", "reason", "expires")} | {
    "recorded_on": "2026-11-01"
}


def scoped(entry: dict[str, Any], **scope: Any) -> dict[str, Any]:
    """An entry with another scope: what is not given is not in it."""
    return {**entry, "scope": {"system": "social-care", **scope}}


def judged(
    story: Any,
    *found: Finding | Result,
    waivers: Any = (),
    known: Any = (),
    on: date = TODAY,
    **how: Any,
) -> dict[str, Any]:
    """The verdict of a run that started on a day under these entries."""
    story.record._now = lambda: datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    story.start()
    for name, entries in (("waiver", waivers), ("known", known)):
        for number, entry in enumerate(entries, start=1):
            story.write(name, entry=number, **entry)
    verdict: dict[str, Any] = story.system().check(*found).verdict(**how)
    return verdict


def point(verdict: dict[str, Any], id_: str = "AUT-01") -> dict[str, Any]:
    """One requirement of a verdict."""
    return next(dict(r) for r in verdict["requirements"] if r["id"] == id_)


def test_a_waiver_is_laid_over_the_failure(story: Any) -> None:
    """The system conforms, with an exception; the requirement stays a failure and the finding stays listed."""
    verdict = judged(story, *MET, READABLE, waivers=[WAIVER])
    assert (verdict["verdict"], verdict["exit_code"]) == ("conformant", 0)
    assert "agreed exception" in verdict["reason"]
    assert (point(verdict)["outcome"], point(verdict)["waived"]) == ("fail", True)
    assert verdict["counts"]["fail"] == 1
    assert [(f["id"], f["waived"]) for f in verdict["findings"]] == [("f-1", True)]
    assert verdict["waivers"] == [
        {
            **{key: value for key, value in WAIVER.items() if key != "scope"},
            "system": "social-care",
            "finding": READABLE.rule,
            "operations": ["GET /a"],
            "entry": 1,
            "findings": ["f-1"],
            "whole": True,
        }
    ]


def test_every_view_shows_the_exception(story: Any) -> None:
    """Console, page and JUnit say that it is agreed, and by whom; none of them calls the system free of faults."""
    verdict = judged(story, *MET, READABLE, waivers=[WAIVER])
    console = summary.render(verdict)
    assert "Accept with agreed exceptions" in console
    assert "1 has an agreed exception" in wording.sentence(verdict)
    assert "Agreed exception: AUT-01 of social-care, approved by Ben Example" in console
    assert "(agreed exception)" in console
    assert [tile.number for tile in glance.tiles(verdict)][:2] == ["0", "1"]
    suites = ElementTree.fromstring(junit.render(verdict))
    assert (suites.get("failures"), suites.get("skipped")) == ("0", "1")
    assert "agreed exception" in str(suites.find(".//skipped").get("message"))  # type: ignore[union-attr]


BLOCKED = Result("AUT-01", Outcome.BLOCKED, "no token came", Cause.SYSTEM)
UNFOUND = Result("AUT-01", Outcome.FAIL, "because")
REVIEW = Result("AUT-01", Outcome.REVIEW, "somebody has to look")
BEHIND = Result("CON-01", Outcome.BLOCKED, "the step before failed", Cause.SYSTEM, blocked_by=READABLE.rule)
SAME = replace(BEHIND, requirement="AUT-01")
WHOLE = scoped(WAIVER)

COVERAGE = [
    ("another operation shows it too", (READABLE, ELSEWHERE), [WAIVER], 1, False),
    ("both are named", (READABLE, ELSEWHERE), [scoped(WAIVER, operations=["GET /a", "GET /b"])], 0, True),
    ("the rule anywhere", (READABLE, ELSEWHERE), [scoped(WAIVER, finding=READABLE.rule)], 0, True),
    ("another rule breaks it too", (READABLE, OTHER), [WAIVER], 1, False),
    ("each has its own", (READABLE, OTHER), [WAIVER, scoped(WAIVER, finding="other")], 0, True),
    ("another requirement breaks too", (replace(READABLE, requirements=("AUT-01", "CON-01")),), [WAIVER], 1, True),
    ("could not be tested", (BLOCKED,), [WHOLE], 0, True),
    ("fails without a finding", (UNFOUND,), [WHOLE], 0, True),
    ("fails, and part could not be tested", (READABLE, BLOCKED), [WAIVER], 1, False),
    ("both are agreed", (READABLE, BLOCKED), [WAIVER, WHOLE], 0, True),
    ("it stood in the way of another point", (READABLE, BEHIND), [WAIVER], 0, True),
    ("and of the same point", (READABLE, SAME), [WAIVER], 0, True),
    ("each has an entry all the same", (READABLE, SAME), [WAIVER, WHOLE], 0, True),
    ("another finding stood in the way", (READABLE, replace(BEHIND, blocked_by="other")), [WAIVER], 1, True),
    ("not all of what stood in the way is agreed", (READABLE, ELSEWHERE, BEHIND), [WAIVER], 1, False),
    ("something else stood in the way too", (READABLE, BEHIND, replace(BEHIND, blocked_by="")), [WAIVER], 1, True),
    ("a review stays open", (READABLE, REVIEW), [WAIVER], 6, True),
    ("not for another system", (READABLE,), [{**WAIVER, "scope": {"system": "police"}}], 1, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "waivers", "code", "waived"), [row[1:] for row in COVERAGE], ids=[row[0] for row in COVERAGE]
)
def test_a_waiver_covers_what_it_names(
    story: Any, found: tuple[Finding | Result, ...], waivers: Any, code: int, waived: bool
) -> None:
    """And nothing beside that: one cause that is left leaves the requirement as it was."""
    results = [r for r in MET if r.requirement not in {f.requirement for f in found if isinstance(f, Result)}]
    verdict = judged(story, *results, *found, waivers=waivers)
    assert (verdict["exit_code"], point(verdict)["waived"]) == (code, waived)


def test_what_a_waived_finding_blocked_says_so(story: Any) -> None:
    """A point that could not be tested for a finding names it, and that people agreed to live with it."""
    open_ = judged(type(story)(story.folder.parent / "open"), MET[0], MET[2], READABLE, BEHIND)
    assert (open_["exit_code"], point(open_, "CON-01")["blocked_by"]) == (1, ["f-1"])
    assert point(open_, "CON-01")["reason"] == "the step before failed: see f-1"
    agreed = judged(story, MET[0], MET[2], READABLE, BEHIND, waivers=[WAIVER])
    blocked = point(agreed, "CON-01")
    assert (blocked["outcome"], blocked["waived"]) == ("blocked", True)
    assert blocked["reason"] == "the step before failed: see f-1, which people agreed to live with"
    assert agreed["systems"][0]["verdict"] == "conformant"


def test_a_recommended_point_that_blocks_required_ones_can_be_agreed(story: Any) -> None:
    """Where a finding of recommended points alone stood in the way, an entry is ready for it, and covers both."""
    behind = replace(BEHIND, blocked_by=UNCLEAR.rule)
    open_ = judged(type(story)(story.folder.parent / "open"), MET[0], UNCLEAR, behind)
    (entry,) = ready_entries(open_, "f-1")
    assert 'requirement = "ERR-01"' in entry
    waiver = {**scoped(WAIVER, finding=UNCLEAR.rule), "requirement": "ERR-01"}
    verdict = judged(story, MET[0], UNCLEAR, behind, waivers=[waiver])
    assert (verdict["exit_code"], verdict["errors"]) == (0, [])
    assert [point(verdict, id_)["waived"] for id_ in ("CON-01", "ERR-01")] == [True, True]


@pytest.mark.parametrize("blocks", [True, False])
def test_what_blocks_a_required_point_has_to_be_fixed(story: Any, blocks: bool) -> None:
    """A recommended point whose finding kept a required one from being tested stands under what must be fixed."""
    results = [MET[0], replace(BEHIND, blocked_by=UNCLEAR.rule)] if blocks else list(MET[:2])
    verdict = judged(story, *results, UNCLEAR)
    numbers = [tile.number for tile in glance.tiles(verdict)]
    html, told = page.render(verdict), markdown.summary(verdict)
    assert (numbers[0], numbers[2]) == (("1", "0") if blocks else ("0", "1"))
    assert ('class="finding must' in html, "(not met;" in told) == (blocks, blocks)
    assert ("What must be fixed lies with" in html) == blocks


def test_what_a_known_finding_blocked_is_known(story: Any) -> None:
    """CI is green without a second entry in the baseline, and the verdict stays as it is."""
    verdict = judged(story, MET[0], MET[2], READABLE, BEHIND, known=[KNOWN])
    assert (verdict["exit_code"], exit_code(verdict)) == (1, 0)
    assert point(verdict, "CON-01")["waived"] is False


UNUSED = [
    ("met", (), WAIVER, "the point is met"),
    ("too broad", (READABLE,), WHOLE, "it is too broad"),
    ("another rule", (OTHER,), WAIVER, "other findings break the point"),
    ("only recommended", (UNCLEAR,), {**scoped(WAIVER, finding="plain-error"), "requirement": "ERR-01"}, "recommended"),
    ("in more places", (replace(READABLE, operations=("GET /a", "GET /b")),), WAIVER, "shows at GET /b too"),
    ("not applicable", (Result("CON-01", Outcome.NOT_APPLICABLE),), {**WAIVER, "requirement": "CON-01"}, "not applicable"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "waiver", "sentence"), [row[1:] for row in UNUSED], ids=[row[0] for row in UNUSED]
)
def test_a_waiver_that_covers_nothing_is_an_error_of_the_set_up(
    story: Any, found: tuple[Finding | Result, ...], waiver: Any, sentence: str
) -> None:
    """It gives no verdict and says why, charges no system, and hides no failure."""
    results = [r for r in MET if r.requirement not in {f.requirement for f in found if isinstance(f, Result)}]
    verdict = judged(story, *results, *found, waivers=[waiver])
    failed = any(isinstance(f, Finding) and f.requirements == ("AUT-01",) for f in found)
    assert verdict["exit_code"] == (1 if failed else 3)
    assert verdict["systems"][0]["verdict"] == ("not_conformant" if failed else "conformant")
    (error,) = verdict["errors"]
    assert error["reason"].startswith("waivers.toml, entry 1")
    assert sentence in error["reason"]


@pytest.mark.parametrize(
    ("found", "how"),
    [
        ((Result("AUT-01", Outcome.SETUP_ERROR, "no network"),), {}),
        ((BLOCKED,), {}),
        ((), {"finished": False}),
    ],
    ids=["set-up", "blocked", "cut short"],
)
def test_what_a_run_could_not_know_makes_no_waiver_stale(story: Any, found: Any, how: Any) -> None:
    """Only a requirement that was judged says that an exception is needed no more."""
    verdict = judged(story, *MET[1:], *found, waivers=[WAIVER], **how)
    assert not [error for error in verdict["errors"] if "waivers.toml" in error["reason"]]


@pytest.mark.parametrize("days", [0, 1])
def test_the_day_is_the_runs_own(story: Any, days: int) -> None:
    """An entry holds on its last day and not on the next, whenever the verdict is computed."""
    waiver = {**WAIVER, "expires": str(TODAY - timedelta(days=days))}
    verdict = judged(story, *MET, READABLE, waivers=[waiver])
    assert verdict["exit_code"] == days
    assert bool(verdict["errors"]) is bool(days)


# --- the baseline

BASELINE = [
    ("all known", (READABLE,), [KNOWN], 0, ["f-1"], []),
    ("one is new", (READABLE, OTHER), [KNOWN], 1, ["f-1"], ["f-2"]),
    ("fixed", (), [KNOWN], 2, [], []),
    ("fixed, and one is new", (OTHER,), [KNOWN], 1, [], ["f-1"]),
    ("not judged", (READABLE, Result("CON-01", Outcome.SETUP_ERROR, "no network")), [KNOWN], 3, ["f-1"], []),
    ("our fault", (READABLE, Result("CON-01", Outcome.HARNESS_ERROR, "oh")), [KNOWN], 4, ["f-1"], []),
]


@pytest.mark.parametrize(
    ("found", "known", "code", "told", "new"), [row[1:] for row in BASELINE], ids=[row[0] for row in BASELINE]
)
def test_a_baseline_changes_the_exit_code_and_no_verdict(
    story: Any, tmp_path: Path, found: Any, known: Any, code: int, told: list[str], new: list[str]
) -> None:
    """CI is green while every failure is known, and the verdict is the one that stands without a baseline."""
    results = [r for r in MET if r.requirement not in {f.requirement for f in found if isinstance(f, Result)}]
    verdict = judged(story, *results, *found, known=known)
    assert exit_code(verdict) == code
    assert [id_ for entry in verdict["baseline"]["known"] for id_ in entry["findings"]] == told
    assert verdict["baseline"]["new"] == new
    alone = judged(type(story)(tmp_path / "alone"), *results, *found)
    assert alone["baseline"] is None
    for key in ("verdict", "exit_code", "reason", "requirements", "findings", "counts", "errors", "systems"):
        assert verdict[key] == alone[key], key


def test_a_baseline_speaks_of_recommended_points_too(story: Any) -> None:
    """With --strict, a known warning does not turn CI red."""
    known = {**scoped(KNOWN, finding="plain-error"), "requirement": "ERR-01"}
    story.start(strict=True)
    verdict = judged(story, *MET, UNCLEAR, known=[known], strict=True)
    assert (verdict["verdict"], verdict["exit_code"], exit_code(verdict)) == ("not_conformant", 1, 0)


def test_waiver_and_baseline_together_cover_what_neither_does(story: Any) -> None:
    """One finding agreed with the scheme, the other known: green, and still not conformant."""
    known = scoped(KNOWN, finding="other")
    verdict = judged(story, *MET, READABLE, OTHER, waivers=[WAIVER], known=[known])
    assert (verdict["exit_code"], exit_code(verdict), verdict["baseline"]["new"]) == (1, 0, [])


def test_the_console_tells_the_code_from_the_verdict(story: Any) -> None:
    """Somebody who sees green and “do not accept” learns why from one line."""
    said = summary.render(judged(story, *MET, READABLE, known=[KNOWN]))
    assert "Do not accept yet" in said
    assert "Baseline, which changes no verdict: known: f-1; new: none" in said
    assert "exit code 0, where the verdict alone gives 1" in said


def test_a_stale_baseline_is_told(story: Any) -> None:
    """The sentence names the entry and says what to do."""
    said = summary.render(judged(story, *MET, known=[KNOWN]))
    assert "baseline.toml, entry 1 (AUT-01, social-care): it matches nothing: the point is met." in said
    assert "exit code 2" in said


# --- ready entries


@pytest.mark.parametrize(("kind", "file"), [(Waiver, "waivers.toml"), (Known, "baseline.toml")])
def test_a_ready_entry_is_refused_until_it_is_completed(
    story: Any, tmp_path: Path, kind: type[Waiver] | type[Known], file: str
) -> None:
    """Each value that is still empty is refused by name; complete, it covers the failure that it was made for."""
    verdict = judged(story, *MET, READABLE)
    (entry,) = ready_entries(verdict, "f-1", kind)
    values = {**WAIVER, **KNOWN}
    for key in [line.split()[0] for line in entry.splitlines() if '= ""' in line]:
        (tmp_path / file).write_text(entry)
        with pytest.raises(ConfigurationError, match=f"`{key}` is empty"):
            agreements.read(tmp_path, on=TODAY, profiles=PROFILES)
        value = values[key] if key in ("approved_on", "recorded_on", "expires") else f'"{values[key]}"'
        entry = "\n".join(
            f"{key} = {value}" if line.split()[0] == key else line for line in entry.splitlines()
        )
    (tmp_path / file).write_text(entry)
    agreed = agreements.read(tmp_path, on=TODAY, profiles=PROFILES)
    record = type(story)(tmp_path / "again")
    record.record._now = lambda: datetime(2026, 11, 22, tzinfo=UTC)
    record.start()
    agreed.write(record.write)
    assert exit_code(record.system().check(*MET, READABLE).verdict()) == 0


@pytest.mark.parametrize(
    ("name", "number"), [("f-1", 2), ("f-1.1", 1), ("f-2", 1), ("AUT-01", 2), ("f-9", 0), ("CON-01", 1)]
)
def test_a_ready_entry_is_made_for_what_is_named(story: Any, name: str, number: int) -> None:
    """A finding, a part of one, or a requirement; one entry for each rule, with all operations that show it."""
    same = replace(OTHER, title=READABLE.title)
    blocked = Result("CON-01", Outcome.BLOCKED, "no token came")
    verdict = judged(story, MET[0], MET[2], blocked, READABLE, ELSEWHERE, same, UNCLEAR)
    assert len(ready_entries(verdict, name, Known)) == number


@pytest.mark.parametrize(
    ("kept", "first", "file"),
    [
        ({}, "f-1", "baseline.toml"),
        ({"known": [KNOWN]}, "f-2", "baseline.toml"),
        ({"waivers": [WAIVER]}, "f-2", "waivers.toml"),
    ],
    ids=["nothing", "baseline", "waivers"],
)
def test_an_unexpected_failure_prints_its_entry(
    story: Any, tmp_path: Path, kept: Any, first: str, file: str
) -> None:
    """The whole entry for the first failure that nobody answers for stands on the console, and no loader takes it."""
    crowd = [replace(OTHER, rule=f"r{n}", title=f"Wrong {n}", actual="long " * 99) for n in range(9)]
    said = summary.render(judged(story, *MET, READABLE, OTHER, *crowd, **kept), report=Path("report.html"))
    assert f"{first} is unexpected." in said
    assert f"Complete this entry in {file}:" in said
    start = said.index("[[")
    entry = said[start : said.index("\n(", start)]
    assert tomllib.loads(entry)
    (tmp_path / file).write_text(entry)
    with pytest.raises(ConfigurationError, match="is empty"):
        agreements.read(tmp_path, on=TODAY, profiles=PROFILES)
    assert len(said.splitlines()) <= summary.MOST_LINES


def test_a_run_in_which_nothing_is_unexpected_prints_no_entry(story: Any) -> None:
    """Where every failure is known, or there is none, nobody is asked for an entry."""
    assert "unexpected" not in summary.render(judged(story, *MET, READABLE, known=[KNOWN]))
    assert "unexpected" not in summary.render(judged(type(story)(story.folder.parent / "clean"), *MET))


def test_hostile_words_cannot_leave_their_value(story: Any, tmp_path: Path) -> None:
    """An operation's name comes from a contract; in an entry it stays one string on one line."""
    hostile = 'GET /"\n[[waiver]]\nrequirement = "CON-01"\x7f'
    verdict = judged(story, *MET, replace(READABLE, title="a\nb = 1", operations=(hostile,)))
    (entry,) = ready_entries(verdict, "f-1")
    (tmp_path / "waivers.toml").write_text(entry)
    with pytest.raises(ConfigurationError, match="`reason` is empty"):
        agreements.read(tmp_path, on=TODAY, profiles=PROFILES)


# --- the files


def toml(entry: dict[str, Any], table: str = "waiver") -> str:
    """An entry as TOML."""
    scope = ", ".join(f"{key} = {_value(value)}" for key, value in entry["scope"].items())
    lines = [f"{key} = {_value(value)}" for key, value in entry.items() if key != "scope"]
    return "\n".join([f"[[{table}]]", f"scope = {{{scope}}}", *lines]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    return value if str(value)[:2] == "20" else f'"{value}"'


WRONG = [
    ("expired", {"expires": "2026-11-21"}, "it expired on 2026-11-21"),
    ("too long", {"expires": "2027-05-01"}, "more than 180 days"),
    ("backwards", {"expires": "2026-10-31"}, "before it begins"),
    ("yet to come", {"approved_on": "2026-11-23"}, "yet to come"),
    ("far future", {"approved_on": "9999-12-31", "expires": "9999-12-31"}, "yet to come"),
    ("one person", {"approved_by": " ann  EXAMPLE (DPO)"}, "the same person"),
    ("family", {"requirement": "AUT"}, "too broad"),
    ("all of a system", {"scope": {"system": "*"}}, "too broad"),
    ("all operations", {"scope": {"system": "social-care", "operations": ["GET *"]}}, "too broad"),
    ("empty rule", {"scope": {"system": "social-care", "operations": [" "]}}, "too broad"),
    ("no reason", {"reason": "  "}, "`reason` is empty"),
    ("no risk", {"risk": ""}, "`risk` is empty"),
    ("another system", {"scope": {"system": "health"}}, "there is no such system"),
    ("not in the profile", {"requirement": "SEC-01"}, "not held to this requirement"),
    ("unknown key", {"because": "x"}, "unknown key `because`"),
    ("unknown key in the scope", {"scope": {"system": "social-care", "rule": "x"}}, "unknown key `rule`"),
    ("no date", {"expires": "soon"}, "`expires` should be a date"),
    ("a number", {"expires": "20270131"}, "`expires` should be a date"),
    ("a moment", {"expires": "2027-01-31T00:00:00Z"}, "`expires` should be a date"),
    ("no scope", {"scope": {}}, "`scope.system` is missing"),
    ("empty finding", {"scope": {"system": "social-care", "finding": ""}}, "`scope.finding` is empty"),
    ("no operations", {"scope": {"system": "social-care", "operations": []}}, "`scope.operations` is empty"),
    (
        "one operation",
        {"scope": {"system": "social-care", "operations": "GET /a"}},
        "`scope.operations` should be a list",
    ),
    ("nobody", {"approved_by": "-"}, "`approved_by` names nobody"),
    ("an initial", {"approved_by": "A. Example, DPO"}, "the same person"),
]


@pytest.mark.parametrize(("change", "sentence"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_entry_is_refused_before_anything_is_sent(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    """In a sentence that names file and entry, with what to do."""
    (tmp_path / "waivers.toml").write_text(toml(WAIVER) + toml({**WAIVER, **change}))
    with pytest.raises(ConfigurationError) as refused:
        agreements.read(tmp_path, on=TODAY, profiles=PROFILES)
    assert "waivers.toml, entry 2" in refused.value.message
    assert sentence in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[waiver]", "not valid TOML"),
        ("[waiver]\nrequirement = 'AUT-01'", "something else"),
        ("[[waivers]]", "something else"),
        ("waiver = [1]", "entry 1"),
        ("[[waiver]]", "`requirement` is missing"),
        ("x = '\udcff'", "not in UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """What is wrong is said of the file, whatever it holds."""
    (tmp_path / "waivers.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError, match=sentence):
        agreements.read(tmp_path, on=TODAY, profiles=PROFILES)


def test_a_named_file_has_to_be_there(tmp_path: Path) -> None:
    """Files beside the configuration are read where they are; one that is named is never passed over."""
    assert agreements.read(tmp_path, on=TODAY, profiles=PROFILES) == agreements.Agreements()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        agreements.read(tmp_path, on=TODAY, profiles=PROFILES, baseline=str(tmp_path / "gone.toml"))


def test_entries_outlive_the_record(story: Any, tmp_path: Path) -> None:
    """A verdict is computed again from the record alone, exceptions included."""
    (tmp_path / "waivers.toml").write_text(toml(WAIVER))
    (tmp_path / "baseline.toml").write_text(toml(KNOWN, "known"))
    agreed = agreements.read(tmp_path, on=TODAY, profiles=PROFILES)
    story.record._now = lambda: datetime(2026, 11, 22, tzinfo=UTC)
    story.start()
    agreed.write(story.write)
    verdict = story.system().check(*MET, READABLE).verdict()
    assert verdict["waivers"][0]["approved_by"] == WAIVER["approved_by"]
    assert verdict["baseline"]["known"][0]["recorded_on"] == "2026-11-01"
