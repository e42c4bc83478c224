"""What is one organisation's is out of another's reach."""

import pytest

from joinedup.conformance.check import Check, blocked
from joinedup.conformance.isolation import boundaries, merged, same_organisation
from joinedup.conformance.pretence import pretend
from joinedup.conformance.privileges import Attempt, set_when_changing, set_when_making
from joinedup.conformance.target import Target
from joinedup.conformance.trespass import cross


@pytest.mark.requirement("AUT-03")
def test_keeps_organisations_apart(harvested: Target, check: Check) -> None:
    """An object of one organisation cannot be read, found, changed, added to or deleted by another."""
    if same_organisation(harvested):
        raise blocked("the identities own and other call for one organisation; give other another one's")
    lines = boundaries(harvested)
    if not lines:
        raise blocked("not exercised, because no request of one of the two organisations ever succeeded")
    for boundary in lines:
        cross(boundary)
    check.report(*merged(report for boundary in lines for report in boundary.reports))
    check.proves(times=sum(boundary.held for boundary in lines))
    if any(boundary.pointed for boundary in lines):
        check.leaves_out(
            "whether another organisation may know that an object exists, which a list or a search tells it without saying more"
        )
    if not harvested.destructive:
        check.leaves_out("deleting by another organisation, without limits.destructive")
    if not any(boundary.held or boundary.reports for boundary in lines):
        raise blocked(
            "not exercised, because neither organisation has an object that is certainly its own: "
            "none could be made, and no list holds one that the other's does not"
        )


@pytest.mark.requirement("AUT-04")
def test_takes_the_organisation_from_the_credential(harvested: Target, check: Check) -> None:
    """Naming another organisation in a header, a parameter or a body opens nothing of that organisation's."""
    if same_organisation(harvested):
        raise blocked("the identities own and other call for one organisation; give other another one's")
    lines = boundaries(harvested)
    for boundary in lines:
        pretend(boundary)
    check.report(*merged(report for boundary in lines for report in boundary.reports))
    check.proves(times=sum(boundary.held for boundary in lines))
    if not any(boundary.held or boundary.reports for boundary in lines):
        raise blocked("not exercised, because neither organisation has an object that the other is refused")


@pytest.mark.requirement("SEC-01")
def test_ignores_what_is_not_the_callers_to_set(harvested: Target, check: Check) -> None:
    """Read-only and privileged properties that are sent with a create or a change take no effect."""
    attempt = Attempt(harvested)
    set_when_making(attempt)
    set_when_changing(attempt)
    check.report(*merged(attempt.reports))
    check.proves(times=attempt.held)
    if not attempt.held and not attempt.reports:
        raise blocked(
            "not exercised, because nothing could be created or changed that has properties callers may not set"
        )
