// What both viewers share: words, elements, numbers, loading, colours, the window control.

/** Words come from the page (data-strings: JSON of English text to its translation); English is the key. */
export function wordsOf(element) {
  const given = element.dataset.strings ? JSON.parse(element.dataset.strings) : {};
  return (english, values = {}) =>
    (given[english] || english).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

/** An element with properties, attributes and children; text goes in as text, never as markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A number with as many decimals as it has meaning at its size. */
export function shownNumber(value, unit = "") {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (unit === "HU") return value.toFixed(0);
  if (unit === "SUVbw") return value.toFixed(2);
  if (size >= 1e6) return value.toExponential(3);
  if (size >= 100 || size === 0) return value.toFixed(0);
  return value.toPrecision(3);
}

/** Fetches bytes; `progress(received, total or 0)` is called as they come. */
export async function fetchedBytes(url, progress = () => {}) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
  const total = answer.headers.get("Content-Encoding") ? 0 : Number(answer.headers.get("Content-Length") || 0);
  const parts = [];
  let received = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    received += value.length;
    progress(received, total);
  }
  const bytes = new Uint8Array(received);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes that are not of the size their header says belong to something else: never drawn. */
export function checkedSize(t, bytes, expected) {
  if (bytes.byteLength !== expected) {
    throw new Error(t("The data ({got} bytes) do not fit their description ({expected} bytes).", { got: bytes.byteLength, expected }));
  }
  return bytes;
}

export async function fetchedJson(url) {
  const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`.trim());
  return answer.json();
}

/** 256 colours, RGB. */
export const COLOURS = {
  "inverse-grey": (i) => [255 - i, 255 - i, 255 - i],
  grey: (i) => [i, i, i],
  hot: (i) => [Math.min(255, i * 2.6), Math.max(0, Math.min(255, (i - 98) * 2.6)), Math.max(0, (i - 196) * 4.32)],
};

/** Paints values (any typed array, columns first) into an ImageData through a window and a colour table. */
export function painted(context, values, columns, rows, factor, low, high, colour, mirrored = false) {
  const image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const [red, green, blue] = COLOURS[colour](i).map(Math.round);
    table[i] = (255 << 24) | (blue << 16) | (green << 8) | red;
  }
  const gain = 255 / (high - low || 1);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = row * columns + (mirrored ? columns - 1 - column : column);
      const level = (values[from] * factor - low) * gain;
      pixels[row * columns + column] = table[level <= 0 ? 0 : level >= 255 ? 255 : level | 0];
    }
  }
  return image;
}

/** Lower and upper display value as numbers, a slider for the upper, and named presets. */
export class WindowControl {
  constructor(t, title, { low, high, presets = [], unit = "", changed }) {
    this.changed = changed;
    this.most = high;
    const number = (label, value) =>
      make("input", { type: "number", step: "any", dir: "ltr", "aria-label": `${title}: ${label}`, value: String(value) });
    this.lowInput = number(t("Lowest value"), low);
    this.highInput = number(t("Highest value"), high);
    this.slider = make("input", { type: "range", min: "1", max: "1000", "aria-label": `${title}: ${t("Highest value")}` });
    this.choice = make("select", { "aria-label": `${title}: ${t("Preset window")}` });
    this.presets = presets;
    if (presets.length > 1) {
      presets.forEach((one, i) => this.choice.append(make("option", { value: String(i) }, t(one.name))));
      this.choice.append(make("option", { value: "", hidden: true }, t("Own window")));
    } else this.choice.hidden = true;
    this.element = make(
      "fieldset",
      { class: "viewer-window" },
      make("legend", {}, unit ? `${title} (${unit})` : title),
      this.lowInput,
      make("span", { "aria-hidden": "true" }, "–"),
      this.highInput,
      this.slider,
      this.choice,
    );
    this.lowInput.addEventListener("change", () => this.typed());
    this.highInput.addEventListener("change", () => this.typed());
    this.slider.addEventListener("input", () => {
      const share = Number(this.slider.value) / 500;
      const from = this.low < 0 ? this.low : 0;
      this.set(this.low, from + (this.most - from) * share * share, { keepSlider: true });
    });
    this.choice.addEventListener("change", () => {
      const one = this.presets[Number(this.choice.value)];
      if (this.choice.value !== "" && one) this.set(one.low, one.high, { keepChoice: true });
    });
    this.set(low, high, { silent: true, keepChoice: true });
  }

  typed() {
    const [low, high] = [Number(this.lowInput.value), Number(this.highInput.value)];
    if (Number.isFinite(low) && Number.isFinite(high) && high > low) this.set(low, high);
    else this.set(this.low, this.high);
  }

  set(low, high, { silent = false, keepSlider = false, keepChoice = false } = {}) {
    this.low = low;
    this.high = high > low ? high : low + Math.max(Math.abs(low), 1) * 1e-6;
    this.lowInput.value = String(Number(this.low.toPrecision(4)));
    this.highInput.value = String(Number(this.high.toPrecision(4)));
    const from = low < 0 ? low : 0;
    if (!keepSlider) this.slider.value = String(Math.round(500 * Math.sqrt((this.high - from) / (this.most - from || 1))));
    if (!keepChoice) this.choice.value = "";
    if (!silent) this.changed(this.low, this.high);
  }

  /** Brighter or darker by a step, for the keyboard. */
  scale(factor) {
    this.set(this.low, this.low + (this.high - this.low) * factor);
  }
}

/** Shows what went wrong and what to do, in place of a picture. */
export function failure(t, error, next) {
  return make("div", { class: "viewer-problem", role: "alert" }, make("strong", {}, t("The image cannot be shown.")), " ",
    String(error && error.message ? error.message : error), " ", next || "");
}
