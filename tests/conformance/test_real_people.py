"""What may be somebody's number stops a run; what is nobody's, or a count, does not."""

from __future__ import annotations

import pytest

from joinedup.conformance.errors import RealDataError
from joinedup.conformance.real_people import refuse_real_people
from joinedup.conformance.redaction import Redactor

# NHS numbers by weights 10 to 2, remainder of 11; none of them of anybody: 943 476 5919 is the public sample.
SAMPLE = "9434765919"
SYNTHETIC = "9990001006"
# Numbers that look real are put together here, so that none stands in this file.
ENGLAND, NORTHERN_IRELAND, SCOTLAND, IRELAND, NEVER_ISSUED = (
    "401023213",
    "320000000",
    "010120000",
    "800000000",
    "500000000",
)


def with_check_digit(nine: str) -> str:
    """Nine digits and the check digit that weights 10 to 2 and modulus 11 give; the next nine where there is none."""
    check = 11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    return with_check_digit(f"{int(nine) + 1:09d}") if check == 10 else nine + str(check % 11)


LIVE = with_check_digit(ENGLAND)
SPACED = f"{LIVE[:3]} {LIVE[3:6]} {LIVE[6:]}"


def test_the_numbers_of_this_file_are_what_they_are_said_to_be() -> None:
    """The formula agrees with two numbers that are published as samples."""
    assert with_check_digit(SAMPLE[:9]) == SAMPLE
    assert with_check_digit(SYNTHETIC[:9]) == SYNTHETIC


@pytest.mark.parametrize(
    "text",
    [
        f'{{"nhsNumber": "{LIVE}"}}',
        f'{{"nhsNumber": {LIVE}}}',
        f'{{"nhsNumber": "{SPACED}"}}',
        f'{{"nhsNumber": "{SPACED.replace(" ", "-")}"}}',
        f'{{"note": "Her number is {SPACED}, I think."}}',
        f'{{"note": "Her number is {LIVE}."}}',
        f"NHS:{LIVE}",
        f"{SYNTHETIC} and {LIVE}",
        with_check_digit(SCOTLAND),
        with_check_digit(NORTHERN_IRELAND),
        with_check_digit(IRELAND),
    ],
)
def test_a_live_number_stops_the_run(text: str) -> None:
    """A valid number that may be somebody's stops the run; the message names the place and not the number."""
    with pytest.raises(RealDataError, match="GET /children of social-care answered") as raised:
        refuse_real_people(text.encode(), where="GET /children of social-care", ours=Redactor())
    assert raised.value.exit_code == 3
    assert not any(digits in str(raised.value) for digits in (LIVE, SPACED))


@pytest.mark.parametrize(
    "text",
    [
        "",
        SYNTHETIC,
        f"{SYNTHETIC[:3]} {SYNTHETIC[3:6]} {SYNTHETIC[6:]}",
        SAMPLE,
        LIVE[:9] + str((int(LIVE[9]) + 1) % 10),
        LIVE[:9],
        "1" + LIVE,
        LIVE + "1",
        f"{LIVE}0000",
        f"a{LIVE}",
        f"{LIVE}a",
        f"1.{LIVE}",
        f"{LIVE}.5",
        f"7d0c-{LIVE}",
        f"{LIVE[:2]} {LIVE[2:]}",
        "0000000000",
        "4444444444",
        with_check_digit(NEVER_ISSUED),
        with_check_digit("179400000"),
        "07700 900123",
        "+44 7700 900 123",
    ],
)
def test_what_is_nobodys_number_does_not_stop_the_run(text: str) -> None:
    """Test ranges, wrong check digits, longer runs, parts of words, never issued ranges and seconds since 1970."""
    refuse_real_people(text.encode(), where="GET /", ours=Redactor())


@pytest.mark.parametrize("text", [LIVE, SPACED])
def test_a_number_of_our_own_does_not_stop_the_run(text: str) -> None:
    """What the harness sent or the contract declares is no news, in either spelling; to another run it is."""
    with pytest.raises(RealDataError):
        refuse_real_people(text.encode(), where="GET /", ours=Redactor())
    sender = Redactor()
    sender.sent(LIVE)
    refuse_real_people(text.encode(), where="GET /", ours=sender)
    refuse_real_people(text.encode(), where="GET /", ours=Redactor([LIVE]))


def test_bytes_that_are_no_text_are_searched_all_the_same() -> None:
    """A number between bytes that are no UTF-8 is found."""
    with pytest.raises(RealDataError):
        refuse_real_people(b"\xff " + LIVE.encode() + b" \xff", where="GET /", ours=Redactor())


@pytest.mark.parametrize(
    "text",
    [
        f'{{"bytes_recv": {LIVE}}}',
        f'{{"network": [{{"interface": "eth0", "cumulativeRx": {LIVE}, "speed": {LIVE}}}]}}',
        f'{{"io_counters": [{LIVE}, {LIVE}, 0]}}',
        f'{{"memory": {{"available": {LIVE}, "total": {LIVE}}}}}',
        f'[{{"used": {LIVE}}}]',
    ],
)
def test_a_count_does_not_stop_the_run(text: str) -> None:
    """A JSON integer under a name that counts or measures is no number of a person; the same as text may be one."""
    with pytest.raises(RealDataError):
        refuse_real_people(text.replace(LIVE, f'"{LIVE}"').encode(), where="GET /", ours=Redactor())
    refuse_real_people(text.encode(), where="GET /", ours=Redactor())


@pytest.mark.parametrize(
    "text",
    [
        f'{{"patient": {LIVE}}}',
        f'{{"patients": [{LIVE}]}}',
        f'{{"patient": {{"total": {LIVE}}}}}',
        f'{{"id": {LIVE}}}',
        f'{{"personRef": {LIVE}}}',
        f'{{"NHSNo": {LIVE}}}',
        f'{{"nhsnumber": {LIVE}}}',
        f'{{"NHS Number": {LIVE}}}',
        f'{{"value": {LIVE}}}',
        f'{{"items": [{LIVE}]}}',
        f"[{LIVE}]",
        f'{{"": {LIVE}}}',
        f'{{"total": {LIVE}, "familyName": "Amber"}}',
        f'{{"date_of_birth": "2015-01-01", "measures": {{"total": {LIVE}}}}}',
        f'{{"bytes": {LIVE}, "id": {LIVE}}}',
        f'{{"id": {LIVE}, "id": 1}}',
        f'{{"bytes": "{LIVE}"}}',
        f'{{"{LIVE}": 1}}',
        f'{{"bytes": {LIVE}',
        f"bytes {LIVE}",
    ],
)
def test_what_may_be_somebodys_stops_the_run_as_an_integer_too(text: str) -> None:
    """By the names on the way or beside it, where nothing says what is counted, as text, and where no JSON is whole."""
    with pytest.raises(RealDataError):
        refuse_real_people(text.encode(), where="GET /", ours=Redactor())
