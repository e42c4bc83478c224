"""
From what a play found to what it says of each system under test: ``judge(story, played, judged, redactor)``.

A criterion speaks of the system that it names (``x-system``), else of the one that its step calls, else, where that is
a partner that is not under test, of every system under test that takes part; and of those only that are held to the
requirement. A partner of ours that fails is our fault, and one that is live is its own: neither is charged to a system.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joinedup.conformance.check import Check, Ended, blocked, not_applicable, setup_fault
from joinedup.conformance.exchanges import MISSING
from joinedup.conformance.findings import Finding
from joinedup.conformance.outcomes import Cause, Outcome
from joinedup.conformance.redaction import Redactor
from joinedup.scenarios.played import FAILURES, Judged, Played, PlayedStep, Sent
from joinedup.scenarios.stages import CONTROL
from joinedup.scenarios.stories import Story
from joinedup.scenarios.wording import in_words, named

CONTRACT = "CON-API-03"
"""The requirement that answers are as the contract says."""
STATUSES = range(100, 600)
MOST_REQUESTS_SHOWN = 80
LATER = frozenset({429, 503})
"""Statuses by which a system asks to be told again later."""
Shown = Callable[[str], Redactor]


@dataclass
class Judgement:
    """
    What a journey says.

    Args:
        checks: of each system under test that takes part, by name.
        faults: sentences about partners of ours that failed.
    """

    checks: dict[str, Check]
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Play:
    """A play with whom it is judged for."""

    story: Story
    played: Played
    judgement: Judgement
    shown: Shown
    live: frozenset[str]

    @property
    def checks(self) -> Mapping[str, Check]:
        return self.judgement.checks

    def concerned(self, requirement: str, called: str, named: Iterable[str]) -> list[Check]:
        """The checks of the systems that a requirement is said of."""
        chosen = list(named) or ([called] if called in self.checks else list(self.checks))
        held = [self.checks[name] for name in chosen if name in self.checks]
        return [check for check in held if requirement in check.requirements]


def judge(
    story: Story,
    played: Played,
    held: Mapping[str, tuple[str, ...]],
    shown: Shown,
    live: Iterable[str] = (),
    *,
    handed_in: Iterable[Played] = (),
) -> Judgement:
    """
    What a play says of the systems under test.

    Args:
        held: the requirements that each system under test is held to, by system, those that take part.
        shown: what may be shown of a system's answers.
        live: systems that are not bundled.
        handed_in: what was played at live systems for what agencies delivered to them.
    """
    play = _Play(
        story,
        played,
        Judgement({name: Check(name, requirements) for name, requirements in held.items()}),
        shown,
        frozenset(live),
    )
    for step in steps_of(played):
        _judge_step(play, step)
    _judge_whole(play)
    _judge_contracts(play)
    for each in handed_in:
        _judge_handed_in(play, each)
    _narrow(play)
    return play.judgement


def steps_of(played: Played) -> Iterator[PlayedStep]:
    """The steps of the story and of those that come before it, in the order in which they were played."""
    for before in played.before:
        yield from steps_of(before)
    yield from played.steps


def calls_of(step: PlayedStep) -> Iterator[PlayedStep]:
    """The step and every step of what it called."""
    yield step
    for played in step.called:
        for each in steps_of(played):
            yield from calls_of(each)


def outcome_of(played: Played) -> Outcome:
    """What the journey came to: one that could not be played to its end for what a system lacks did not pass."""
    steps = list(steps_of(played))
    lacks = any(step.outcome is Outcome.NOT_APPLICABLE and not step.is_optional for step in steps)
    return Outcome.NOT_APPLICABLE if lacks and played.outcome is Outcome.PASS else played.outcome


# One step


def _judge_step(play: _Play, step: PlayedStep) -> None:
    for each in calls_of(step):
        for judged in each.criteria:
            for requirement in judged.criterion.requirements:
                _judge_criterion(play, step, judged, requirement)
    for requirement in step.requirements:
        for check in play.concerned(requirement, step.system, step.systems):
            _end(play, check, step, requirement)
    if step.outcome is Outcome.SETUP_ERROR:
        _judge_unreached(play, step)
    elif step.outcome is Outcome.FAIL and not _is_reported(play, step):
        _judge_unmarked(play, step)


def _is_reported(play: _Play, step: PlayedStep) -> bool:
    rule = _rule(play, step)
    return any(finding.rule == rule for check in play.checks.values() for finding in check.findings)


def _judge_criterion(play: _Play, step: PlayedStep, judged: Judged, requirement: str) -> None:
    for check in play.concerned(requirement, step.system, judged.criterion.systems):
        if judged.held:
            check.proves(requirement)
        elif step.system in play.live.difference(play.checks) and not judged.criterion.systems:
            check.ends(_blocked(play, check.system), requirement)
        else:
            check.report(_finding(play, step, check.system, (requirement,)))


def _end(play: _Play, check: Check, step: PlayedStep, requirement: str) -> None:
    """What a step says of a requirement that the whole of it proves, or that it did not come to."""
    reason = step.reason.actual if step.reason else ""
    if step.outcome is Outcome.PASS:
        check.proves(requirement)
    elif step.outcome is Outcome.NOT_APPLICABLE:
        check.ends(not_applicable(reason), requirement)
        if step.is_optional:
            check.leaves_out(f"the step {step.id} of the journey {play.story.name}", requirement)
    elif step.outcome is Outcome.SETUP_ERROR:
        check.ends(setup_fault(_said(play, step)), requirement)
    elif step.outcome is Outcome.FAIL and _is_charged(play, step, check.system):
        check.report(_finding(play, step, check.system, (requirement,)))
    else:
        check.ends(_blocked(play, check.system), requirement)


def _blocked(play: _Play, system: str) -> Ended:
    failed = _first_failed(play.played)
    reason = (
        f"the step {failed.id if failed else 'before it'} of the journey {play.story.name} did not succeed"
    )
    if failed is None or not _is_charged(play, failed, system):
        return blocked(reason)
    return blocked(reason, Cause.SYSTEM, _rule_broken(play, failed))


def _first_failed(played: Played) -> PlayedStep | None:
    return next((step for step in steps_of(played) if step.outcome in FAILURES), None)


def _is_charged(play: _Play, step: PlayedStep, system: str) -> bool:
    """Whether a step that failed called this system."""
    return step.system == system or (system in step.systems)


def _judge_unreached(play: _Play, step: PlayedStep) -> None:
    """A system that could not be called at all."""
    check = play.checks.get(step.system)
    if step.system not in play.live:
        play.judgement.faults.append(_said(play, step))
    elif check is not None:
        for requirement in _broken_by(play, check):
            check.ends(setup_fault(_said(play, step)), requirement)


def _judge_unmarked(play: _Play, step: PlayedStep) -> None:
    """A step that failed on what proves no requirement by itself."""
    check = play.checks.get(step.system)
    if check is not None:
        if not _only_breaks_contract(step):
            check.report(_finding(play, step, check.system, _broken_by(play, check)))
    elif step.system not in play.live and (step.system == CONTROL or _is_ours(play, step)):
        play.judgement.faults.append(_said(play, step))


def _is_ours(play: _Play, step: PlayedStep) -> bool:
    """Whether a partner's failure is its own: nothing under test came before, it broke, or it broke its contract."""
    sent = list(step.everything_sent())
    broke = any(each.breaches or each.exchange.status == 0 or each.exchange.status >= 500 for each in sent)
    return broke or not any(each.system in play.checks for each in _sent_until(play.played, step))


def _sent_until(played: Played, last: PlayedStep) -> Iterator[Sent]:
    for step in steps_of(played):
        if step is last:
            return
        yield from step.everything_sent()


def _broken_by(play: _Play, check: Check) -> tuple[str, ...]:
    """What counts as broken by a step that proves nothing by itself: what the journey as a whole proves."""
    whole = [id for id in play.played.proves if id in check.requirements]
    return tuple(whole or [id for id in play.story.requirements if id in check.requirements])


def _only_breaks_contract(step: PlayedStep) -> bool:
    return any(each.breaches for each in step.everything_sent()) and all(
        judged.held for each in calls_of(step) for judged in each.criteria
    )


# The whole


def _judge_whole(play: _Play) -> None:
    for played in _plays(play.played):
        for requirement in played.proves:
            for check in play.concerned(requirement, "", ()):
                if played.outcome is Outcome.PASS:
                    check.proves(requirement)
                elif outcome_of(played) is Outcome.NOT_APPLICABLE:
                    check.ends(not_applicable(_lacks(played)), requirement)
                elif not any(requirement in finding.requirements for finding in check.findings):
                    check.ends(_blocked(play, check.system), requirement)


def _plays(played: Played) -> Iterator[Played]:
    for before in played.before:
        yield from _plays(before)
    yield played


def _lacks(played: Played) -> str:
    steps = (step for step in steps_of(played) if step.outcome is Outcome.NOT_APPLICABLE)
    return next((step.reason.actual for step in steps if step.reason), "")


def _judge_contracts(play: _Play) -> None:
    for step in steps_of(play.played):
        for sent in step.everything_sent():
            check = play.checks.get(sent.system)
            if check is None or CONTRACT not in check.requirements:
                continue
            check.proves(CONTRACT)
            if sent.breaches:
                check.report(_breach(play, step, sent))


def _breach(play: _Play, step: PlayedStep, sent: Sent) -> Finding:
    breach, operation = sent.breaches[0], sent.exchange.step.operation
    place = f" at {breach.instance_path}" if breach.instance_path else ""
    return Finding(
        rule=f"journey-{breach.kind}",
        requirements=(CONTRACT,),
        title="An answer in a journey is not what the contract declares",
        expected=breach.expected,
        actual=f"{sent.exchange.status} with {breach.received or 'something else'}{place}.",
        where=operation,
        operations=(operation,),
        cause=f"{operation} {breach.pointer}",
        advice=_again(play, step),
        evidence=_evidence(play, step),
    )


def _judge_handed_in(play: _Play, handed_in: Played) -> None:
    """What a partner had for a live system was taken in, and every answer was as the contract says."""
    for step in steps_of(handed_in):
        check = play.checks.get(step.system)
        if check is None:
            continue
        for sent in step.everything_sent():
            if CONTRACT in check.requirements:
                check.proves(CONTRACT)
                if sent.breaches:
                    check.report(_breach(play, step, sent))
        if step.outcome is Outcome.SETUP_ERROR:
            check.ends(setup_fault(_said(play, step)), *_broken_by(play, check))
        elif step.outcome is Outcome.FAIL and not _only_breaks_contract(step) and not _comes_again(step):
            check.report(_not_taken_in(play, check, handed_in, step))


def _comes_again(step: PlayedStep) -> bool:
    """Whether the system asked to be told later, so that nothing is lost by its refusal."""
    return any(sent.exchange.status in LATER for sent in step.everything_sent())


def _not_taken_in(play: _Play, check: Check, handed_in: Played, step: PlayedStep) -> Finding:
    found = _finding(play, step, check.system, _broken_by(play, check))
    request = found.operations[-1] if found.operations else step.id
    return replace(
        found,
        rule=f"journey-{play.story.name}-taking-in-{handed_in.workflow}",
        title="What a partner tells the system is taken in.",
        where=f"journey {play.story.name}, {handed_in.workflow} by a partner: {request} of {check.system}",
        cause=f"{handed_in.workflow} {step.id}",
    )


def _narrow(play: _Play) -> None:
    """A check speaks of what its journey came to, and of nothing else."""
    for check in play.checks.values():
        check.requirements = tuple(id for id in check.requirements if check.spoke_of(id))


# Sentences


def _finding(play: _Play, step: PlayedStep, system: str, requirements: tuple[str, ...]) -> Finding:
    expected, actual = sentences(step, play.shown)
    sent = [each for each in step.everything_sent() if each.system in (system, step.system)]
    operations = sorted({each.exchange.step.operation for each in sent})
    request = f": {sent[-1].exchange.step.operation} of {sent[-1].system}" if sent else ""
    return Finding(
        rule=_rule(play, step),
        requirements=requirements,
        title=_not_so(step.description or f"The step {step.id} of the journey {play.story.name} succeeds"),
        expected=expected,
        actual=actual,
        where=f"journey {play.story.name}, step {step.id}{request}",
        operations=tuple(operations),
        cause=step.id,
        advice=_again(play, step),
        evidence=_evidence(play, step),
    )


def _not_so(promise: str) -> str:
    """A title that cannot be read as if all were well: a step is described by what should have been seen."""
    return f"Not so: “{promise.rstrip('.')}”"


def _evidence(play: _Play, last: PlayedStep) -> tuple[tuple[str, str], ...]:
    """The requests that led to a step, with what was sent, and the last answer; masked as the record is."""
    sent = [*_sent_until(play.played, last), *last.everything_sent()]
    lines = [_request_line(play, each) for each in sent[-MOST_REQUESTS_SHOWN:]]
    if len(sent) > len(lines):
        lines.insert(0, f"… {len(sent) - len(lines)} requests before these")
    found = [("Requests of the journey up to this step", "\n".join(lines))] if lines else []
    answer = sent[-1].exchange.response if sent else None
    if answer is not None and answer.body:
        found.append(("The last answer", play.shown(sent[-1].system).mask_body(answer.body)))
    return tuple(found)


def _request_line(play: _Play, sent: Sent) -> str:
    step = sent.exchange.step
    who = f" as {sent.actor}" if sent.actor else ""
    line = f"{step.method} {step.path} of {sent.system}{who}: {sent.exchange.status or sent.exchange.error}"
    if step.body is MISSING:
        return line
    body = json.dumps(play.shown(sent.system).mask(step.body), ensure_ascii=False)
    return f"{line}\n  {_short(body)}"


def _rule(play: _Play, step: PlayedStep) -> str:
    return f"journey-{play.story.name}-{step.id}"


def _rule_broken(play: _Play, step: PlayedStep) -> str:
    """The rule of the finding that a step which failed leaves."""
    if not _only_breaks_contract(step):
        return _rule(play, step)
    return f"journey-{next(sent.breaches[0].kind for sent in step.everything_sent() if sent.breaches)}"


def _again(play: _Play, step: PlayedStep) -> str:
    return f"See the step {step.id}; `joinedup check --journey {play.story.name}` plays the journey again."


def _said(play: _Play, step: PlayedStep) -> str:
    expected, actual = sentences(step, play.shown)
    called = f" of {step.system}" if step.system else ""
    return f"The step {step.id} of the journey {play.story.name} failed at a partner{called}. Expected: {expected} Came: {actual}"


def sentences(step: PlayedStep, shown: Shown) -> tuple[str, str]:
    """What a step expected and what came, masked as the answers of its system are."""
    for each in calls_of(step):
        for judged in each.criteria:
            if not judged.held:
                return _expected(judged), _came(judged, shown(each.system))
    broken = next((sent for sent in step.everything_sent() if sent.breaches), None)
    if broken is not None:
        breach = broken.breaches[0]
        return breach.expected, f"{broken.exchange.status} with {breach.received or 'something else'}."
    innermost = [each for each in calls_of(step) if each.outcome is step.outcome and each.reason][-1:]
    reason = innermost[0].reason if innermost else step.reason
    if reason is None:
        return "The step succeeds.", "It did not."
    if step.outcome is Outcome.FAIL and not any(each.sent for each in innermost):
        return reason.expected, "What an earlier answer gave cannot be used here."
    return reason.expected, reason.actual


def _expected(judged: Judged) -> str:
    said = in_words(judged.criterion)
    return f"{said[:1].upper()}{said[1:]}."


def _came(judged: Judged, redactor: Redactor) -> str:
    said = [
        f"{named(text)} is {_short(json.dumps(value if _is_status(text, value) else redactor.mask(value), ensure_ascii=False))}"
        for text, value in judged.values
    ]
    known = {text for text, _ in judged.values}
    said += [
        f"{named(e.text)} is not there"
        for e in dict.fromkeys(judged.criterion.expressions)
        if e.text not in known
    ]
    whole = "; ".join(said) or "it does not hold"
    return f"{whole[:1].upper()}{whole[1:]}."


def _is_status(text: str, value: Any) -> bool:
    """Whether a value is the status of an answer, or the one that was waited for, which say nothing about anybody."""
    return text.endswith(("status", "statusCode")) and isinstance(value, int) and value in STATUSES


def _short(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most]} …"
