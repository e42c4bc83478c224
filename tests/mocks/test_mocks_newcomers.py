"""Children whom agencies learn to know while they run, and lists of what came by one piece of work alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from desk import Desk
from rounds import visitor_of
from stdnum.gb import nhs
from tour import CONTACT, StoppedClock, Visitor

from joinedup.mocks.cast import Cast
from joinedup.mocks.families import MOST_CHILDREN
from joinedup.mocks.newcomers import ENROL, MOST, newcomers, told_of

PROTECTION = {
    "noticeType": "child-concern",
    "occurredAt": "2026-11-02T08:15:00Z",
    "gradedRisk": "medium",
    "handling": {"code": "P"},
    "circumstances": "A young child was found alone in a shop.",
    "recipient": "E09000001",
    "childrenInvolved": [
        {
            "givenName": "Jo",
            "identifierOmission": "unknown",
            "relationship": "other",
            "present": True,
        }
    ],
}
NOTICE = {"kind": "care-started", "sender": "social-care", "occurredAt": "2026-11-02T09:30:00Z"}


def _everything(cast: Cast) -> dict[str, str]:
    """What each agency that knows newcomers holds, as text."""
    return {name: json.dumps(_plain(vars(cast.engines[name].state)), default=str) for name in ENROL}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [kept.record for kept in value] if hasattr(value, "of_work") else str(value)


def _times_known(cast: Cast, number: str) -> list[int]:
    return [text.count(number) for text in _everything(cast).values()]


def test_newcomers_are_known_to_every_agency_once() -> None:
    """However often they are asked for; a reset forgets them, and a snapshot brings them back."""
    cast = Cast(list(ENROL), clock=StoppedClock())
    first, second = list(newcomers(1, 2))
    # A school knows the pupil number, the others the NHS number.
    for count, expected in ((1, (1, 0)), (2, (1, 1)), (2, (1, 1)), (1, (1, 1))):
        cast.enrol(count)
        for person, times in zip((first, second), expected, strict=True):
            known = zip(_times_known(cast, person.nhs_number), _times_known(cast, person.upn), strict=True)
            assert [max(pair) for pair in known] == [times] * len(ENROL)
    kept = cast.snapshot()
    cast.reset()
    assert cast.newcomers == 0
    assert set(_times_known(cast, first.nhs_number)) == {0}
    cast.restore(kept)
    assert cast.newcomers == 2
    assert max(_times_known(cast, second.nhs_number)) == 1


def test_newcomers_are_asked_for_at_the_control_plane() -> None:
    """The answer says how many are known; fewer than before changes nothing."""
    desk = Desk()
    assert desk.ask("PUT", "/v1/newcomers", {"count": 3}) == {"count": 3}
    assert desk.ask("PUT", "/v1/newcomers", {"count": 1}) == {"count": 3}
    desk.ask("PUT", "/v1/newcomers", {"count": MOST + 1}, status=422)


def test_newcomers_are_nobody_else() -> None:
    """All have a family name and valid numbers that none of the agencies' own children has, and there are enough."""
    found = list(newcomers(1, MOST))
    assert len(found) == MOST < MOST_CHILDREN
    numbers = {person.nhs_number for person in found} | {person.upn for person in found}
    assert len(numbers) == 2 * MOST
    cast = Cast(list(ENROL), clock=StoppedClock())
    assert not any(number in text for text in _everything(cast).values() for number in list(numbers)[:500])
    for person in found[:100]:
        assert nhs.is_valid(person.nhs_number)
        assert re.match("999", person.nhs_number)
        assert re.fullmatch("[A-Z]00[1-5][0-9]{9}", person.upn)
        assert set(told_of(person)) == {"givenName", "familyName", "dateOfBirth", "nhsNumber", "upn"}


def test_there_are_no_more_newcomers_than_said() -> None:
    """More than there are is an error, before any is made."""
    with pytest.raises(ValueError, match="50000"):
        next(newcomers(1, MOST + 1))


# Lists of one piece of work


@pytest.mark.parametrize(
    ("system", "path", "body"),
    [
        ("social-care", "/v1/contacts", CONTACT),
        *(
            (system, "/v1/notices", NOTICE)
            for system in ("social-care", "health", "school", "virtual-school", "early-help")
        ),
        ("police", "/v1/public-protection-notices", PROTECTION),
    ],
)
def test_a_list_can_be_asked_for_one_piece_of_work(system: str, path: str, body: dict[str, Any]) -> None:
    """It has what came with that correlation id, and nothing else; without one it has everything."""
    visitor = visitor_of(system)
    made = [_posted(visitor, path, body, work) for work in ("one", "other", "one", "")]
    listed = {work: _listed(visitor, path, work) for work in ("one", "other", "neither", "")}
    assert listed["one"] == [made[0], made[2]]
    assert listed["other"] == [made[1]]
    assert listed["neither"] == []
    assert listed[""][-4:] == made


def _posted(visitor: Visitor, path: str, body: dict[str, Any], work: str) -> str:
    answer = visitor.send("post", "POST", path, body=body, headers={"x-correlation-id": work})
    assert answer.status == 201, answer.body
    return str(answer.header("Location")).rpartition("/")[2]


def _listed(visitor: Visitor, path: str, work: str) -> list[str]:
    answer = visitor.send("list", "GET", path, query=f"correlationId={work}" if work else "limit=50")
    assert answer.status == 200, answer.body
    return [str(item.get("contactId") or item.get("noticeId")) for item in answer.body["items"]]


def test_the_control_plane_tells_of_one_piece_of_work() -> None:
    """Exchanges, disclosures and deliveries of one correlation id, also where one agency passed it on."""
    cast = Cast(["police", "social-care"], clock=StoppedClock())
    desk = Desk()
    desk.cast, desk.plane.state.cast = cast, cast
    for work in ("one", "other"):
        desk.call("POST", "/v1/contacts", CONTACT, headers={"x-correlation-id": work})
        desk.call("POST", "/v1/children/search", {"familyName": "Li"}, headers={"x-correlation-id": work})
    for path, least in (("exchanges", 2), ("disclosures", 1)):
        one, both = (desk.ask("GET", f"/v1/{path}{query}")["items"] for query in ("?correlationId=one", ""))
        assert len(both) == 2 * len(one) >= 2 * least
    assert desk.ask("GET", "/v1/exchanges?correlationId=neither")["items"] == []
