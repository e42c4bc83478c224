"""
What a contract says of itself, judged: every rule on a description in one table.
"""

from __future__ import annotations

from joinedup.conformance import conventions, documentation, personal_data, validity, versions
from joinedup.conformance.contract import Contract
from joinedup.conformance.findings import Finding
from joinedup.conformance.rules import Rule

RULES: tuple[Rule, ...] = (
    *validity.RULES,
    *documentation.RULES,
    *conventions.RULES,
    *personal_data.RULES,
    *versions.RULES,
)


def description_rules(requirement: str | None = None) -> tuple[Rule, ...]:
    """Every rule, or those that prove a part of one requirement."""
    return tuple(rule for rule in RULES if requirement in {None, rule.requirement})


def is_applicable(contract: Contract, requirement: str) -> bool:
    """Whether a contract has anything that a rule of a requirement could judge."""
    return any(rule.applies(contract) for rule in description_rules(requirement))


def judge_description(contract: Contract) -> list[Finding]:
    """What is wrong with a description, one finding for each cause, in the order of the rules."""
    return [finding for rule in RULES if rule.applies(contract) for finding in rule.judge(contract)]
