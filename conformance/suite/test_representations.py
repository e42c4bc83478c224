"""What is declared in several representations is right in each."""

import pytest

from joinedup.conformance.causes import Causes
from joinedup.conformance.check import Check, not_applicable
from joinedup.conformance.judging import contract_suspicions
from joinedup.conformance.near_misses import server_failure
from joinedup.conformance.representations import asked_for
from joinedup.conformance.responses import base_type
from joinedup.conformance.target import Target

# Which statuses an operation has is judged where requests are generated.
ELSEWHERE = "undeclared-status"


@pytest.mark.requirement("CON-API-03", "CON-API-12")
def test_keeps_the_contract_in_every_representation(harvested: Target, check: Check) -> None:
    """An answer, and a refusal, is as declared in each representation that can be asked for."""
    causes, judged = Causes(), 0
    for operation, name, exchange in asked_for(harvested):
        judged += exchange.response is not None and exchange.response.media_type == base_type(name)
        if exchange.status >= 500:
            causes.add(server_failure(exchange))
            continue
        for suspicion in contract_suspicions(harvested, operation, exchange):
            if suspicion.rule != ELSEWHERE:
                causes.add(suspicion)
    check.report(*causes.findings(harvested))
    check.proves(times=judged)
    if not judged:
        check.ends(not_applicable("no reading that succeeded can be asked for in another representation"))
