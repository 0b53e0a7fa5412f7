// Warns two minutes before an idle session ends, and prolongs it. The server alone decides when it ends.
const warning = document.getElementById("session-warning");
if (warning) {
  const idle = Number(warning.dataset.idleSeconds) * 1000;
  const before = Math.min(120000, idle / 2);
  let timer;
  const restart = () => {
    warning.hidden = true;
    clearTimeout(timer);
    timer = setTimeout(() => { warning.hidden = false; warning.querySelector("button").focus(); }, idle - before);
  };
  const prolong = async () => {
    const headers = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
    const answer = await fetch(warning.dataset.prolong, { method: "POST", headers });
    if (answer.redirected || !answer.ok) location.reload(); else restart();
  };
  warning.querySelector("button").addEventListener("click", prolong);
  // What a page asks by itself (progress) keeps nobody signed in: the server is told, and the clock here runs on.
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (!event.detail.triggeringEvent) event.detail.headers["X-Background"] = "1"; else restart();
  });
  restart();
}
