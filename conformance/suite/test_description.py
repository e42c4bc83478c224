"""The contract itself: what a reader, a code generator and a council may expect of it."""

import pytest

from joinedup.conformance.check import Check, not_applicable
from joinedup.conformance.description import RULES
from joinedup.conformance.rules import Rule
from joinedup.conformance.target import Target

_ITEMS = [pytest.param(rule, id=rule.name, marks=pytest.mark.requirement(rule.requirement)) for rule in RULES]


@pytest.mark.parametrize("rule", _ITEMS)
def test_description(target: Target, rule: Rule, check: Check) -> None:
    """The contract keeps the rule."""
    if not rule.applies(target.contract):
        check.ends(not_applicable("the contract has nothing that the rule is about"))
        return
    check.proves()
    check.report(*rule.judge(target.contract))
