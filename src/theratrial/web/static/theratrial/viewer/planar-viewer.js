// <theratrial-planar data-manifest="URL" data-strings='{...}'>
// Whole-body anterior and posterior views of all time points with one decay-normalised window and one linked cursor.
// Places are millimetres from the corner at the head and the patient's right. Emits `lesion-marked` with
// {point, view, right_to_left_mm, head_to_feet_mm, value, unit}; the page may set `marks`.

import { WindowControl, checkedSize, failure, fetchedBytes, fetchedJson, make, painted, shownNumber, wordsOf } from "./common.js";

class TheratrialPlanar extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.t = wordsOf(this);
    this._marks = this._marks || [];
    this.colour = "inverse-grey";
    this.fromBehind = true;
    this.zoom = 1;
    this.ready = this.start().catch((error) => {
      this.replaceChildren(failure(this.t, error, this.t("Reload the page; if it happens again, report the words above.")));
    });
  }

  get marks() {
    return this._marks;
  }

  set marks(marks) {
    this._marks = marks;
    this.drawAll();
  }

  async start() {
    const t = this.t;
    this.status = make("p", { class: "viewer-status", role: "status" }, t("Loading images…"));
    this.replaceChildren(this.status);
    this.manifest = await fetchedJson(this.dataset.manifest);
    this.panels = [];
    for (const point of this.manifest.points) {
      const Type = point.type === "uint16" ? Uint16Array : Float32Array;
      const expected = point.rows * point.columns * point.views.length * Type.BYTES_PER_ELEMENT;
      const bytes = checkedSize(t, await fetchedBytes(point.url), expected);
      const all = new Type(bytes.buffer, bytes.byteOffset, bytes.byteLength / Type.BYTES_PER_ELEMENT);
      const size = point.rows * point.columns;
      point.views.forEach((view, i) => this.panels.push(this.panel(point, view, all.subarray(i * size, (i + 1) * size))));
    }
    this.cursor = null;
    this.build();
    this.status.remove();
    this.drawAll();
    this.dataset.ready = "";
    this.dispatchEvent(new CustomEvent("viewer-ready", { bubbles: true }));
  }

  panel(point, view, counts) {
    const comparable = this.manifest.comparable;
    return { point, view, counts, factor: comparable ? point.counts_per_s_at_injection_factor : 1,
      width_mm: point.columns * point.pixel_mm.column, height_mm: point.rows * point.pixel_mm.row,
      own: comparable ? 1 : point.usual_highest_counts };
  }

  build() {
    const { t, manifest } = this;
    const stage = make("div", { class: "viewer-planar", dir: "ltr" });
    for (const panel of this.panels) {
      const { point, view } = panel;
      const name = view === "anterior" ? t("Anterior") : t("Posterior");
      panel.canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": `${point.label}, ${name}` });
      panel.offscreen = make("canvas", { width: point.columns, height: point.rows });
      panel.readout = make("output", { class: "viewer-readout" });
      panel.canvas.addEventListener("pointermove", (event) => this.moveTo(this.placeUnder(panel, event)));
      panel.canvas.addEventListener("pointerleave", () => this.moveTo(this.kept || null));
      panel.canvas.addEventListener("click", (event) => {
        this.kept = this.placeUnder(panel, event);
        this.active = panel;
        this.moveTo(this.kept);
      });
      stage.append(make("figure", {}, make("figcaption", { dir: "auto" }, make("strong", {}, `${point.label} · ${name}`), make("br"), this.when(point)),
        panel.canvas, panel.readout));
    }
    this.window = new WindowControl(t, manifest.comparable ? t("All views") : t("Share of each time point's own maximum"), {
      low: 0, high: manifest.comparable ? manifest.window.high : 1, unit: manifest.comparable ? t("counts/s per pixel, at injection") : "",
      changed: () => this.drawAll(),
    });
    const colours = make("select", { "aria-label": t("Colours"), onchange: () => { this.colour = colours.value; this.drawAll(); } },
      make("option", { value: "inverse-grey" }, t("Inverse grey")), make("option", { value: "grey" }, t("Grey")), make("option", { value: "hot" }, t("Hot")));
    const behind = make("input", { type: "checkbox", checked: true, onchange: () => { this.fromBehind = behind.checked; this.drawAll(); } });
    const outlined = this.panels.some((panel) => panel.point.outlines.length);
    this.outlines = make("input", { type: "checkbox", checked: true, onchange: () => this.drawAll() });
    this.place_said = make("output", { class: "viewer-readout", dir: "ltr" });
    const warnings = this.warnings();
    if (warnings) this.append(warnings);
    this.append(
      make("div", { class: "viewer-controls viewer-controls-row" }, this.window.element,
        make("label", { class: "viewer-field" }, t("Colours"), colours),
        make("label", { class: "viewer-field" }, behind, t("Posterior as seen from behind")),
        outlined ? make("label", { class: "viewer-field" }, this.outlines, t("Regions")) : null,
        make("button", { type: "button", class: "viewer-mark", onclick: () => this.mark() }, t("Mark this point"))),
      make("div", { class: "viewer-scroll" }, stage), this.place_said,
      make("p", { class: "viewer-help" }, t("The cursor is at the same place of the body in all views. Click to keep it, arrow keys move it, + and - zoom, [ and ] darken and brighten, m marks, Escape frees it.")));
    this.stage = stage;
    this.addEventListener("keydown", (event) => this.key(event));
    this.resizer = new ResizeObserver(() => this.drawAll());
    this.resizer.observe(stage);
  }

  disconnectedCallback() {
    this.resizer?.disconnect();
  }

  when(point) {
    const { t } = this;
    const parts = [];
    if (point.hours_after_injection !== null) parts.push(t("{hours} h after injection", { hours: point.hours_after_injection.toFixed(1) }));
    if (point.acquired_at) parts.push(point.acquired_at.slice(0, 16).replace("T", " "));
    if (point.duration_s) parts.push(t("{seconds} s", { seconds: shownNumber(point.duration_s) }));
    return parts.join(" · ");
  }

  /** What a reader must know before comparing. */
  warnings() {
    const { t, manifest } = this;
    const told = [];
    if (!manifest.comparable) told.push(t("The time points are not shown on one scale: {reasons}", { reasons: manifest.not_comparable_because.join("; ") }));
    for (const point of manifest.points) {
      if (!point.view_confirmed) told.push(t("{label}: which view is which was inferred ({rule}); a person must confirm it.", { label: point.label, rule: point.view_rule }));
    }
    return told.length ? make("ul", { class: "viewer-problem", role: "note" }, ...told.map((text) => make("li", { dir: "auto" }, text))) : null;
  }

  mirrored(panel) {
    return panel.view === "posterior" && this.fromBehind;
  }

  placeUnder(panel, event) {
    const box = panel.canvas.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * panel.width_mm;
    return [this.mirrored(panel) ? panel.width_mm - across : across, ((event.clientY - box.top) / box.height) * panel.height_mm];
  }

  counts(panel, [across, down]) {
    const column = Math.floor(across / panel.point.pixel_mm.column);
    const row = Math.floor(down / panel.point.pixel_mm.row);
    const inside = column >= 0 && row >= 0 && column < panel.point.columns && row < panel.point.rows;
    return inside ? panel.counts[row * panel.point.columns + column] : null;
  }

  moveTo(place) {
    this.cursor = place;
    const { t, manifest } = this;
    for (const panel of this.panels) {
      const counts = place ? this.counts(panel, place) : null;
      const rate = counts !== null && manifest.comparable ? `${shownNumber(counts * panel.factor)} ${t("counts/s")} · ` : "";
      panel.readout.textContent = counts === null ? "\u00a0" : `${rate}${Number.isInteger(counts) ? counts : shownNumber(counts)} ${t("counts")}`;
    }
    this.place_said.textContent = place
      ? t("{across} mm from the right edge of the field, {down} mm from its head end", { across: place[0].toFixed(1), down: place[1].toFixed(1) }) : "\u00a0";
    this.drawAll({ cursorOnly: true });
  }

  drawAll({ cursorOnly = false } = {}) {
    if (!this.window) return;
    for (const panel of this.panels) this.draw(panel, cursorOnly);
  }

  draw(panel, cursorOnly) {
    const { point, canvas, offscreen } = panel;
    const mirrored = this.mirrored(panel);
    if (!cursorOnly) {
      const small = offscreen.getContext("2d");
      const { low, high } = this.window;
      small.putImageData(painted(small, panel.counts, point.columns, point.rows, panel.factor / panel.own, low, high, this.colour, mirrored), 0, 0);
      const ratio = window.devicePixelRatio || 1;
      const height = Math.max(300, Math.min(760, window.innerHeight * 0.72)) * this.zoom;
      const room = Math.max(110, Math.min(420, this.clientWidth / this.panels.length - 14)) * this.zoom;
      const scale = Math.min(height / panel.height_mm, room / panel.width_mm);
      canvas.style.width = `${Math.round(panel.width_mm * scale)}px`;
      canvas.style.height = `${Math.round(panel.height_mm * scale)}px`;
      canvas.width = Math.round(panel.width_mm * scale * ratio);
      canvas.height = Math.round(panel.height_mm * scale * ratio);
      panel.unit = ratio;
    }
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(offscreen, 0, 0, canvas.width, canvas.height);
    const [sx, sy] = [canvas.width / panel.width_mm, canvas.height / panel.height_mm];
    const x = (across) => (mirrored ? panel.width_mm - across : across) * sx;
    if (this.outlines.checked) this.drawOutlines(context, panel, x, sy);
    const { unit } = panel;
    context.font = `bold ${13 * unit}px sans-serif`;
    this._marks.forEach((mark, i) => {
      context.strokeStyle = context.fillStyle = "#0050c8";
      context.lineWidth = 2 * unit;
      context.beginPath();
      context.arc(x(mark.right_to_left_mm), mark.head_to_feet_mm * sy, 8 * unit, 0, 2 * Math.PI);
      context.stroke();
      context.textAlign = "left";
      context.fillText(String(i + 1), x(mark.right_to_left_mm) + 10 * unit, mark.head_to_feet_mm * sy - 5 * unit);
    });
    if (this.cursor) {
      context.strokeStyle = "rgba(208, 0, 0, 0.85)";
      context.lineWidth = unit;
      context.beginPath();
      context.moveTo(x(this.cursor[0]), 0);
      context.lineTo(x(this.cursor[0]), canvas.height);
      context.moveTo(0, this.cursor[1] * sy);
      context.lineTo(canvas.width, this.cursor[1] * sy);
      context.stroke();
    }
    context.fillStyle = this.colour === "inverse-grey" ? "#000" : "#fff";
    context.font = `bold ${15 * unit}px sans-serif`;
    context.textAlign = "left";
    context.fillText(mirrored ? "L" : "R", 5 * unit, 17 * unit);
    context.textAlign = "right";
    context.fillText(mirrored ? "R" : "L", canvas.width - 5 * unit, 17 * unit);
  }

  drawOutlines(context, panel, x, sy) {
    context.strokeStyle = context.fillStyle = "#d55e00";
    context.lineWidth = 1.5 * panel.unit;
    context.font = `${11 * panel.unit}px sans-serif`;
    context.textAlign = "left";
    for (const { name, view, points_mm: points } of panel.point.outlines) {
      if (view !== "both" && view !== panel.view) continue;
      context.beginPath();
      points.forEach(([across, down], i) => (i ? context.lineTo(x(across), down * sy) : context.moveTo(x(across), down * sy)));
      context.closePath();
      context.stroke();
      context.fillText(name, Math.min(...points.map(([across]) => x(across))), Math.min(...points.map(([, down]) => down * sy)) - 3 * panel.unit);
    }
  }

  mark() {
    const place = this.kept || this.cursor;
    if (!place) {
      this.place_said.textContent = this.t("Click a point first.");
      return;
    }
    const panel = this.active || this.panels[0];
    const counts = this.counts(panel, place);
    const detail = { point: panel.point.label, view: panel.view, right_to_left_mm: place[0], head_to_feet_mm: place[1],
      value: counts === null ? null : counts * panel.factor, unit: this.manifest.unit };
    this.marks = [...this._marks, detail];
    this.dispatchEvent(new CustomEvent("lesion-marked", { bubbles: true, detail }));
  }

  key(event) {
    if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const { column, row } = this.panels[0].point.pixel_mm;
    const back = this.active && this.mirrored(this.active) ? -1 : 1;
    const move = { ArrowLeft: [-column * back, 0], ArrowRight: [column * back, 0], ArrowUp: [0, -row], ArrowDown: [0, row] }[event.key];
    if (move) {
      const from = this.kept || this.cursor || [this.panels[0].width_mm / 2, this.panels[0].height_mm / 2];
      this.kept = [Math.max(0, from[0] + move[0]), Math.max(0, from[1] + move[1])];
      this.moveTo(this.kept);
    } else if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
    else if (event.key === "-") this.zoomBy(0.8);
    else if (event.key === "[") this.window.scale(0.85);
    else if (event.key === "]") this.window.scale(1 / 0.85);
    else if (event.key === "m") this.mark();
    else if (event.key === "Escape") {
      this.kept = null;
      this.moveTo(null);
    } else return;
    event.preventDefault();
  }

  zoomBy(factor) {
    this.zoom = Math.min(5, Math.max(0.5, this.zoom * factor));
    this.drawAll();
  }
}

customElements.define("theratrial-planar", TheratrialPlanar);
