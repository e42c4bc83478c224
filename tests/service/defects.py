"""
The defects that can be switched on, each named for what a user of the service would see.

``breaks`` are the requirements that a defect breaks, the one it is about first; ``may_break`` are others that may
with good reason be reported beside it. ``from_outside`` is false where only a token made with the service's own key
shows the defect (``Service.token``), so that no caller without it can be expected to find it.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL = ("cursor", "offset", "link")
CLOSED = ("cursor", "link")


@dataclass(frozen=True)
class Defect:
    """One promise that the service breaks when the defect is switched on."""

    name: str
    sentence: str
    breaks: tuple[str, ...]
    may_break: tuple[str, ...] = ()
    styles: tuple[str, ...] = ALL
    from_outside: bool = True
    needs_quota: bool = False


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
    Defect(
        "accents-lost-in-names",
        "A child named Siân is kept as Sian.",
        ("CON-API-08",),
        ("CON-API-13",),
    ),
    Defect(
        "apostrophes-lost-in-names",
        "A child named O'Neill is kept as ONeill.",
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
        "null-body-crashes",
        "A body that is null gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "CON-API-10"),
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
        ("CON-API-12",),
        ("CON-API-03", "CON-API-08", "CON-API-11"),
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
        "deleted-referral-still-readable",
        "A referral that was deleted can still be read.",
        ("CON-API-13",),
    ),
    Defect(
        "deleted-referral-still-listed",
        "A referral that was deleted is still in the list.",
        ("CON-API-13",),
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
        "server-version-in-refusals",
        "Refusals name the product and its version in the Server header.",
        ("SEC-07",),
    ),
    Defect(
        "refusal-as-plain-text",
        "Refusals are plain text, and not the object that the contract declares.",
        ("ERR-01",),
        ("CON-API-03", "CON-API-05", "ERR-02"),
    ),
    Defect(
        "refusal-states-another-status",
        "The problem document of a refusal states 500, whatever the status of the answer.",
        ("ERR-01",),
        (),
        ("cursor", "link"),
    ),
)

ACCESS = (
    Defect(
        "practitioners-open-to-everyone",
        "The practitioners of the first organisation are listed for callers without a token.",
        ("AUT-01",),
        ("AUT-03", "CON-API-14"),
    ),
    Defect(
        "unsigned-token-accepted",
        "A token that says that it is unsigned (alg none) is taken.",
        ("AUT-01",),
        ("AUT-02", "AUT-03"),
        ("cursor", "offset"),
    ),
    Defect(
        "signature-not-checked",
        "A token whose signature was altered is taken.",
        ("AUT-01",),
        ("AUT-02", "AUT-03"),
        ("cursor", "offset"),
    ),
    Defect(
        "signing-secret-can-be-guessed",
        'Tokens are signed with the secret "secret".',
        ("AUT-01",),
        ("SEC-07", "AUT-08"),
        ("offset",),
    ),
    Defect(
        "expired-token-accepted", "A token that has expired is taken.", ("AUT-01",), ("AUT-08",), ALL, False
    ),
    Defect(
        "token-not-yet-valid-accepted", "A token is taken before it is valid.", ("AUT-01",), (), ALL, False
    ),
    Defect(
        "token-for-another-service-accepted",
        "A token for another service is taken.",
        ("AUT-01",),
        (),
        ALL,
        False,
    ),
    Defect(
        "token-of-another-issuer-accepted", "A token of another issuer is taken.", ("AUT-01",), (), ALL, False
    ),
    Defect(
        "closing-needs-no-permission",
        "A caller without the scope referrals.manage can close referrals.",
        ("AUT-02",),
    ),
    Defect(
        "deleting-needs-no-permission",
        "A caller who may only read can delete referrals.",
        ("AUT-02",),
    ),
    Defect(
        "reading-permission-is-enough-to-write",
        "A caller who may only read can make, change and delete referrals.",
        ("AUT-02",),
    ),
    Defect(
        "referral-of-others-can-be-read",
        "An organisation can read another one's referral.",
        ("AUT-03",),
    ),
    Defect(
        "referral-of-others-can-be-changed",
        "An organisation can change another one's referral.",
        ("AUT-03",),
    ),
    Defect(
        "referral-of-others-can-be-deleted",
        "An organisation can delete another one's referral.",
        ("AUT-03",),
    ),
    Defect(
        "notes-of-others-can-be-read",
        "An organisation can read the notes under another one's referral.",
        ("AUT-03",),
    ),
    Defect(
        "notes-can-be-added-for-others",
        "An organisation can add a note to another one's referral.",
        ("AUT-03",),
    ),
    Defect(
        "closure-of-others-can-be-read",
        "An organisation can read why another one closed a referral.",
        ("AUT-03",),
    ),
    Defect(
        "list-shows-everyone",
        "The list holds the referrals of every organisation.",
        ("AUT-03",),
        ("SEC-02", "PAG-01"),
    ),
    Defect(
        "search-finds-everyone",
        "A search finds the referrals of every organisation.",
        ("AUT-03",),
        ("SEC-02",),
    ),
    Defect(
        "organisation-taken-from-a-header",
        "The header X-Organisation-Id makes a caller act for another organisation.",
        ("AUT-04",),
        ("AUT-03",),
    ),
    Defect(
        "organisation-can-be-chosen-in-the-body",
        "A new referral belongs to the organisation that its body names.",
        ("AUT-04", "SEC-01"),
        ("AUT-03", "CON-API-10", "CON-API-13"),
    ),
    Defect(
        "creator-can-be-chosen",
        "A new referral was made by whomever its body names.",
        ("SEC-01",),
        ("CON-API-10", "AUT-04"),
    ),
    Defect(
        "restriction-can-be-set-by-anyone",
        "Anyone can make a referral restricted when making it.",
        ("SEC-01",),
        ("CON-API-10",),
    ),
    Defect(
        "restriction-can-be-changed-by-anyone",
        "Anyone can set and lift the restriction of a referral by changing it.",
        ("SEC-01",),
        ("CON-API-10",),
    ),
    Defect(
        "list-shows-home-address",
        "The list holds home addresses, which the contract does not declare.",
        ("SEC-02",),
        ("CON-API-03",),
    ),
)

LIMITS = (
    Defect(
        "page-size-limit-ignored",
        "A page may be as long as the caller likes, whatever the contract says.",
        ("SEC-03",),
        ("CON-API-10", "CON-API-03", "PAG-01"),
    ),
    Defect(
        "body-limit-not-enforced",
        "A body larger than the contract allows is read and acted on.",
        ("SEC-03",),
    ),
    Defect(
        "haste-refused-without-a-time",
        "A caller refused for haste (429, too many wrong secrets or too many requests) is not told when to come back.",
        ("SEC-04",),
        ("CON-API-14", "CON-API-03"),
    ),
    Defect(
        "quota-not-enforced",
        "An organisation may make more requests in a minute than the contract allows.",
        ("SEC-04",),
        needs_quota=True,
    ),
    Defect(
        "token-guesses-never-limited",
        "A client's secret can be guessed as often as one likes.",
        ("SEC-05",),
        ("AUT-08", "SEC-04"),
    ),
    Defect(
        "unknown-client-told-apart",
        "The token endpoint answers a wrong secret of a client that exists unlike a client that does not.",
        ("SEC-05",),
        ("AUT-08",),
    ),
)

REPETITION = (
    Defect(
        "replay-creates-twice",
        "The same request with the same key makes a second referral.",
        ("IDM-01",),
    ),
    Defect(
        "key-taken-for-another-body",
        "A key that was used before is taken with another body.",
        ("IDM-01",),
    ),
    Defect(
        "replay-answers-differently",
        "The same request with the same key makes nothing new, but is answered with another time of making.",
        ("IDM-01",),
    ),
    Defect(
        "stale-change-accepted",
        "A change made on an old reading overwrites a newer one.",
        ("CCY-01",),
    ),
    Defect(
        "change-without-condition-accepted",
        "A change without If-Match, which is required, is made.",
        ("CCY-01",),
        ("CON-API-10",),
    ),
)

PAGES = (
    Defect(
        "item-repeated-between-pages",
        "The last item of a page is the first of the next one too.",
        ("PAG-01",),
    ),
    Defect(
        "item-lost-between-pages",
        "Between two pages one item is left out.",
        ("PAG-01",),
        ("CON-API-13",),
    ),
    Defect(
        "bad-cursor-starts-again",
        "A cursor that was never given out gives the first page again.",
        ("PAG-01",),
        ("CON-API-10",),
        ("cursor",),
    ),
    Defect(
        "bad-cursor-crashes",
        "A cursor that was never given out gives a 500.",
        ("PAG-01", "CON-API-12"),
        ("CON-API-03", "CON-API-10", "CON-API-11"),
        ("cursor",),
    ),
    Defect(
        "beyond-the-last-page-crashes",
        "A page beyond the last one gives a 500.",
        ("PAG-01", "CON-API-12"),
        ("CON-API-03", "CON-API-11"),
        ("offset", "link"),
    ),
    Defect(
        "page-longer-than-asked",
        "A page holds one item more than was asked for.",
        ("PAG-01",),
        ("CON-API-03", "SEC-03"),
    ),
    Defect(
        "order-changes-between-calls",
        "Every second list runs backwards.",
        ("PAG-01",),
        ("CON-API-13",),
    ),
    Defect(
        "arrivals-shift-the-pages",
        "A referral that arrives between two pages makes an item appear on both.",
        ("PAG-01",),
    ),
)

IDENTIFIERS = (
    Defect(
        "nhs-check-digit-not-checked",
        "An NHS number with a wrong check digit is kept, so that a slip of a finger joins two children's records.",
        ("IDN-01",),
        ("CON-API-10", "CON-API-03", "IDN-02"),
    ),
    Defect(
        "nhs-number-answered-as-number",
        "The NHS number is answered as a number and not as text.",
        ("IDN-01",),
        ("CON-API-03", "CON-API-13"),
    ),
    Defect(
        "pupil-number-letter-not-checked",
        "A unique pupil number with a wrong check letter is kept.",
        ("IDN-02",),
        ("CON-API-10", "CON-API-03"),
    ),
    Defect(
        "learner-number-taken-for-nhs-number",
        "A unique learner number is kept as an NHS number.",
        ("IDN-02",),
        ("IDN-01", "CON-API-10", "CON-API-03"),
    ),
)

SEARCHES = (
    Defect(
        "apostrophe-finds-everything",
        "Searching for ' or '1'='1 finds every referral of the organisation.",
        ("CON-API-10",),
        ("SEC-02", "SEC-03", "CON-API-12", "CON-API-13"),
    ),
    Defect(
        "percent-sign-finds-everything",
        "Searching for % finds every referral of the organisation.",
        ("CON-API-10",),
        ("SEC-02", "SEC-03", "CON-API-12", "CON-API-13"),
    ),
)

DEFECTS: tuple[Defect, ...] = (
    *(*ANSWERS, *WRONG_INPUT_TAKEN, *GOOD_INPUT_REFUSED, *CRASHES, *STATE, *HEADERS, *REFUSALS, *ACCESS),
    *(*LIMITS, *REPETITION, *PAGES, *IDENTIFIERS, *SEARCHES),
)
