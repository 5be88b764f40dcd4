"""What axe-core and a ruler find wrong with a page."""

from pathlib import Path

from tests.browser.elsewhere import Elsewhere

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that a colour scheme can break."""

_GRAVE = """
async (rules) => {
    const options = rules.length ? {runOnly: rules} : {};
    const {violations} = await axe.run(document, options);
    return violations
        .filter((violation) => ["serious", "critical"].includes(violation.impact))
        .map((violation) => `${violation.id}: ${violation.help}: `
            + violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 150)).join(" | "));
}
"""
_TOO_WIDE = """
() => document.documentElement.scrollWidth > window.innerWidth
    ? [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
        .filter((element) => !element.closest(".scroll, .results, pre, svg"))
        .slice(-3).map((element) => element.outerHTML.slice(0, 150))
        .concat(`${document.documentElement.scrollWidth} px`)
    : []
"""


def grave_violations(page: Elsewhere) -> list[str]:
    """The serious and critical ones, in light and dark."""
    page.evaluate(AXE)
    return _violations(page, "light", []) + _violations(page, "dark", COLOURS)


def sticking_out(page: Elsewhere) -> list[str]:
    """Elements because of which the page scrolls sideways."""
    return page.evaluate(_TOO_WIDE)


def _violations(page: Elsewhere, scheme: str, rules: list[str]) -> list[str]:
    """Of these rules; of all without any."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("() => document.getAnimations().forEach((animation) => animation.finish())")
    return [f"{scheme}: {violation}" for violation in page.evaluate(_GRAVE, rules)]
