"""
A criterion in words, for people who do not read Arazzo: ``in_words(criterion)``, ``named(expression)``.

``$outputs.status == 201`` is "the status is 201", ``$response.body#/state == 'closed'`` is "`/state` of the answer is
closed", and a pattern that forbids a text is "the answer holds nothing that matches" it. A condition of another form
stays as it is written. Nothing here comes from an answer, so that nothing has to be masked.
"""

from __future__ import annotations

import re

from joinedup.scenarios.model import Criterion

_EXPRESSION = r"\$(?:[^\s()<>=!&|\[\]{},']|\[\d+\])+"
_LITERAL = r"'[^']*'|-?\d+(?:\.\d+)?|true|false|null"
_COMPARISON = re.compile(rf"({_EXPRESSION}|{_LITERAL})\s*(==|!=|<=|>=|<|>)\s*({_EXPRESSION}|{_LITERAL})")
_JOINTS = re.compile(r"\s*(&&|\|\|)\s*(?=(?:[^']*'[^']*')*[^']*$)")
_SIGNS = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is greater than",
    ">=": "is at least",
}
_JOINED = {"&&": " and ", "||": " or "}
_FORBIDS = re.compile(r"\^\(\?!\.\*(?P<pattern>.+)\)")
_GROUP = re.compile(r"\((?P<options>[^()\\]*)\)")
_BRACKETED = re.compile(r"\([^()]*\)")
_EMBEDDED = re.compile(r"\{(\$[^{}]+)\}")
_PLAIN = re.compile(r"[\w \"'/@-]+")
_SELECTED = re.compile(r"\$(?:\.(?P<list>\w+))?\[\?(?P<filter>.+)\]")
_COUNTED = re.compile(r"\$\[\?count\((?P<of>[@$])\[\?(?P<filter>.+)\]\) (?P<sign>==|>=) (?P<number>\d+)\]")
_MEMBER = re.compile(rf"@\.([\w.]+(?:\[\d+\][\w.]*)*)\s*(==|!=|<=|>=|<|>)\s*({_LITERAL})")
_MEASURED = re.compile(r"length\(@\)\s*(==|!=|<=|>=|<|>)\s*(\d+)")
_THERE = re.compile(r"@\.(\w+)")
_HELD = re.compile(rf"@\[\?@ == ({_LITERAL})\]")
_NAMES = (
    (re.compile(r"\$(?:statusCode|outputs\.status)"), "the status"),
    (re.compile(r"\$(?:response\.body|outputs\.answer)"), "the answer"),
    (re.compile(r"\$response\.body#(.+)"), r"`\1` of the answer"),
    (re.compile(r"\$response\.header\.(.+)"), r"the header `\1` of the answer"),
    (re.compile(r"\$outputs\.answer(?:\.|#)(.+)"), r"`\1` of the answer"),
    (re.compile(r"\$outputs\.answer(\[.+)"), r"`\1` of the answer"),
    (re.compile(r"\$outputs\.(.+)"), r"`\1`"),
    (re.compile(r"\$inputs\.(.+)"), r"the input `\1`"),
    (re.compile(r"\$steps\.([^.]+)\.outputs\.(.+)"), r"`\2` of the step \1"),
)


def in_words(criterion: Criterion) -> str:
    """What a criterion asks for, without a full stop; as it is written where its form is none of the common ones."""
    subject = named(criterion.context.text) if criterion.context else ""
    if criterion.kind == "regex":
        return _matched(subject, criterion.text)
    if criterion.kind == "jsonpath":
        return _selected(subject, criterion.text)
    return _compared(criterion.text) or criterion.text


def named(expression: str) -> str:
    """What a runtime expression stands for; itself where it has no common name."""
    for form, name in _NAMES:
        if found := form.fullmatch(expression):
            return found.expand(name)
    return expression


# Simple conditions


def _compared(text: str) -> str:
    """Comparisons joined by one kind of operator; empty for any other form, brackets and negations among them."""
    first, *rest = _JOINTS.split(text.strip())
    joints, terms = set(rest[::2]), [_COMPARISON.fullmatch(term) for term in (first, *rest[1::2])]
    if len(joints) > 1:
        return ""
    said = [f"{_operand(t[1])} {_SIGNS[t[2]]} {_operand(t[3])}" for t in terms if t]
    return _JOINED[joints.pop() if joints else "&&"].join(said) if len(said) == len(terms) else ""


def _operand(text: str) -> str:
    return named(text) if text.startswith("$") else _literal(text)


def _literal(text: str) -> str:
    inner = text[1:-1] if text.startswith("'") else text
    return inner if inner.strip() else f"“{inner}”"


# Patterns


def _matched(subject: str, text: str) -> str:
    forbids = _FORBIDS.fullmatch(text)
    if forbids is None or not _is_whole(forbids["pattern"]):
        return f"{subject} matches `{text}`" if not _PLAIN.fullmatch(text) else f"{subject} holds “{text}”"
    options = _options(forbids["pattern"])
    return f"{subject} holds {_none_of(options) if options else _nothing_like(forbids['pattern'])}"


def _is_whole(pattern: str) -> bool:
    """Whether a pattern stands by itself, so that the bracket behind it closes what forbids it."""
    try:
        re.compile(_EMBEDDED.sub("x", pattern))
    except re.error:
        return False
    return not pattern.startswith("(?") and "|" not in _BRACKETED.sub("", pattern)


def _options(pattern: str) -> list[str]:
    """What a pattern of nothing but plain texts and values lists; empty for any other."""
    group = _GROUP.fullmatch(pattern)
    options = (group["options"] if group else pattern).split("|")
    said = [_option(option) for option in options]
    return said if all(said) else []


def _option(option: str) -> str:
    if value := _EMBEDDED.fullmatch(option):
        return named(value[1])
    return f"“{option}”" if _PLAIN.fullmatch(option) else ""


def _none_of(options: list[str]) -> str:
    return (
        f"none of these: {', '.join(options)}" if len(options) > 1 else f"nothing that matches {options[0]}"
    )


def _nothing_like(pattern: str) -> str:
    return f"nothing that matches `{pattern}`"


# What JSONPath selects


def _selected(subject: str, text: str) -> str:
    if (counted := _COUNTED.fullmatch(text)) and (entries := _entries(counted["filter"])):
        holder = f"a list in {subject}" if counted["of"] == "@" else subject
        least = "at least " if counted["sign"] == ">=" else ""
        number = "1 entry" if counted["number"] == "1" else f"{counted['number']} entries"
        return f"{holder} has {least}{number} {entries}"
    if (found := _SELECTED.fullmatch(text)) and (entries := _entries(found["filter"])):
        place = f"`{found['list']}` of {subject}" if found["list"] else subject
        return f"{place} has an entry {entries}"
    return f"`{text}` selects something in {subject}"


def _entries(conditions: str) -> str:
    """Which entries a filter is about; empty where one of its conditions has another form."""
    said = [_term(term) for term in conditions.split(" && ")]
    return " and ".join(said) if all(said) else ""


def _term(term: str) -> str:
    """One condition on an entry; empty for another form."""
    if member := _MEMBER.fullmatch(term):
        return f"whose `{member[1]}` {_SIGNS[member[2]]} {_literal(member[3])}"
    if measured := _MEASURED.fullmatch(term):
        return f"whose length {_SIGNS[measured[1]]} {measured[2]}"
    if there := _THERE.fullmatch(term):
        return f"that has `{there[1]}`"
    held = _HELD.fullmatch(term)
    return f"that holds {_literal(held[1])}" if held else ""
