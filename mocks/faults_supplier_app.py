"""
Deliberate defects of a supplier's application, by name.
"""

from __future__ import annotations

from joinedup.mocks.fault import Fault


def _fault(name: str, breaks: str, shows: str, may_break: str = "") -> Fault:
    return Fault(name, "supplier-app", tuple(breaks.split()), shows, tuple(may_break.split()))


FAULTS: tuple[Fault, ...] = (
    _fault(
        "wrong-signature-accepted",
        "WHK-01",
        "A notification is believed whatever its signature is.",
        "AUT-01",
    ),
    _fault(
        "old-delivery-accepted",
        "WHK-02",
        "A notification is believed however long ago it was signed.",
    ),
    _fault(
        "delivery-taken-in-twice",
        "WHK-03",
        "A notification that comes again is taken in again.",
    ),
    _fault(
        "replaced-key-good-for-ever",
        "WHK-06",
        "A notification signed with a key that was replaced long ago is believed.",
    ),
    _fault(
        "older-notice-overwrites",
        "ACC-03",
        "A notification that was overtaken takes a copy back to an older version.",
    ),
    _fault(
        "copy-left-as-it-was",
        "ACC-02 IDN-05",
        "A change is said to be applied and the copy is left as it was.",
    ),
    _fault(
        "new-property-refused",
        "VER-03",
        "A notification with a property that is not known yet is refused.",
        "CON-API-11",
    ),
    _fault(
        "copies-outlive-agreement",
        "SUP-02",
        "The deletion at the end of an agreement is confirmed, and the copies are still there.",
    ),
    _fault(
        "export-leaves-people-out",
        "SUP-03",
        "An export leaves out everybody whose name has an accent.",
    ),
    _fault(
        "any-purpose-is-agreed",
        "SUP-01",
        "Copies are held and shown for purposes that the agreement does not name.",
        "SHR-02",
    ),
    _fault(
        "agreement-of-other-council-shown",
        "AUT-03",
        "An agreement of another council can be read.",
    ),
    _fault(
        "deprecation-not-said",
        "VER-04",
        "The answers of the version that is to end do not say so.",
        "CON-API-03",
    ),
    _fault(
        "old-version-goes-on",
        "VER-04",
        "The old version is answered after the moment that it was to end.",
    ),
    _fault(
        "copy-between-pages-lost",
        "PAG-01",
        "The copy after the end of a page is on no page.",
    ),
    _fault(
        "copy-held-twice",
        "IDM-01",
        "Sending a copy again with the same X-Request-ID makes a second one.",
    ),
    _fault(
        "copy-with-wrong-number",
        "IDN-01",
        "A copy is held under an NHS number with a wrong check digit.",
        "CON-API-10 CON-API-03 IDN-02",
    ),
)
