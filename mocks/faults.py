"""
Deliberate defects of the bundled agencies, by name: what the harness is tested with.

A fault is one change of behaviour as a user would see it. ``breaks`` are the requirements that it must make fail;
``may_break`` those that it can touch besides, because one defect shows in more than one way. Values only: the engine,
``tampering`` and the agencies' modules ask whether a fault is on at the place where it changes something.
"""

from __future__ import annotations

from dataclasses import replace

from joinedup.mocks import (
    faults_auth,
    faults_casework,
    faults_cp_is,
    faults_deliveries,
    faults_generic,
    faults_identity,
    faults_locator,
    faults_mash,
    faults_police,
    faults_rights,
    faults_supplier_app,
)
from joinedup.mocks.bundle import contract_names
from joinedup.mocks.fault import Fault as Fault
from joinedup.mocks.faults_early_help import EARLY_HELP_FAULTS
from joinedup.mocks.faults_health import HEALTH_FAULTS
from joinedup.mocks.faults_school import SCHOOL_FAULTS
from joinedup.mocks.faults_virtual_school import VIRTUAL_SCHOOL_FAULTS

SOCIAL_CARE = "social-care"


def _social_care(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, SOCIAL_CARE, tuple(breaks.split()), shows, tuple(may_break.split()))


OWN_FAULTS: tuple[Fault, ...] = (
    # The contract
    _social_care(
        "undeclared-status",
        "CON-API-03",
        "Reading a referral succeeds with status 202, which the contract does not declare.",
    ),
    _social_care(
        "rare-value-breaks-schema",
        "CON-API-03",
        "The version of a contact that came from early help (source 5D) is a string instead of a number.",
    ),
    _social_care(
        "undeclared-method-answers",
        "CON-API-04",
        "PUT on a child is not in the contract and answers with data.",
        "CON-API-14",
    ),
    _social_care(
        "accents-lost",
        "CON-API-08",
        "A contact about Siân reads back as one about Sian.",
        "CON-API-13",
    ),
    _social_care(
        "time-without-offset",
        "CON-API-09",
        "The time at which a referral was received has no offset.",
        "CON-API-03",
    ),
    _social_care(
        "extra-property-accepted",
        "CON-API-10",
        "Raising a contact accepts a property that the contract rules out.",
    ),
    _social_care(
        "apostrophe-refused",
        "CON-API-11",
        "A contact about a child named O'Neill is refused.",
        "CON-API-08",
    ),
    _social_care(
        "unusual-character-breaks",
        "CON-API-12",
        "A contact with a character beyond the basic plane, such as an emoji, gets an internal server error.",
        "CON-API-03 CON-API-08 CON-API-11",
    ),
    _social_care(
        "created-not-kept",
        "CON-API-13",
        "A contact is taken in and cannot be read afterwards.",
        "CON-API-14",
    ),
    _social_care("update-lost", "CON-API-13", "A change to a child is answered as made and is not kept."),
    _social_care("deleted-still-readable", "CON-API-13", "A contact can be read after it was withdrawn."),
    _social_care(
        "location-leads-nowhere",
        "CON-API-14",
        "The Location of a new contact is the address of no contact.",
    ),
    _social_care("allow-missing", "CON-API-14", "A method that is not allowed is refused without Allow."),
    _social_care(
        "challenge-missing",
        "CON-API-14",
        "A request without a good token is refused without WWW-Authenticate.",
        "CON-API-03 AUT-01",
    ),
    _social_care(
        "method-override-honoured",
        "CON-API-04",
        "A POST on a contact with X-HTTP-Method-Override: DELETE withdraws it.",
    ),
    # What the contract says of itself
    _social_care(
        "reference-dangles",
        "CON-API-01",
        "The contract refers to a schema that is not there.",
        "CON-API-02 CON-API-03",
    ),
    _social_care(
        "example-breaks-schema", "CON-API-02", "An example in the contract is not one of its schema."
    ),
    _social_care(
        "list-without-object",
        "CON-API-05",
        "The list of contacts is a bare array, as the contract says, and can never be extended.",
        "PAG-01 CON-API-03",
    ),
    _social_care("property-in-other-case", "CON-API-06", "One property of a child is named in snake case."),
    _social_care("verb-in-path", "CON-API-07", "The address of the service's status is a verb."),
    _social_care(
        "name-in-query",
        "PRV-01",
        "The contract lets children be filtered by a family name in the address.",
        "CON-API-11",
    ),
    _social_care(
        "example-outside-test-range",
        "TST-01",
        "An NHS number in the contract's examples may be that of a real person.",
    ),
    # Who may do what
    _social_care(
        "authentication-ignored",
        "AUT-01",
        "A referral can be read without a token.",
    ),
    _social_care(
        "signature-ignored",
        "AUT-01",
        "A token with a changed signature opens everything that the true one does.",
    ),
    _social_care("expired-token-accepted", "AUT-01", "A token that has ended still opens everything."),
    _social_care("audience-ignored", "AUT-01", "A token for another system opens this one."),
    _social_care("scope-ignored", "AUT-02", "A token for reading contacts also reads children."),
    _social_care("other-organisation-readable", "AUT-03", "A child of another organisation can be read."),
    _social_care(
        "other-organisation-changeable",
        "AUT-03",
        "A contact of another organisation can be withdrawn.",
    ),
    _social_care(
        "organisation-from-header",
        "AUT-04",
        "The header End-User-Organisation decides whose records are listed, whatever the token says.",
        "AUT-03",
    ),
    _social_care(
        "revoked-token-accepted",
        "AUT-08",
        "A token that was revoked still opens everything.",
    ),
    _social_care(
        "read-only-writable",
        "SEC-01",
        "The restriction of a child's record can be lifted by sending restricted in a change.",
        "CON-API-10",
    ),
    _social_care(
        "excess-property",
        "SEC-02",
        "A child's record holds internal notes that no contract mentions.",
        "CON-API-03",
    ),
    _social_care(
        "length-unlimited",
        "SEC-03",
        "The reason of a decision may be longer than the contract allows, and is cut without a word.",
        "CON-API-10 CON-API-13",
    ),
    _social_care("stack-trace-shown", "SEC-07", "A child that is not found is answered with a stack trace."),
    _social_care(
        "cors-open",
        "SEC-07",
        "Any web site may send requests with a signed-in person's credential.",
    ),
    _social_care(
        "quote-breaks",
        "SEC-08",
        "A search for O'Neill gets an internal server error.",
        "CON-API-03 CON-API-11 CON-API-12",
    ),
    _social_care("wildcard-selects-all", "SEC-08", "A search for the name % finds every child."),
    # Errors and privacy
    _social_care(
        "errors-are-not-problems",
        "ERR-01",
        "Errors are JSON of the service's own making instead of problem details.",
        "CON-API-03 ERR-02",
    ),
    _social_care(
        "problem-status-differs",
        "ERR-01",
        "The status within the problem details of a 404 is 400.",
    ),
    _social_care(
        "error-repeats-value",
        "ERR-02 PRV-04",
        "An error about a field repeats what was sent.",
    ),
    _social_care(
        "error-shows-record",
        "PRV-04",
        "The refusal of a stale change names the child.",
    ),
    _social_care(
        "redirect-elsewhere",
        "PRV-05",
        "Reading a contact redirects to a host of someone else.",
        "CON-API-03 CON-API-11 CON-API-13 CON-API-14",
    ),
    _social_care(
        "answers-may-be-stored",
        "PRV-03",
        "A child's record may be kept by caches for an hour.",
        "CON-API-03",
    ),
    _social_care(
        "request-id-not-echoed",
        "OBS-01",
        "The X-Request-ID of an answer is not that of its request.",
    ),
    # Repetition, concurrency, paging
    _social_care(
        "replay-creates-twice",
        "IDM-01",
        "Sending a contact again with the same X-Request-ID makes a second one.",
    ),
    _social_care(
        "replay-ignores-content",
        "IDM-01",
        "Another contact with an X-Request-ID used before gets the old answer and is lost.",
    ),
    _social_care(
        "stale-change-accepted",
        "CCY-01",
        "A change made on an older version of a child's record overwrites a newer one.",
    ),
    _social_care(
        "if-match-not-needed",
        "CCY-01",
        "A change to a child's record is accepted without If-Match.",
        "CON-API-10",
    ),
    _social_care("paging-repeats", "PAG-01", "The last item of a page is also the first of the next."),
    _social_care("paging-loses", "PAG-01", "The item after the end of a page is on no page."),
    _social_care(
        "limit-ignored", "PAG-01", "A page holds 20 items whatever limit was asked for.", "CON-API-13"
    ),
    _social_care(
        "unknown-cursor-accepted", "PAG-01", "A cursor that was never given out starts from the first."
    ),
    # Identifiers and restricted records
    _social_care(
        "check-digit-ignored",
        "IDN-01",
        "An NHS number with a wrong check digit is accepted.",
        "CON-API-10 CON-API-03 IDN-02",
    ),
    _social_care(
        "check-letter-ignored",
        "IDN-02",
        "A unique pupil number with a wrong check letter is accepted.",
        "CON-API-10 CON-API-03",
    ),
    _social_care(
        "restricted-address-shown",
        "RES-01",
        "The address of a restricted child is shown.",
    ),
)

# An agency with many faults keeps them in a module of its own.
FAULTS: tuple[Fault, ...] = (
    *OWN_FAULTS,
    *faults_auth.FAULTS,
    *faults_police.FAULTS,
    *faults_casework.FAULTS,
    *faults_rights.FAULTS,
    *faults_mash.FAULTS,
    *faults_cp_is.FAULTS,
    *faults_identity.FAULTS,
    *faults_locator.FAULTS,
    *faults_supplier_app.FAULTS,
    *faults_deliveries.FAULTS,
    *EARLY_HELP_FAULTS,
    *HEALTH_FAULTS,
    *SCHOOL_FAULTS,
    *VIRTUAL_SCHOOL_FAULTS,
    *faults_generic.FAULTS,
)


def fault_named(name: str) -> Fault | None:
    """The fault of that name, which may be a generic one with an agency's name in front; None where there is none."""
    generic = faults_generic.unscoped(name)
    found = next((fault for fault in FAULTS if fault.name == generic), None)
    if found is None or generic == name:
        return found
    system = name.removesuffix(f"-{generic}")
    return replace(found, name=name, system=system) if system in contract_names() else None


def faults_of(system: str) -> tuple[Fault, ...]:
    """The faults that are a system's own, in catalogue order; the generic ones are every system's."""
    return tuple(fault for fault in FAULTS if fault.system == system)
