// Small manners of every page; everything works without them.

// Errors of partial requests are shown, never swallowed.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if ([400, 403, 404, 409, 422].includes(event.detail.xhr.status)) event.detail.shouldSwap = true;
});

// <button data-dialog="/address">: opens a page's part in the dialog. Escape closes it, the focus goes back.
document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = document.getElementById("dialog");
  if (opener) {
    event.preventDefault();
    const answer = await fetch(opener.dataset.dialog, { headers: { "HX-Request": "true" } });
    if (answer.status === 401) { location.reload(); return; }
    dialog.innerHTML = await answer.text();
    if (window.htmx) htmx.process(dialog);
    dialog.showModal();
  } else if (event.target.closest("[data-close]")) {
    dialog.close();
  }
});

// What is wider than the window is scrolled by the keyboard too.
for (const one of document.querySelectorAll(".scroll")) if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;

// <button data-print>
document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });

// <details data-print-open>: paper cannot be clicked.
addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details[data-print-open]")) one.open = true; });
