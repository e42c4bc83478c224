"""Every fault changes what it says and nothing else."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc.util import urlsafe_b64decode
from rounds import SHOWN_ELSEWHERE
from tour import stopped_cast, tour

from joinedup.mocks import faults_casework, faults_deliveries, faults_rights
from joinedup.mocks.bundle import load_contract
from joinedup.mocks.faults import faults_of
from joinedup.mocks.messages import Answer
from joinedup.mocks.misdescription import MISDESCRIPTIONS
from joinedup.mocks.social_care import fresh

# Those of what follows a referral and of the rights of people are tried beside it: test_mocks_casework, test_mocks_subject_access.
ELSEWHERE = (*faults_casework.FAULTS, *faults_rights.FAULTS)
# Of the token server's faults these are tried where its own operations are: test_mocks_auth, …_supplier_and_locator.
OF_THE_TOKEN_SERVER = {"wrong-passwords-unlimited", "tokens-outlive-agreement"}
FAULTS = tuple(f for f in (*faults_of("social-care"), *faults_of("auth")) if f not in ELSEWHERE)

# Ids of the seed and those that the tour sends stay; those made on the way differ with what was made before.
_MADE = re.compile(r"(?!00000000-0000-4000-8000-|11111111-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEED = fresh(1)
_SEEDED = frozenset(
    identifier
    for records in (_SEED.children, _SEED.contacts, _SEED.referrals)
    for kept in records
    for identifier in _MADE.findall(repr(kept.record))
)

READ_CHILD = {
    "read child",
    "read before change",
    "read after change",
    "read after stale",
    "read restricted child",
}
READ_REFERRAL = {"read referral", "read decided referral"}
NO_TOKEN = {
    "child without token",
    "referral without token",
    "forged signature",
    "other audience",
    "right scope, other audience",
    "revoked token",
    "ended token",
}
NOT_FOUND = {"read child of other", "unknown child", "withdraw other's", "read withdrawn"}
INVALID_BODIES = {
    "search wrong digit",
    "search wrong letter",
    "lift restriction",
    "raise extra property",
    "raise wrong digit",
    "raise other content",
    "decide at length",
}

# Those of the systems that the tour visits; every other agency tries its own.
# Faults of what passes between agencies are tried by tests of their own.
TOURED = tuple(f for f in FAULTS if f not in faults_deliveries.FAULTS)

# The answers of the tour that each fault changes.
CHANGES: dict[str, set[str]] = {
    "undeclared-status": READ_REFERRAL,
    "rare-value-breaks-schema": {"raise rare source"},
    "undeclared-method-answers": {"method not allowed"},
    "accents-lost": {
        "raise",
        "raise again",
        "raise rare source",
        "raise emoji",
        "read raised",
        "read at location",
    },
    "time-without-offset": READ_REFERRAL,
    "extra-property-accepted": {"raise extra property"},
    "apostrophe-refused": {"raise apostrophe"},
    "unusual-character-breaks": {"raise emoji"},
    "created-not-kept": {"read raised", "read at location", "contacts after raising", "withdraw"},
    "update-lost": {"read after change", "read after stale"},
    "deleted-still-readable": {"read withdrawn"},
    "location-leads-nowhere": {
        "raise",
        "raise again",
        "raise rare source",
        "raise emoji",
        "raise apostrophe",
        "read at location",
    },
    "allow-missing": {"method not allowed", "override"},
    "challenge-missing": NO_TOKEN,
    "authentication-ignored": {"referral without token"},
    "signature-ignored": {"forged signature"},
    "expired-token-accepted": {"ended token"},
    "audience-ignored": {"other audience", "right scope, other audience"},
    "scope-ignored": {"narrow scope"},
    "other-organisation-readable": {"read child of other"},
    "other-organisation-changeable": {"withdraw other's", "withdraw"},
    "organisation-from-header": {"other's name in header"},
    "revoked-token-accepted": {"revoked token"},
    "read-only-writable": {"lift restriction"},
    "excess-property": READ_CHILD,
    "length-unlimited": {"decide at length", "read decided referral"},
    "cors-open": {"call from a web site"},
    "quote-breaks": {"search", "search one quote"},
    "wildcard-selects-all": {"search wildcard"},
    "method-override-honoured": {"override"},
    "list-without-object": {"contacts whole", "contacts after raising"},
    "verb-in-path": {"verb"},
    "error-shows-record": {"stale change"},
    "redirect-elsewhere": {"read raised", "read at location"},
    "stack-trace-shown": {"read child of other", "unknown child"},
    "problem-status-differs": NOT_FOUND,
    "error-repeats-value": INVALID_BODIES,
    "answers-may-be-stored": READ_CHILD,
    "replay-creates-twice": {"contacts after raising", "raise other content"},
    "replay-ignores-content": {"raise other content"},
    "stale-change-accepted": {"stale change", "read after stale"},
    "if-match-not-needed": {"change without tag", "read after stale"},
    "paging-repeats": {"children page 1", "children page 2"},
    "paging-loses": {"children page 1", "children page 2"},
    "limit-ignored": {"children page 1", "children page 2"},
    "unknown-cursor-accepted": {"unknown cursor"},
    "check-digit-ignored": {"search wrong digit", "raise wrong digit"},
    "check-letter-ignored": {"search wrong letter"},
    "restricted-address-shown": {"read restricted child", "summarise restricted child"},
}


def shape(answer: Answer) -> Any:
    """An answer with the ids that the agency made replaced by their order within it."""
    said = (answer.status, answer.body, answer.headers, answer.media_type)
    text = msgspec.json.encode(said).decode()
    seen: dict[str, str] = {}
    return _MADE.sub(lambda m: m[0] if m[0] in _SEEDED else seen.setdefault(m[0], f"id-{len(seen)}"), text)


@cache
def clean() -> dict[str, Answer]:
    """The tour without any fault."""
    return tour(stopped_cast())


def changed_by(*faults: str) -> set[str]:
    """Labels of the answers that those faults change."""
    faulty = tour(stopped_cast(*faults))
    return {label for label, answer in clean().items() if shape(answer) != shape(faulty[label])}


def test_the_same_tour_twice_is_answered_alike() -> None:
    """Without a fault two tours do not differ."""
    assert set() == changed_by()


def test_no_answer_of_a_clean_agency_breaks_its_contract() -> None:
    """Every answer of the tour keeps the contract."""
    cast = stopped_cast()
    tour(cast)
    assert cast.breaches() == ()


@pytest.mark.parametrize("fault", sorted(CHANGES))
def test_a_fault_changes_what_it_says_and_nothing_else(fault: str) -> None:
    """Exactly the answers that the table names differ."""
    assert changed_by(fault) == CHANGES[fault]


def test_errors_without_problem_details_are_all_errors_and_no_success() -> None:
    """The fault about the form of errors leaves every success alone."""
    errors = {label for label, answer in clean().items() if answer.status >= 400}
    assert changed_by("errors-are-not-problems") == errors


def test_a_request_id_that_is_not_echoed_shows_in_every_answer() -> None:
    """The fault about the request id is in every answer."""
    assert changed_by("request-id-not-echoed") == set(clean())


@pytest.mark.parametrize("fault", [fault.name for fault in TOURED])
def test_only_misdescriptions_change_the_contract(fault: str) -> None:
    """The served contract differs from the true one with a fault about it, and with no other."""
    contract = stopped_cast(fault).engines["social-care"].contract
    assert (contract != load_contract("social-care")) == (fault in MISDESCRIPTIONS)


@pytest.mark.parametrize("fault", sorted(set(MISDESCRIPTIONS) - set(CHANGES)))
def test_a_misdescription_changes_no_answer(fault: str) -> None:
    """What is wrong with the contract alone shows in no answer."""
    assert changed_by(fault) == set()


@pytest.mark.parametrize(("faults", "algorithm"), [(("guessable-key",), "HS256"), ((), "ES256")])
def test_a_guessable_key_signs_only_with_the_fault(faults: tuple[str, ...], algorithm: str) -> None:
    """With the fault tokens are signed with a word that anybody can try; without it, with a key pair."""
    tokens = stopped_cast(*faults).tokens
    client = tokens.clients["council-e09000001"]
    header = tokens.issue(client, client.scopes).split(".")[0]
    assert msgspec.json.decode(urlsafe_b64decode(header.encode()))["alg"] == algorithm


@pytest.mark.parametrize(("fault", "module"), sorted(SHOWN_ELSEWHERE.items()))
def test_what_no_round_shows_is_tried_elsewhere(fault: str, module: str) -> None:
    """By the module that is named, so that no fault is without a test."""
    assert f'"{fault}"' in (Path(__file__).parents[1] / module).read_text()


def test_every_fault_is_tried() -> None:
    """No fault is without a line in the table or a test of its own."""
    apart = {"errors-are-not-problems", "request-id-not-echoed", "guessable-key", *OF_THE_TOKEN_SERVER}
    assert {fault.name for fault in TOURED} == set(CHANGES) | set(MISDESCRIPTIONS) | apart


@pytest.mark.parametrize("fault", [fault.name for fault in TOURED])
def test_a_fault_is_no_breach_of_the_engine(fault: str) -> None:
    """Faults that break the contract do so on purpose; the engine itself reports none."""
    cast = stopped_cast(fault)
    tour(cast)
    assert cast.breaches() == ()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_says_what_it_breaks(fault: Any) -> None:
    """Each names at least one requirement and, in a whole sentence, what a user would see."""
    assert fault.breaks
    assert fault.shows.endswith(".")
    assert not set(fault.breaks) & set(fault.may_break)
