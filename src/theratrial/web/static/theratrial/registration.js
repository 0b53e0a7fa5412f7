// The form of the registration record: the draft is kept while it is typed, the server says what it cannot read.

const form = document.querySelector("form[data-draft]");
const state = form.querySelector("[data-draft-state]");
const touched = new Set();
let timer = 0, asked = 0, leaving = false;

function rowOf(element) { return element.closest(".form-row"); }

function told(row, errors, dates) {
  const text = touched.has(row.id) || row.classList.contains("wrong") ? errors[row.id] || "" : "";
  const error = row.querySelector("[data-error]");
  error.textContent = text;
  error.hidden = !text;
  row.classList.toggle("wrong", Boolean(text));
  for (const input of row.querySelectorAll("input, select, textarea")) {
    if (text) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
  }
  if (row.querySelector("input.moment")) row.querySelector("[data-both]").textContent = text ? "" : dates[row.id] || "";
}

async function keep() {
  const mine = ++asked;
  let answer;
  try {
    const response = await fetch(form.dataset.draft, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } });
    if (!response.ok) throw new Error(response.status);
    answer = await response.json();
  } catch {
    state.textContent = form.dataset.failed;
    return;
  }
  if (mine !== asked || leaving) return;
  for (const row of form.querySelectorAll(".form-row")) told(row, answer.errors, answer.dates);
  state.textContent = `${form.dataset.saved} ${new Date(answer.saved_at).toLocaleTimeString(document.documentElement.lang)}`;
}

function soon(event) {
  const row = rowOf(event.target);
  if (row && event.type === "change") touched.add(row.id);
  clearTimeout(timer);
  timer = setTimeout(keep, event.type === "change" ? 200 : 1200);
}
form.addEventListener("input", soon);
form.addEventListener("change", soon);
form.addEventListener("submit", () => { leaving = true; clearTimeout(timer); });

// Ctrl+Enter: the difference. Enter in a line moves on, so that nothing half-typed is sent.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(form.querySelector("button[value=preview]")); }
});
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !event.target.matches("input")) return;
  event.preventDefault();
  const fields = [...form.querySelectorAll("input:not([type=hidden]), select, textarea, button.primary")].filter((one) => one.offsetParent);
  fields[fields.indexOf(event.target) + 1]?.focus();
});

// A link to a field opens the folds it lies in, and puts the cursor there.
function arrived() {
  const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!place) return;
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  place.scrollIntoView();
  place.querySelector("input:not([type=hidden]), select, textarea")?.focus({ preventScroll: true });
}
addEventListener("hashchange", arrived);
// After the browser's own jump, which takes the focus along.
if (document.readyState === "complete") arrived(); else addEventListener("load", () => setTimeout(arrived));
