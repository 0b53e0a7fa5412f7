// Beside the form of an adverse event: terms that fit what is typed, grades of the term. Saving works without this.

const panel = document.querySelector("[data-ctcae]");
const item = (name) => document.getElementById(panel.dataset[name] || "");
let waiting = 0, asked = 0;

async function refresh() {
  const values = new URLSearchParams();
  for (const name of ["term", "version", "grade"]) values.set(name, item(name)?.value ?? "");
  const mine = ++asked;
  try {
    const answer = await fetch(`${panel.dataset.ctcae}?${values}`, { headers: { "HX-Request": "true" } });
    const page = answer.ok ? await answer.text() : "";
    if (mine === asked && page) panel.innerHTML = page;
  } catch { /* no connection: the form is filled without the list */ }
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, 200);
}

if (panel) {
  for (const name of ["term", "version", "grade"]) {
    item(name)?.addEventListener("input", later);
    item(name)?.addEventListener("change", later);
  }
  panel.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-ctcae-term]");
    if (!chosen) return;
    const field = item("term");
    field.value = chosen.dataset.ctcaeTerm;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
  refresh();
}
