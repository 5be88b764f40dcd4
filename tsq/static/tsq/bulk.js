/* Keeps the page of a running bulk operation fresh: only what changed is replaced, so that
   scroll, focus and selection stay; nothing is asked for while the tab is hidden. */
"use strict";
{
    const EVERY_MS = 2000;
    let timer = null;

    const isRunning = () => document.querySelector("#bulk-progress[data-running]") !== null;

    const later = () => {
        clearTimeout(timer);
        if (isRunning() && !document.hidden) {
            timer = setTimeout(refresh, EVERY_MS);
        }
    };

    /* Buttons that say the same stay the same, although their tokens differ. */
    const said = (element) => element.id === "bulk-buttons"
        ? [...element.querySelectorAll("input[type=submit]")].map((button) => button.value).join()
        : element.outerHTML;

    /* What the operator is at right now is not taken from under their hands. */
    const isInUse = (element) => {
        const selection = getSelection();
        return element.contains(document.activeElement)
            || (!selection.isCollapsed && selection.containsNode(element, true));
    };

    const replaceChanged = (fresh) => {
        for (const shown of document.querySelectorAll("[data-live]")) {
            const next = fresh.getElementById(shown.id);
            if (next && said(next) !== said(shown) && !isInUse(shown)) {
                shown.replaceWith(document.adoptNode(next));
            }
        }
    };

    async function refresh() {
        try {
            const response = await fetch(location.href, { credentials: "same-origin" });
            if (response.ok && !response.redirected) {
                const text = await response.text();
                replaceChanged(new DOMParser().parseFromString(text, "text/html"));
            }
        } catch {
            /* The server is away for a moment: ask again. */
        }
        later();
    }

    document.addEventListener("visibilitychange", () => {
        if (document.hidden) {
            clearTimeout(timer);
        } else if (isRunning()) {
            refresh();
        }
    });
    later();
}
