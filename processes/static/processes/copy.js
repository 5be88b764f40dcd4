// A button with data-copy="id" copies the text of that element.  Without scripts it stays hidden.
"use strict";

function copied(button) {
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
}

function select(element) {
  const selection = getSelection();
  selection.selectAllChildren(element);
  return document.execCommand("copy");
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    copied(button);
  } catch {  // not a secure context, or not allowed: the old way, which leaves it selected
    if (select(source)) copied(button);
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
