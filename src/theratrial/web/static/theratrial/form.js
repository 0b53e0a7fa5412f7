// A form while it is typed: the server's engine judges it, the draft is kept. Saving works without this.

const form = document.querySelector("form[data-form]");
const words = JSON.parse(document.getElementById("form-words").textContent);
const state = form.querySelector("[data-draft-state]");
let timer = 0, asked = 0, leaving = false;
const touched = new Set();

function shown(id, text) {
  const element = document.getElementById(id);
  if (!element) return;
  element.textContent = text;
  element.hidden = !text;
}

async function judge() {
  const mine = ++asked;
  let answer;
  try {
    const response = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } });
    if (!response.ok) throw new Error(response.status);
    answer = await response.json();
  } catch {
    state.textContent = words.failed;
    return;
  }
  if (mine !== asked || leaving) return;
  for (const [id, field] of Object.entries(answer.fields)) {
    const box = document.getElementById(`f-${id}`), input = document.getElementById(`i-${id}`);
    if (!box) continue; // what the page writes itself is not asked
    box.hidden = field.hidden;
    const both = document.getElementById(`${id}-both`);
    if (both) both.textContent = field.both;
    if (input.tagName === "OUTPUT") input.textContent = field.calculated || "–";
    shown(`${id}-asked`, field.asked);
    // Nobody is scolded for a field not yet reached; a settled problem disappears at once.
    const problem = touched.has(id) ? field.problem : "";
    if (problem || input.getAttribute("aria-invalid")) {
      shown(`${id}-problem`, problem);
      if (problem) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
    }
  }
  state.textContent = `${words.saved} ${new Date(answer.saved_at).toLocaleTimeString(document.documentElement.lang)}`;
}

function soon(event) {
  const name = event.target.name || "";
  if (name.startsWith("i-") || name.startsWith("u-")) touched.add(name.slice(2));
  clearTimeout(timer);
  timer = setTimeout(judge, event.type === "change" ? 150 : 700);
}
form.addEventListener("input", soon);
form.addEventListener("change", soon);
form.addEventListener("submit", () => { leaving = true; clearTimeout(timer); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
});
// Enter moves on instead of sending a half-filled form.
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !event.target.matches("input[type=text], select")) return;
  event.preventDefault();
  const fields = [...form.querySelectorAll("input:not([type=hidden]), select, textarea, button")].filter((one) => one.offsetParent);
  fields[fields.indexOf(event.target) + 1]?.focus();
});
const first = form.querySelector("[aria-invalid=true]") || form.querySelector(".field:not([hidden]) input:not([readonly]), .field:not([hidden]) select");
first?.focus();
