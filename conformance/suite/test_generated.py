"""Every operation gets generated requests, valid and invalid, and answers as its contract says."""

import pytest

from joinedup.conformance.check import Check, blocked, first_of, not_applicable
from joinedup.conformance.generated import Tally
from joinedup.conformance.judging import Outcomes


@pytest.mark.requirement("CON-API-03", "CON-API-10", "CON-API-12")
def test_answers_as_its_contract_says(operation: str, phase: str, generated: Outcomes, check: Check) -> None:
    """Whatever is sent, the answer is one that the contract declares."""
    if operation in generated.target.culprits:
        check.leaves_out(f"{operation} was left out, because {generated.target.culprits[operation]}")
    if phase == "coverage" and generated.generated.one_of_a_shape:
        check.leaves_out(
            "wrong headers and query parameters for more than one operation of those that have the same ones, with --quick",
            "CON-API-10",
        )
    tally = generated.generated.tallies.get((operation, phase))
    if tally is None or not sum(tally.statuses.values()):
        _explain_silence(generated, tally, check, phase)
        check.report(*generated.of(operation, phase))
        return
    check.proves("CON-API-03", times=sum(tally.statuses.values()))
    check.proves("CON-API-12", times=sum(tally.statuses.values()))
    if tally.negative:
        check.proves("CON-API-10", times=tally.negative)
    else:
        check.ends(
            not_applicable("no request that the contract rules out can be made in this phase"), "CON-API-10"
        )
    check.report(*generated.of(operation, phase))


def _explain_silence(generated: Outcomes, tally: Tally | None, check: Check, phase: str) -> None:
    if tally is not None and tally.errors:
        check.ends(blocked(f"nothing could be generated for the {phase} phase: {first_of(tally.errors, 2)}"))
    elif generated.generated.cut:
        check.ends(blocked(generated.generated.cut))
    elif phase in generated.generated.left_out:
        check.ends(not_applicable(f"a run of this size leaves out the {phase} phase"))
    else:
        check.ends(not_applicable(f"the contract gives the {phase} phase nothing to send"))
