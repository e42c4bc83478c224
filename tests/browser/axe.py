"""What axe finds wrong with a page: WCAG 2.2, levels A and AA, as far as a machine can tell."""

from __future__ import annotations

from typing import Any

from tools import node_file

from browser.chromium import Browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = (360, 768, 1440)
# Axe reads every element of a page with five thousand findings, all of them open, in half a minute or so.
MOST_OF_AXE_S = 600


def violations(browser: Browser) -> list[Any]:
    """What axe finds wrong with the page that is open."""
    browser.run(node_file("axe-core/axe.min.js").read_text("utf-8") + ";0")
    found = f"axe.run(document, {{runOnly: {WCAG}, resultTypes: ['violations']}})"
    told = "v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 200))]"
    return list(browser.run(f"{found}.then(r => r.violations.map({told}))", patience_s=MOST_OF_AXE_S))
