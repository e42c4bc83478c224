"""
The service that the tester is tested on: clean in every style, and wrong in exactly one way for each defect.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate
from service.app import Service
from service.defects import DEFECTS, Defect
from service.promises import breaches, reasons
from service.serve import Identity, serving
from service.session import ANOTHER_ID, OTHER, READER, Session
from service.sightings import MINE, SIGHTINGS, THEIRS
from service.styles import STYLES

QUOTA = 5
ONCE = [(defect.styles[place % len(defect.styles)], defect) for place, defect in enumerate(DEFECTS)]
POSSIBLE = [(style, defect) for defect in DEFECTS for style in defect.styles]


def _each(pairs: list[tuple[str, Defect]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("style", "defect"), pairs, ids=[f"{s}-{d.name}" for s, d in pairs])


possible, once = _each(POSSIBLE), _each(ONCE)
each_style = pytest.mark.parametrize("style", STYLES)


def _session(style: str, defect: Defect, *, switched_on: bool) -> Session:
    quota = QUOTA if defect.needs_quota else 0
    return Session(style, frozenset({defect.name}) if switched_on else frozenset(), quota=quota)


class TestDefects:
    """Each defect changes the one behaviour that it is named for."""

    @possible
    def test_the_defect_is_seen_when_it_is_switched_on(self, style: str, defect: Defect) -> None:
        """With the defect, its question has the defective answer; if that breaks the contract, the table says so."""
        sighting, session = SIGHTINGS[defect.name], _session(style, defect, switched_on=True)
        broken = _watched(session)
        assert sighting.question(session) == sighting.defective
        assert not broken or {"CON-API-03", "CON-API-04"} & {*defect.breaks, *defect.may_break}

    @possible
    def test_the_clean_service_does_not_show_it_and_keeps_its_contract(
        self, style: str, defect: Defect
    ) -> None:
        """Without the defect, the question has the clean answer, and every answer on the way keeps the contract."""
        sighting, session = SIGHTINGS[defect.name], _session(style, defect, switched_on=False)
        broken = _watched(session)
        assert sighting.question(session) == sighting.clean
        assert broken == []

    @once
    def test_nothing_else_changes(self, style: str, defect: Defect) -> None:
        """With the defect, ordinary work that it is not about goes on as before."""
        work = _ordinary(_session(style, defect, switched_on=True))
        clean = _clean_day(style, QUOTA if defect.needs_quota else 0)
        changed = {step for step in clean if clean[step] != work.get(step)}
        assert changed <= CHANGED_BY.get(defect.name, set())

    def test_every_defect_has_its_question(self) -> None:
        """The table of defects and the table of questions name the same defects, each once."""
        names = [defect.name for defect in DEFECTS]
        assert sorted(names) == sorted(SIGHTINGS)

    @each_style
    def test_there_are_enough(self, style: str) -> None:
        """At least 45 defects in every style can be found by a caller who has no key of the service."""
        assert sum(defect.from_outside and style in defect.styles for defect in DEFECTS) >= 45

    @pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
    def test_each_names_what_it_breaks(self, defect: Defect) -> None:
        """A defect names requirements by well-formed ids, none of them twice, and a whole sentence."""
        named = (*defect.breaks, *defect.may_break)
        assert defect.breaks
        assert len(set(named)) == len(named)
        assert all(re.fullmatch(r"[A-Z]{3}(-API)?-\d\d", requirement) for requirement in named)
        assert re.fullmatch(r"[A-Z].*\.", defect.sentence)

    @pytest.mark.parametrize(
        ("style", "name"), [("cursor", "no-such-defect"), ("link", "bad-cursor-crashes")]
    )
    def test_a_defect_that_cannot_be_is_an_error(self, style: str, name: str) -> None:
        """A name that is not in the table, or not for the style, is refused and not passed over."""
        with pytest.raises(ValueError, match=name):
            Service(style, frozenset({name}))


def _watched(session: Session) -> list[str]:
    """What the answers to a session break of the contract, growing as they come."""
    broken: list[str] = []
    session.watch(lambda response: broken.extend(breaches(session.service.contract, response)))
    return broken


@functools.cache
def _clean_day(style: str, quota: int) -> dict[str, object]:
    """What a day's work gives at the clean service."""
    return _ordinary(Session(style, quota=quota))


def _ordinary(session: Session) -> dict[str, object]:
    """A day's ordinary work and what came of it, step by step, without anything that differs from run to run."""
    created = session.create(child={"familyName": "Testman", "postcode": "ZZ99 3VZ"}, observedAt=None)
    made = created.json().get("id", "")
    steps = {
        "status": session.call("GET", "/v1/status", who=""),
        "list": session.page(20),
        "create": created,
        "read": session.read(made),
        "change": session.change(made, tag=created.headers["ETag"], urgency=4),
        "note": session.note(made),
        "notes": session.call("GET", f"/v1/referrals/{made}/notes"),
        "search": session.search(familyName="testman"),
        "close": session.close(MINE),
        "closure": session.call("GET", "/v1/closures/" + ANOTHER_ID),
        "practitioners": session.call("GET", "/v1/practitioners", params={"role": "school-nurse"}),
        "foreign": session.read(THEIRS),
        "unauthorised": session.read(made, who=""),
        "unknown": session.read(ANOTHER_ID),
        "malformed": session.call(
            "POST", "/v1/referrals", content=b"{", headers={"Content-Type": "application/json"}
        ),
        "invalid": session.note(made, kind="shout"),
        "forbidden": session.note(made, who=READER),
        "method": session.call("PATCH", "/v1/status"),
        "token": session.token_answer("north-hub", "north-hub-test-secret"),
        "delete": session.delete(made),
    }
    return {step: _gist(response) for step, response in steps.items()}


def _gist(response: httpx.Response) -> tuple[object, ...]:
    """Status, headers but for what differs by nature, and body with moments and tokens left out."""
    changing = ("date", "x-correlation-id", "x-request-id", "content-length")
    headers = sorted((name, value) for name, value in response.headers.items() if name not in changing)
    text = re.sub(r'\d{4}-\d\d-\d\dT[\d:.]+|"access_token":"[^"]+"', "-", response.text)
    return response.status_code, tuple(headers), text


class TestContract:
    """Each style describes itself truly and completely."""

    @each_style
    def test_is_a_valid_document(self, style: str) -> None:
        """The description is valid OpenAPI of the version that the style states."""
        contract = Service(style).contract
        validate(contract)
        assert contract["openapi"] == STYLES[style].openapi

    @each_style
    def test_describes_enough(self, style: str) -> None:
        """There are twelve operations beside the token endpoint, each with a summary and refusals."""
        operations = [op for item in Service(style).contract["paths"].values() for op in item.values()]
        refusals = [[status for status in op["responses"] if status >= "400"] for op in operations]
        assert len(operations) == 13
        assert all(op["summary"] for op in operations)
        assert all(refusals)

    @each_style
    def test_examples_are_valid(self, style: str) -> None:
        """Every example of an answer keeps the schema beside it; those of requests are sent, below."""
        contract = Service(style).contract
        operations = [operation for item in contract["paths"].values() for operation in item.values()]
        media = [part for operation in operations for part in _media(operation["responses"])]
        assert len(media) > 60
        assert [reasons(part["example"], part["schema"], contract) for part in media] == [[]] * len(media)

    @each_style
    def test_example_requests_are_accepted(self, style: str) -> None:
        """The example of a body is one that the service takes."""
        session = Session(style)
        answers = [
            session.create(),
            session.change(MINE, summary="Changed."),
            session.note(MINE),
            session.search(familyName="O'Testová", dateOfBirth="2014-03-15"),
            session.close(MINE),
        ]
        assert [answer.status_code for answer in answers] == [201, 200, 201, 200, 201]

    @each_style
    def test_only_one_style_declares_links(self, style: str) -> None:
        """Links between operations are declared in the cursor style and in no other."""
        assert ("'links'" in str(Service(style).contract)) == (style == "cursor")

    @each_style
    @pytest.mark.parametrize("quota", [0, QUOTA])
    def test_a_limit_is_declared_where_there_is_one(self, style: str, quota: int) -> None:
        """429 is declared for the list if and only if the service was started with a quota."""
        responses = Service(style, quota=quota).contract["paths"]["/v1/referrals"]["get"]["responses"]
        assert ("429" in responses) == bool(quota)


def _media(part: Any) -> Iterator[dict[str, Any]]:
    """Every media type object of a document that has an example."""
    if isinstance(part, dict):
        if "schema" in part and "example" in part:
            yield part
        part = list(part.values())
    for inner in part if isinstance(part, list) else []:
        yield from _media(inner)


STATUSES = {
    "changed without a condition": {"cursor": 428, "offset": 409, "link": 428},
    "changed on a stale reading": {"cursor": 412, "offset": 409, "link": 412},
    "a value that is ruled out": {"cursor": 422, "offset": 400, "link": 400},
    "a key with another body": {"cursor": 422, "offset": 409, "link": 409},
    "an object of others": {"cursor": 404, "offset": 403, "link": 404},
    "a property that only the service sets": {"cursor": 422, "offset": 201, "link": 400},
}


class TestStyles:
    """The styles differ in what good practice leaves open."""

    @each_style
    @pytest.mark.parametrize("case", STATUSES)
    def test_status(self, case: str, style: str) -> None:
        """The status of a refusal is the one that the style is known for."""
        assert _case(Session(style), case).status_code == STATUSES[case][style]

    @each_style
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
    def test_pages_hold_everything_once(self, style: str, size: int) -> None:
        """Read page by page, in whatever size, the list holds every referral once and in one order."""
        session = Session(style)
        session.create()
        assert session.walk(size) == session.ids(session.page(50))

    @each_style
    def test_whole_numbers_are_numbers_without_fractions(self, style: str) -> None:
        """3.0 is an integer by JSON Schema, and is taken and answered as one."""
        assert Session(style).create(urgency=3.0).json()["urgency"] == 3

    @each_style
    @pytest.mark.parametrize(
        "content", [b"", b"{", b"\xff", b'"\\ud800"', b"NaN", b"1e999", b"9" * 5000, b"[" * 50000]
    )
    def test_what_is_no_json_is_refused(self, style: str, content: bytes) -> None:
        """A body that cannot be read is refused with 400 or with the status for a value, and never brings a 500."""
        headers = {"Content-Type": "application/json"}
        answer = Session(style).call("POST", "/v1/referrals", content=content, headers=headers)
        assert answer.status_code in (400, STATUSES["a value that is ruled out"][style])

    @each_style
    def test_identifiers_are_the_same_after_a_reset(self, style: str) -> None:
        """After a reset the same work gives the same identifiers."""
        session = Session(style)
        first = session.made()
        session.service.reset()
        assert session.made() == first


def _case(session: Session, case: str) -> httpx.Response:
    """The answer in one of the cases of ``STATUSES``."""
    key = {session.style.replay_header: "one-and-the-same-key"}
    if case == "a key with another body":
        session.create(headers=key)
        return session.create(headers=key, urgency=5)
    if case == "changed on a stale reading":
        tag = session.tag(MINE)
        session.change(MINE, tag=tag, summary="Newer.")
        return session.change(MINE, tag=tag, summary="Older.")
    if case == "changed without a condition":
        return session.change(MINE, tag="", summary="Unconditional.")
    if case == "a value that is ruled out":
        return session.create(urgency=6)
    if case == "an object of others":
        return session.read(MINE, who=OTHER)
    return session.call("POST", "/v1/referrals", json=session.new(restricted=True))


class TestServing:
    """The service runs on a free port of the loopback interface."""

    @each_style
    def test_a_caller_gets_a_token_and_its_own_list(self, style: str) -> None:
        """Each identity gets a token by client credentials, and with it the referrals of its organisation only."""
        with serving(style) as running, httpx.Client(base_url=running.base_url) as http:
            for identity in (running.identities.own, running.identities.other, running.identities.reader):
                items = http.get("/v1/referrals", headers=_authorised(http, identity)).json()["items"]
                assert {item["organisation"] for item in items} == {identity.organisation}

    @each_style
    def test_answers_over_the_network_keep_the_contract(self, style: str) -> None:
        """What is read over the network, the contract included, is what the contract says."""
        with serving(style) as running, httpx.Client(base_url=running.base_url) as http:
            contract = http.get(running.contract_url).json()
            headers = _authorised(http, running.identities.own)
            paths = ("/v1/status", "/v1/referrals", f"/v1/referrals/{MINE}", f"/v1/referrals/{MINE}/notes")
            answers = [http.get(path, headers=headers) for path in paths]
            assert [breaches(contract, answer) for answer in answers] == [[]] * len(paths)

    def test_a_reset_forgets_what_was_made(self) -> None:
        """After a reset there are the seven referrals again, and tokens still hold."""
        with serving() as running, httpx.Client(base_url=running.base_url) as http:
            headers = _authorised(http, running.identities.own)
            http.delete(f"/v1/referrals/{MINE}", headers=headers)
            running.reset()
            assert len(http.get("/v1/referrals", headers=headers).json()["items"]) == 7

    def test_a_token_narrowed_by_its_caller_is_narrow(self) -> None:
        """A client that asks for one scope gets that one only."""
        with serving() as running, httpx.Client(base_url=running.base_url) as http:
            own = running.identities.own
            headers = _authorised(http, own, scope="referrals.read")
            assert http.delete(f"/v1/referrals/{MINE}", headers=headers).status_code == 403


def _authorised(http: httpx.Client, identity: Identity, scope: str = "") -> dict[str, str]:
    form = {"grant_type": "client_credentials", "scope": scope or identity.scope}
    answer = http.post(identity.token_url, data=form, auth=(identity.client_id, identity.client_secret))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


GRANTED = {"change", "close", "create", "delete", "list", "note", "notes", "practitioners", "read", "search"}
REFUSED = {"closure", "forbidden", "foreign", "invalid", "malformed", "method", "unauthorised", "unknown"}
# The steps of a day's work that a defect changes too, because they are that behaviour or rest on it.
CHANGED_BY: dict[str, set[str]] = {
    "new-note-answered-with-202": {"note"},
    "urgency-of-young-carers-as-text": {"list"},
    "organisation-missing-when-read": {"read"},
    "search-answers-as-html": {"search"},
    "etag-missing-when-read": {"read"},
    "accents-lost-in-names": {"change"},
    "apostrophes-lost-in-names": {"change"},
    "apostrophes-turned-into-markup": {"change"},
    "database-speaks-in-refusal": {"unknown"},
    "creation-time-without-offset": {"change", "create", "list", "read", "search"},
    "summer-time-offset-refused": {"change", "search"},
    "offset-of-an-observation-lost": {"change"},
    "change-lost": {"search"},
    "new-referral-cannot-be-read": {
        "change",
        "close",
        "delete",
        "invalid",
        "note",
        "notes",
        "read",
        "search",
    },
    "list-leaves-out-new-referrals": {"list"},
    "location-leads-nowhere": {"create"},
    "location-leads-to-another-referral": {"create"},
    "allow-missing": {"method"},
    "allow-names-methods-that-are-refused": {"method"},
    "no-challenge-with-401": {"unauthorised"},
    "etag-unchanged-after-change": {"change"},
    "personal-answers-may-be-kept": GRANTED,
    "refusals-may-be-kept": {
        "closure",
        "forbidden",
        "foreign",
        "invalid",
        "malformed",
        "unauthorised",
        "unknown",
    },
    "any-website-may-read-with-credentials": GRANTED | REFUSED | {"status", "token"},
    "refusal-repeats-the-value-sent": {"invalid"},
    "refusal-does-not-name-the-field": {"invalid"},
    "stack-trace-in-refusal": {"malformed"},
    "server-version-in-refusals": REFUSED,
    "refusal-as-plain-text": REFUSED,
    "refusal-states-another-status": REFUSED,
    "reading-permission-is-enough-to-write": {"forbidden"},
    "referral-of-others-can-be-read": {"foreign"},
    "list-shows-everyone": {"list"},
    "pages-never-end": {"list"},
    "total-is-too-high": {"list"},
    "list-shows-home-address": {"list", "search"},
    "quota-not-enforced": {
        "close",
        "closure",
        "delete",
        "forbidden",
        "foreign",
        "invalid",
        "malformed",
        "notes",
        "practitioners",
        "search",
        "unknown",
    },
    "arrivals-shift-the-pages": {"list"},
    "nhs-number-answered-as-number": {"change", "create", "read"},
}
