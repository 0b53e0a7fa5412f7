// Source verification by keyboard: arrows move between cells, space ticks, the row's tick takes its whole row.
const ticks = (row) => [...row.querySelectorAll("input[data-cell]")];

document.addEventListener("keydown", (event) => {
  const box = event.target.closest("input[data-cell], input[data-row]");
  if (!box || !event.key.startsWith("Arrow")) return;
  const rtl = document.documentElement.dir === "rtl";
  const row = box.closest("tr");
  let next = null;
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    const rows = [...document.querySelectorAll("table.verify tbody tr")].filter((one) => one.querySelector("input[data-cell]"));
    const column = box.closest("td, th").cellIndex;
    const there = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
    if (there) next = there.cells[column]?.querySelector("input") ?? there.querySelector("input");
  } else {
    const all = [...row.querySelectorAll("input")];
    next = all[all.indexOf(box) + ((event.key === "ArrowRight") !== rtl ? 1 : -1)];
  }
  event.preventDefault();
  next?.focus();
});

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("input[data-row]")) ticks(box.closest("tr")).forEach((one) => { one.checked = box.checked; });
  if (box.matches("input[data-cell]")) {
    const whole = box.closest("tr").querySelector("input[data-row]");
    if (whole) whole.checked = ticks(box.closest("tr")).every((one) => one.checked);
  }
});
