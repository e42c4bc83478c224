"""What a journey asks for, in words: a tester does not have to read Arazzo."""

from __future__ import annotations

import pytest

from joinedup.scenarios.expressions import parse
from joinedup.scenarios.model import Criterion, Place
from joinedup.scenarios.wording import in_words, named

SIMPLE = [
    ("$statusCode == 201", "the status is 201"),
    ("$outputs.status == 200", "the status is 200"),
    ("$statusCode == 200 || $statusCode == 201", "the status is 200 or the status is 201"),
    ("$response.body#/status == 'closed'", "`/status` of the answer is closed"),
    ("$response.header.Location != null", "the header `Location` of the answer is not null"),
    ("$outputs.answer.status == 401", "`status` of the answer is 401"),
    ("$outputs.answer#/items/0 == 'a'", "`/items/0` of the answer is a"),
    ("$outputs.state == ''", "`state` is “”"),
    ("$outputs.state == 'a && b'", "`state` is a && b"),
    (
        "$outputs.accepted == 4 && $outputs.late == false",
        "`accepted` is 4 and `late` is false",
    ),
    (
        "$outputs.expires_in > 0 && $outputs.expires_in <= $inputs.longest-life",
        "`expires_in` is greater than 0 and `expires_in` is at most the input `longest-life`",
    ),
    ("$outputs.day == $steps.it-starts.outputs.due-by", "`day` is `due-by` of the step it-starts"),
    ("$outputs.plans[0].planType == 'CPP'", "`plans[0].planType` is CPP"),
]
REGEX = [
    ("chronology", "the answer holds “chronology”"),
    ("^@[0-9]+$", "the answer matches `^@[0-9]+$`"),
    ("^(?!.*CPP.*CPP)", "the answer holds nothing that matches `CPP.*CPP`"),
    ("^(?!.*UCPP)", "the answer holds nothing that matches “UCPP”"),
    (
        "^(?!.*(postcode|{$inputs.postcode}|{$steps.a.outputs.b}))",
        "the answer holds none of these: “postcode”, the input `postcode`, `b` of the step a",
    ),
    (r"^(?!.*\b{$inputs.source}\b)", r"the answer holds nothing that matches `\b{$inputs.source}\b`"),
]
JSONPATH = [
    (
        "$.items[?@.kind == 'enquiry' && @.sender == 'mash']",
        "`items` of the answer has an entry whose `kind` is enquiry and whose `sender` is mash",
    ),
    ("$[?@[?@ == 'contact']]", "the answer has an entry that holds contact"),
    ("$[?@.confidence < 1]", "the answer has an entry whose `confidence` is less than 1"),
    (
        "$[?count(@[?@.status == 503]) >= 2]",
        "a list in the answer has at least 2 entries whose `status` is 503",
    ),
    ("$[?length(@) == 2]", "the answer has an entry whose length is 2"),
    ("$[?count(@[?@.planType]) == 1]", "a list in the answer has 1 entry that has `planType`"),
    ("$[?@.records[0].day == '1']", "the answer has an entry whose `records[0].day` is 1"),
    ("$[?count($[?@[?@ == 'x']]) == 1]", "the answer has 1 entry that holds x"),
]
AS_WRITTEN = [
    ("simple", "!($statusCode == 200)", "!($statusCode == 200)"),
    ("simple", "$outputs.a == 1 || $outputs.b == 2 && $outputs.c == 3", None),
    ("simple", "$outputs.first", None),
    ("regex", "^(?!.*a|b)", "the answer matches `^(?!.*a|b)`"),
    ("regex", "^(?!.*a).*(b)", "the answer matches `^(?!.*a).*(b)`"),
    (
        "jsonpath",
        "$[?@.a == 'x' || @.b == 'y']",
        "`$[?@.a == 'x' || @.b == 'y']` selects something in the answer",
    ),
    ("jsonpath", "$[?length(@.a) == 2]", "`$[?length(@.a) == 2]` selects something in the answer"),
]


def _criterion(kind: str, text: str) -> Criterion:
    context = None if kind == "simple" else parse("$outputs.answer")
    return Criterion(kind, text, lambda _: True, (), Place("a document", "#"), context)


@pytest.mark.parametrize(("text", "words"), SIMPLE)
def test_comparisons_are_said_in_words(text: str, words: str) -> None:
    """Comparisons, joined by one kind of operator, read as a sentence."""
    assert in_words(_criterion("simple", text)) == words


@pytest.mark.parametrize(("text", "words"), REGEX)
def test_patterns_are_said_in_words(text: str, words: str) -> None:
    """A pattern says what the answer holds, or must not hold."""
    assert in_words(_criterion("regex", text)) == words


@pytest.mark.parametrize(("text", "words"), JSONPATH)
def test_selections_are_said_in_words(text: str, words: str) -> None:
    """A JSONPath says which entry there has to be, and how many of them."""
    assert in_words(_criterion("jsonpath", text)) == words


@pytest.mark.parametrize(("kind", "text", "words"), AS_WRITTEN)
def test_other_forms_stay_as_written(kind: str, text: str, words: str | None) -> None:
    """What has no common form is not guessed at."""
    assert in_words(_criterion(kind, text)) == (words or text)


def test_an_expression_without_a_common_name_is_itself() -> None:
    """What cannot be named better is named as it is written."""
    assert named("$url") == "$url"
