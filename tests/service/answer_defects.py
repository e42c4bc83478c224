"""
Defects of what is taken, kept and answered.
"""

from __future__ import annotations

from service.defect import CLOSED, Defect

ANSWERS = (
    Defect(
        "new-note-answered-with-202",
        "Adding a note answers 202, a status that the contract does not declare.",
        ("CON-API-03",),
    ),
    Defect(
        "urgency-of-young-carers-as-text",
        'The urgency of a referral whose need is young-carer is the text "3" and not the number 3.',
        ("CON-API-03",),
    ),
    Defect(
        "organisation-missing-when-read",
        "A referral that is read lacks its organisation, which the contract requires.",
        ("CON-API-03",),
    ),
    Defect(
        "search-answers-as-html",
        "The result of a search is JSON, but is called text/html.",
        ("CON-API-03",),
        ("CON-API-05",),
    ),
    Defect(
        "etag-missing-when-read",
        "Reading a referral gives no ETag, so that nobody can change it safely.",
        ("CON-API-03",),
        ("CON-API-14", "CCY-01"),
    ),
    Defect(
        "unlisted-method-answers-data",
        "Any method on the practitioners gives their list, also those that the contract does not know.",
        ("CON-API-04",),
        ("CON-API-14",),
    ),
    Defect("accents-lost-in-names", "A child named Siân is kept as Sian.", ("CON-API-08",), ("CON-API-13",)),
    Defect(
        "apostrophes-lost-in-names",
        "A child named O'Neill is kept as ONeill.",
        ("CON-API-08",),
        ("CON-API-13",),
    ),
    Defect(
        "apostrophes-turned-into-markup",
        "A child named O'Neill is kept as O&#39;Neill.",
        ("CON-API-08",),
        ("CON-API-13",),
    ),
    Defect(
        "long-names-cut-short",
        "A name longer than 35 characters is cut without a word, although the contract allows 60.",
        ("CON-API-08",),
        ("CON-API-13",),
    ),
    Defect(
        "people-with-one-name-refused",
        "A child who has one name only cannot be referred, although the contract lets the given name be left out.",
        ("CON-API-08",),
        ("CON-API-11",),
    ),
    Defect(
        "creation-time-without-offset",
        "The time of creation is a local time of no known place: it has neither Z nor an offset.",
        ("CON-API-09",),
        ("CON-API-03",),
    ),
)

WRONG_INPUT_TAKEN = (
    Defect(
        "overlong-summary-accepted",
        "A summary longer than the contract allows is kept.",
        ("CON-API-10",),
        ("CON-API-03", "SEC-03"),
    ),
    Defect(
        "overlong-note-accepted",
        "A note longer than the contract allows is kept.",
        ("CON-API-10",),
        ("CON-API-03", "SEC-03"),
    ),
    Defect(
        "urgency-past-its-bound-accepted",
        "An urgency of 6 is kept, although 5 is the most.",
        ("CON-API-10",),
        ("CON-API-03",),
    ),
    Defect(
        "unknown-need-accepted",
        "A need that is not in the code list is kept.",
        ("CON-API-10",),
        ("CON-API-03",),
    ),
    Defect(
        "unknown-properties-accepted",
        "A referral with a property that the contract rules out is kept, and the property lost in silence.",
        ("CON-API-10",),
        ("SEC-01", "AUT-04"),
        CLOSED,
    ),
    Defect(
        "urgency-of-nothing-accepted",
        "An urgency of 0 is kept, although 1 is the least.",
        ("CON-API-10",),
        ("CON-API-03",),
    ),
    Defect(
        "urgency-as-text-accepted",
        'The urgency "high" is kept, although it must be a number.',
        ("CON-API-10",),
        ("CON-API-03",),
    ),
    Defect("empty-summary-accepted", "A summary without a letter is kept.", ("CON-API-10",), ("CON-API-03",)),
    Defect(
        "null-accepted-for-a-name",
        "A given name that is null is kept, although the contract wants text or nothing.",
        ("CON-API-10",),
        ("CON-API-03",),
    ),
    Defect(
        "malformed-postcode-accepted", "Any text is kept as a postcode.", ("CON-API-10",), ("CON-API-03",)
    ),
    Defect(
        "observation-without-offset-accepted",
        "A time of observation with neither Z nor an offset is kept.",
        ("CON-API-10",),
        ("CON-API-03", "CON-API-09"),
    ),
    Defect(
        "thirtieth-of-february-accepted",
        "A child can be born on 30 February, or on any text.",
        ("CON-API-10",),
        ("CON-API-03", "CON-API-09"),
    ),
    Defect(
        "referral-without-urgency-accepted",
        "A referral without its urgency, which is required, is kept and given one.",
        ("CON-API-10",),
    ),
    Defect(
        "plain-text-body-accepted",
        "A body that is called plain text, or nothing at all, is read as JSON.",
        ("CON-API-10",),
    ),
    Defect(
        "untyped-body-taken-for-none",
        "A referral whose body has no Content-Type is made with nothing of what was sent.",
        ("CON-API-10",),
        ("CON-API-13",),
    ),
    Defect(
        "practitioner-role-not-needed",
        "Practitioners are listed without the role that must be given.",
        ("CON-API-10",),
        ("SEC-02",),
    ),
)

GOOD_INPUT_REFUSED = (
    Defect(
        "longest-family-name-refused",
        "A family name of 35 to 60 characters is refused, although the contract allows 60.",
        ("CON-API-11",),
        ("CON-API-08",),
    ),
    Defect(
        "offset-of-an-observation-lost",
        "A time of observation is kept without its offset and answered as if it were universal time.",
        ("CON-API-09",),
    ),
    Defect(
        "hour-that-summer-time-repeats-confused",
        "A time of observation is kept as a British clock shows it, so that of the repeated hour one is lost.",
        ("CON-API-09",),
    ),
    Defect(
        "summer-time-offset-refused",
        "A time of observation in British Summer Time (+01:00) is refused; only Z is taken.",
        ("CON-API-11",),
        ("CON-API-09",),
    ),
    Defect(
        "lower-case-postcode-refused",
        "A postcode in lower case is refused, although the contract allows it.",
        ("CON-API-11",),
    ),
)

CRASHES = (
    Defect(
        "emoji-crashes",
        "A character beyond the basic plane, such as an emoji, in any text gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "CON-API-08", "CON-API-11"),
    ),
    Defect(
        "null-character-crashes",
        "The character NUL in any text gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "CON-API-11"),
    ),
    Defect(
        "untyped-body-crashes",
        "A body without a Content-Type gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "CON-API-10"),
    ),
    Defect(
        "null-body-crashes", "A body that is null gives a 500.", ("CON-API-12",), ("CON-API-03", "CON-API-10")
    ),
    Defect(
        "deep-nesting-crashes",
        "A body nested deeper than 32 gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "CON-API-10", "SEC-03"),
    ),
    Defect(
        "apostrophe-crashes-search",
        "Searching for a name with one apostrophe gives a 500, with two it does not.",
        ("CON-API-12", "SEC-08"),
        ("CON-API-03", "CON-API-08", "CON-API-11"),
    ),
    Defect(
        "second-delete-crashes",
        "Deleting a referral that was deleted before gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "CON-API-13"),
    ),
    Defect(
        "huge-number-crashes",
        "An urgency beyond 64 bits gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "CON-API-10"),
    ),
)

STATE = (
    Defect(
        "change-lost",
        "A change is answered as if it were made, and is not there when the referral is read again.",
        ("CON-API-13",),
        ("CCY-01", "CON-API-14"),
    ),
    Defect(
        "new-referral-cannot-be-read",
        "A referral that was just made cannot be read, changed or deleted.",
        ("CON-API-13",),
        ("CON-API-14", "IDM-01"),
    ),
    Defect(
        "deleted-referral-still-readable", "A referral that was deleted can still be read.", ("CON-API-13",)
    ),
    Defect(
        "deleted-referral-still-listed", "A referral that was deleted is still in the list.", ("CON-API-13",)
    ),
    Defect(
        "list-leaves-out-new-referrals",
        "A referral that was just made is not in the list.",
        ("CON-API-13",),
        ("PAG-01",),
    ),
)

HEADERS = (
    Defect(
        "location-leads-nowhere",
        "The Location of a new referral is an address where there is nothing.",
        ("CON-API-14",),
        ("CON-API-13",),
    ),
    Defect(
        "location-leads-to-another-referral",
        "The Location of a new referral is that of the organisation's first one.",
        ("CON-API-14",),
        ("CON-API-13",),
    ),
    Defect(
        "allow-missing",
        "A method that is refused with 405 is not told which ones are allowed.",
        ("CON-API-14",),
        ("CON-API-04",),
    ),
    Defect(
        "allow-names-methods-that-are-refused",
        "Allow names methods that are themselves refused with 405.",
        ("CON-API-14",),
        ("CON-API-04",),
    ),
    Defect(
        "no-challenge-with-401",
        "A 401 has no WWW-Authenticate, which the contract requires.",
        ("CON-API-14",),
        ("CON-API-03", "AUT-01"),
    ),
    Defect(
        "etag-unchanged-after-change",
        "The ETag stays the same when a referral changes, so that a stale change is taken for a fresh one.",
        ("CON-API-14",),
        ("CCY-01",),
    ),
    Defect(
        "personal-answers-may-be-kept",
        "Answers with personal data say that anyone may keep them for an hour.",
        ("PRV-03",),
        ("CON-API-03",),
    ),
    Defect(
        "refusals-may-be-kept",
        "Refusals say that anyone may keep them for an hour.",
        ("PRV-03",),
        ("CON-API-03",),
    ),
    Defect(
        "correlation-not-echoed",
        "The correlation header of the answer is not that of the request.",
        ("OBS-01",),
        ("IDM-01",),
    ),
    Defect(
        "any-website-may-read-with-credentials",
        "Any website may read answers in the name of whoever visits it.",
        ("SEC-07",),
    ),
)

REFUSALS = (
    Defect(
        "refusal-repeats-the-value-sent",
        "The refusal of a value says what the value was, a child's details included.",
        ("ERR-02", "PRV-04"),
    ),
    Defect(
        "refusal-does-not-name-the-field",
        "The refusal of a value does not say which field it is about.",
        ("ERR-02",),
    ),
    Defect(
        "stack-trace-in-refusal",
        "A body that is not JSON is answered with the service's own stack trace.",
        ("SEC-07",),
        ("PRV-04", "ERR-02"),
    ),
    Defect(
        "database-speaks-in-refusal",
        "The refusal of an unknown referral shows the database's message and the query.",
        ("SEC-07",),
        ("PRV-04",),
    ),
    Defect(
        "server-version-in-refusals",
        "Refusals name the product and its version in the Server header.",
        ("SEC-07",),
    ),
    Defect(
        "refusal-as-plain-text",
        "Refusals are plain text, and not the object that the contract declares.",
        ("CON-API-03",),
        ("CON-API-05", "ERR-01", "ERR-02"),
    ),
    Defect(
        "refusal-states-another-status",
        "The problem document of a refusal states 500, whatever the status of the answer.",
        ("ERR-01",),
        (),
        ("cursor", "link"),
    ),
)
