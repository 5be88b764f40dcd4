// Renews the dashboard every few seconds while somebody looks at it.
"use strict";

(() => {
    const EVERY_MS = 5000;
    let timer = null;
    let asking = false;

    const shown = () => document.getElementById("dashboard");

    const isBeingSelected = (element) => {
        const selection = document.getSelection();
        return !selection.isCollapsed && selection.containsNode(element, true);
    };

    const tell = (words) => {
        const place = shown().querySelector("[data-told]");
        if (place.textContent !== words) {
            place.textContent = words;
        }
    };

    const replace = (old, fresh) => {
        const key = old.contains(document.activeElement) && document.activeElement.dataset.key;
        old.replaceWith(fresh);
        if (key) {
            fresh.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
        }
    };

    const renew = async () => {
        const answer = await fetch(shown().dataset.url, { credentials: "same-origin" });
        const text = answer.ok && !answer.redirected ? await answer.text() : "";
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("dashboard");
        if (!fresh) {
            throw new Error("no dashboard came back");
        }
        if (!isBeingSelected(shown())) {
            replace(shown(), document.importNode(fresh, true));
        }
    };

    const tick = async () => {
        if (asking || document.hidden) {
            return;
        }
        asking = true;
        try {
            await renew();
        } catch {
            tell("(cannot be renewed at the moment; reload the page if this stays)");
        } finally {
            asking = false;
        }
    };

    const follow = () => {
        clearInterval(timer);
        timer = document.hidden ? null : setInterval(tick, EVERY_MS);
    };

    document.addEventListener("visibilitychange", () => {
        follow();
        tick();
    });
    follow();
})();
