"""
Defects of who may do what, how often, and in which order; and of identifiers and searches.
"""

from __future__ import annotations

from service.defect import ALL, Defect

ACCESS = (
    Defect(
        "practitioners-open-to-everyone",
        "The practitioners of the first organisation are listed for callers without a token.",
        ("AUT-01",),
        ("AUT-03", "CON-API-14"),
    ),
    Defect(
        "any-token-is-good-enough",
        "Any text in the place of a token makes its sender a caller of the first organisation.",
        ("AUT-01",),
        ("AUT-02", "AUT-03"),
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
        ("AUT-09",),
        ("AUT-01", "AUT-08"),
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
    Defect("deleting-needs-no-permission", "A caller who may only read can delete referrals.", ("AUT-02",)),
    Defect(
        "reading-permission-is-enough-to-write",
        "A caller who may only read can make, change and delete referrals.",
        ("AUT-02",),
    ),
    Defect(
        "reading-can-be-turned-into-deleting",
        "A caller who may only read deletes by reading with X-HTTP-Method-Override: DELETE.",
        ("AUT-02",),
        ("CON-API-03", "CON-API-04", "CON-API-13"),
    ),
    Defect(
        "reading-can-be-turned-into-changing",
        "A caller who may only read changes a referral by reading with X-HTTP-Method-Override and a body.",
        ("AUT-02",),
        ("CON-API-03", "CON-API-04", "CON-API-13"),
    ),
    Defect("referral-of-others-can-be-read", "An organisation can read another one's referral.", ("AUT-03",)),
    Defect(
        "referral-of-others-can-be-changed", "An organisation can change another one's referral.", ("AUT-03",)
    ),
    Defect(
        "referral-of-others-can-be-deleted", "An organisation can delete another one's referral.", ("AUT-03",)
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
        "body-limit-not-enforced", "A body larger than the contract allows is read and acted on.", ("SEC-03",)
    ),
    Defect(
        "haste-refused-without-a-time",
        "A caller refused for haste (429, too many wrong secrets or too many requests) is not told when to come back.",
        ("SEC-04",),
        ("CON-API-14", "CON-API-03"),
    ),
    Defect(
        "haste-refused-beyond-its-time",
        "A caller refused for haste is told to come back in a second, and is refused then too.",
        ("SEC-04",),
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
        ("AUT-11",),
        ("AUT-08", "SEC-04", "SEC-05"),
    ),
    Defect(
        "unknown-client-told-apart",
        "The token endpoint answers a wrong secret of a client that exists unlike a client that does not.",
        ("AUT-10",),
        ("AUT-08", "SEC-05"),
    ),
)

REPETITION = (
    Defect(
        "replay-creates-twice", "The same request with the same key makes a second referral.", ("IDM-01",)
    ),
    Defect(
        "key-taken-for-another-body", "A key that was used before is taken with another body.", ("IDM-01",)
    ),
    Defect(
        "replay-answers-differently",
        "The same request with the same key makes nothing new, but is answered with another time of making.",
        ("IDM-01",),
    ),
    Defect(
        "repetition-while-under-way-crashes",
        "The same request with the same key, while the first one is not yet answered, gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "IDM-01"),
    ),
    Defect(
        "used-key-crashes",
        "A key that was used before with another body gives a 500.",
        ("CON-API-12",),
        ("CON-API-03", "IDM-01"),
    ),
    Defect("stale-change-accepted", "A change made on an old reading overwrites a newer one.", ("CCY-01",)),
    Defect(
        "stale-delete-accepted",
        "A referral is deleted on an old reading, although it has changed since.",
        ("CCY-01",),
        ("CON-API-10",),
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
        "item-lost-between-pages", "Between two pages one item is left out.", ("PAG-01",), ("CON-API-13",)
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
    Defect("order-changes-between-calls", "Every second list runs backwards.", ("PAG-01",), ("CON-API-13",)),
    Defect(
        "pages-never-end",
        "The last page says that another one follows, and so does that one, for ever.",
        ("PAG-01",),
        (),
        ("cursor", "link"),
    ),
    Defect(
        "total-is-too-high",
        "The total counts one referral more than the pages hold.",
        ("PAG-01",),
        (),
        ("offset",),
    ),
    Defect(
        "arrivals-shift-the-pages",
        "A referral that arrives between two pages makes an item appear on both.",
        ("PAG-01",),
        (),
        ("cursor",),
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
        ("SEC-08",),
        ("CON-API-10", "CON-API-12", "CON-API-13", "SEC-02", "SEC-03"),
    ),
    Defect(
        "percent-sign-finds-everything",
        "Searching for % finds every referral of the organisation.",
        ("SEC-08",),
        ("CON-API-10", "CON-API-12", "CON-API-13", "SEC-02", "SEC-03"),
    ),
)
