// Sends a folder: in batches, two at a time, each file framed by a line of JSON; asks first what is there already.
const place = document.getElementById("upload");
const words = JSON.parse(document.getElementById("upload-words").textContent);
const BATCH_FILES = 60;
const BATCH_BYTES = 16e6;
const AT_ONCE = 2;
const WAITS = [1, 3, 8, 20];
const element = (id) => document.getElementById(id);
const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
const text = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);

let chosen = [];
let upload = null;
let stopped = false;

class Refused extends Error {}

// Files of one name from several folders stay apart: what is there already is known by name and size.
function apart(files) {
  const times = new Map();
  return files.map((one) => {
    const turn = (times.get(one.name) ?? 0) + 1;
    times.set(one.name, turn);
    return turn === 1 ? one : { ...one, name: `(${turn})/${one.name}` };
  });
}

function show(files) {
  chosen = apart(files);
  const bytes = files.reduce((sum, one) => sum + one.file.size, 0);
  element("chosen").textContent = files.length ? text("choose", { count: files.length, size: size(bytes) }) : text("empty");
  element("send").disabled = !files.length;
}

// A dropped folder comes as entries that must be walked; directories are read 100 entries at a time.
async function walked(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, name: path + entry.name }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const one of some) found.push(...(await walked(one, `${path}${entry.name}/`)));
  }
}

const drop = element("drop");
for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const found = [];
  for (const entry of entries) found.push(...(await walked(entry)));
  show(found);
});
for (const id of ["folder", "files"]) {
  element(id).addEventListener("change", (event) =>
    show([...event.target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }))));
}

async function asked(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options, headers: { "X-CSRFToken": token(), Accept: "application/json", ...options.headers } });
  const said = await answer.json().catch(() => ({ error: `${answer.status} ${answer.statusText}` }));
  if (answer.ok) return said;
  if (answer.status === 507 || (answer.status >= 400 && answer.status < 500 && !said.again)) throw new Refused(said.error);
  throw new Error(said.error);
}

// The same folder again finds its unfinished upload: remembered by number, size and names of its files.
function fingerprint() {
  let sum = 0;
  for (const one of chosen) for (const letter of `${one.name}${one.file.size}`) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return `theratrial-upload-${chosen.length}-${sum}`;
}

async function begun() {
  const known = localStorage.getItem(fingerprint());
  if (known) {
    try {
      const said = await asked(`${place.dataset.uploads}${known}/have/`);
      if (said.state === "receiving") return known;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  const said = await asked(place.dataset.begin, { method: "POST", body: new URLSearchParams({ site: element("site").value }) });
  localStorage.setItem(fingerprint(), said.id);
  return said.id;
}

function batches(files) {
  const made = [];
  let batch = [];
  let bytes = 0;
  for (const one of files) {
    if (batch.length && (batch.length >= BATCH_FILES || bytes + one.file.size > BATCH_BYTES)) {
      made.push(batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(one);
    bytes += one.file.size;
  }
  if (batch.length) made.push(batch);
  return made;
}

// A Blob of Blobs is sent from the disk: nothing is read into memory here.
const framed = (batch) => new Blob(batch.flatMap((one) => [`${JSON.stringify({ name: one.name, bytes: one.file.size })}\n`, one.file]));

async function sentBatch(batch) {
  for (let turn = 0; ; turn++) {
    if (stopped) return;
    try {
      const there = turn ? new Set((await asked(`${upload}have/`)).have.map(([name, bytes]) => `${bytes} ${name}`)) : new Set();
      const rest = batch.filter((one) => !there.has(`${one.file.size} ${one.name}`));
      if (rest.length) await asked(`${upload}files/`, { method: "PUT", body: framed(rest), headers: { "Content-Type": "application/octet-stream" } });
      return;
    } catch (error) {
      if (error instanceof Refused || turn >= WAITS.length) throw error;
      element("said").textContent = text("retry", { seconds: WAITS[turn] });
      await new Promise((resolve) => setTimeout(resolve, WAITS[turn] * 1000));
    }
  }
}

async function send() {
  stopped = false;
  element("send").disabled = true;
  element("cancel").hidden = false;
  const progress = element("progress");
  progress.hidden = false;
  try {
    upload = `${place.dataset.uploads}${await begun()}/`;
    const there = new Set((await asked(`${upload}have/`)).have.map(([name, bytes]) => `${bytes} ${name}`));
    const rest = chosen.filter((one) => !there.has(`${one.file.size} ${one.name}`));
    const whole = chosen.reduce((sum, one) => sum + one.file.size, 0);
    let bytes = whole - rest.reduce((sum, one) => sum + one.file.size, 0);
    let done = chosen.length - rest.length;
    if (done) element("chosen").textContent += ` · ${text("there", { count: done })}`;
    const waiting = batches(rest);
    const tell = () => {
      progress.max = whole || 1;
      progress.value = bytes;
      element("said").textContent = text("sending", { done, total: chosen.length, size: size(bytes), whole: size(whole) });
    };
    tell();
    const worker = async () => {
      for (let batch = waiting.shift(); batch && !stopped; batch = waiting.shift()) {
        await sentBatch(batch);
        done += batch.length;
        bytes += batch.reduce((sum, one) => sum + one.file.size, 0);
        tell();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (stopped) return;
    await asked(`${upload}finish/`, { method: "POST" });
    localStorage.removeItem(fingerprint());
    element("said").textContent = text("finished");
    location.assign(upload);
  } catch (error) {
    if (stopped) return;
    stopped = true;
    element("said").textContent = text("failed", { reason: error.message });
    element("send").disabled = false;
  }
}

element("send").addEventListener("click", send);
element("cancel").addEventListener("click", async () => {
  stopped = true;
  element("cancel").hidden = true;
  try {
    if (upload) await asked(`${upload}cancel/`, { method: "POST" });
    localStorage.removeItem(fingerprint());
    element("said").textContent = text("cancelled");
  } catch (error) {
    element("said").textContent = text("failed", { reason: error.message });
  }
  element("send").disabled = !chosen.length;
});
