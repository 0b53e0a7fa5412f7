// Copies the value that a button names into the clipboard, and says so on the button.
"use strict";

async function copied(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // The browser does not allow it here: the older way follows.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "copy-area";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  const value = button && document.getElementById(button.dataset.copy);
  if (!value) return;
  const sheet = button.closest(".paste-sheet");
  const done = await copied(value.textContent);
  const said = done ? sheet.dataset.copied : sheet.dataset.notCopied;
  for (const other of sheet.querySelectorAll("button.copied")) {
    other.classList.remove("copied");
    other.textContent = sheet.dataset.copy;
  }
  button.textContent = said;
  button.classList.add("copied");
  button.focus();
  button.closest("tr").classList.toggle("done", done);
  sheet.querySelector("[role=status]").textContent = `${button.getAttribute("aria-label")}: ${said}`;
});
