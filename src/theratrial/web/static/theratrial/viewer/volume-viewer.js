// <theratrial-volume data-manifest="URL" data-strings='{...}' data-niivue="URL of niivue.umd.js">
// PET/CT fused in three planes (NiiVue), MIP beside, regions, windows, values under the cursor, marks.
// Emits `lesion-marked` with {x_mm, y_mm, z_mm, value, unit, region}; places are DICOM's (LPS). The page may set `marks`
// (a list of such) and call `goTo([x, y, z])`.

import { WindowControl, checkedSize, failure, fetchedBytes, fetchedJson, make, shownNumber, wordsOf } from "./common.js";
import { MipPanel } from "./mip-panel.js";
import { NiivuePlanes } from "./planes-niivue.js";
import { CanvasPlanes } from "./planes-canvas.js";
import { VolumeData, niftiValues, unzipped } from "./volume-data.js";

const COLOURS_ALONE = ["inverse-grey", "grey", "hot"];

class TheratrialVolume extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.t = wordsOf(this);
    this._marks = this._marks || [];
    this.ready = this.start().catch((error) => {
      this.status.remove();
      this.append(failure(this.t, error, this.t("Reload the page; if it happens again, report the words above.")));
    });
  }

  disconnectedCallback() {
    this.planes?.close();
    this.data = {};
  }

  get marks() {
    return this._marks;
  }

  set marks(marks) {
    this._marks = marks;
    if (this.mip) Object.assign(this.mip, { marks });
    this.mip?.draw();
    this.planes?.setMarks(marks);
  }

  async start() {
    const t = this.t;
    this.status = make("p", { class: "viewer-status", role: "status" }, t("Loading images…"));
    this.replaceChildren(this.status);
    this.manifest = await fetchedJson(this.dataset.manifest);
    await this.load();
    this.main = this.manifest.emission ? "emission" : "anatomy";
    this.build();
    await this.drawPlanes();
    this.status.remove();
    this.moveTo(this.data[this.main].place(this.data[this.main].middle), { tell: false });
    this.dataset.ready = "";
    this.dispatchEvent(new CustomEvent("viewer-ready", { bubbles: true }));
  }

  async load() {
    const roles = ["anatomy", "emission", "regions"].filter((role) => this.manifest[role]);
    const came = {};
    const tell = (role) => (received) => {
      came[role] = received;
      const all = Object.values(came).reduce((sum, one) => sum + one, 0);
      const size = (all / 1e6).toFixed(1);
      this.status.textContent = this.t("Loading images… {size} MB", { size });
    };
    const zipped = await Promise.all(roles.map((role) => fetchedBytes(this.manifest[role].url, tell(role))));
    this.files = {};
    this.data = {};
    for (const [i, role] of roles.entries()) {
      this.files[role] = await unzipped(zipped[i]);
      const grid = this.manifest[role].grid || this.manifest.emission.grid;
      const values = niftiValues(this.files[role]);
      checkedSize(this.t, values, grid.shape_zyx.reduce((product, n) => product * n, values.BYTES_PER_ELEMENT));
      this.data[role] = new VolumeData(grid, values);
      this.data[role].middle = grid.shape_zyx.map((n) => Math.floor(n / 2)).reverse();
    }
  }

  build() {
    const { t, manifest } = this;
    this.stage = make("div", { class: "viewer-stage", dir: "ltr" });
    this.readout = make("output", { class: "viewer-readout", dir: "ltr" });
    this.hover = make("output", { class: "viewer-readout viewer-hover", dir: "ltr", "aria-hidden": "true" });
    const controls = make("div", { class: "viewer-controls" });
    this.windows = {};
    for (const role of ["emission", "anatomy"]) {
      const one = manifest[role];
      if (!one) continue;
      this.windows[role] = new WindowControl(t, one.modality, {
        low: one.window.low, high: one.window.high, presets: one.presets, unit: one.unit,
        changed: (low, high) => this.setWindow(role, low, high),
      });
      controls.append(this.windows[role].element);
    }
    if (manifest.emission) controls.append(this.colourChoice());
    if (manifest.emission && manifest.anatomy) controls.append(this.opacitySlider());
    if (manifest.regions) controls.append(this.regionList());
    controls.append(make("button", { type: "button", class: "viewer-mark", onclick: () => this.mark() }, t("Mark this point")));
    this.controls = controls;
    const notes = ["emission", "anatomy"].flatMap((role) => (manifest[role]?.notes || []).map((n) => `${manifest[role].modality}: ${n}`));
    const refused = Object.entries(manifest.regions?.not_placed || {}).map(([name, why]) => `${name}: ${why}`);
    const told = [...notes, ...refused];
    this.append(
      make("div", { class: "viewer-body" }, this.stage, controls),
      make("div", { class: "viewer-readouts" }, this.readout, this.hover),
      make("p", { class: "viewer-help" }, t("Radiological convention: the patient's right (R) is on the left of the picture. Arrow keys and Page Up/Down move the point, + and - zoom, r regions, m marks.")),
    );
    if (told.length) {
      this.append(make("details", { class: "viewer-notes" }, make("summary", {}, t("Notes on these images ({count})", { count: told.length })),
        make("ul", {}, ...told.map((text) => make("li", { dir: "auto" }, text)))));
    }
    this.addEventListener("keydown", (event) => this.key(event), true);
  }

  async drawPlanes() {
    const { t, manifest } = this;
    if (manifest.mip) {
      this.mip = new MipPanel(t, manifest.mip, (angle, across, z) => {
        const place = this.data.emission.hottest(manifest.mip, angle, across, z);
        if (place) this.moveTo(place);
      });
      this.mip.marks = this._marks;
      this.stage.append(this.mip.element);
      this.mip.setWindow(manifest.emission.window.low, manifest.emission.window.high);
      await this.mip.load();
    }
    const options = {
      manifest, files: this.files, data: this.data, t,
      moved: (place) => this.moveTo(place, { fromPlanes: true }),
      hovered: (place) => this.showHover(place),
    };
    try {
      this.planes = new NiivuePlanes(options);
      this.stage.prepend(this.planes.element);
      await this.planes.start(this.dataset.niivue);
    } catch (error) {
      this.planes?.close();
      this.planes?.element.remove();
      this.planes = new CanvasPlanes(options);
      this.stage.prepend(this.planes.element);
      this.prepend(make("p", { class: "viewer-problem", role: "alert" },
        t("This browser or machine has no WebGL2 ({reason}). Simple slices are shown instead: without smoothing or zoom. The values are the same.", { reason: error.message })));
    }
    this.planes.setMarks(this._marks);
  }

  colourChoice() {
    const { t } = this;
    const names = { "inverse-grey": t("Inverse grey"), grey: t("Grey"), hot: t("Hot") };
    const start = this.manifest.anatomy ? "hot" : "inverse-grey";
    const choice = make("select", { "aria-label": t("Colours"), onchange: () => this.planes.setColour(choice.value) },
      ...COLOURS_ALONE.map((name) => make("option", { value: name, selected: name === start }, names[name])));
    return make("label", { class: "viewer-field" }, t("Colours"), choice);
  }

  opacitySlider() {
    const slider = make("input", { type: "range", min: "0", max: "100", value: "60",
      oninput: () => this.planes.setOpacity(Number(slider.value) / 100) });
    this.opacity = slider;
    return make("label", { class: "viewer-field" }, this.t("{modality} over CT", { modality: this.manifest.emission.modality }), slider);
  }

  regionList() {
    const { t } = this;
    const labels = this.manifest.regions.labels;
    this.hidden_regions = new Set();
    const apply = () => this.planes.setRegions(this.regionsOn.checked, this.hidden_regions);
    this.regionsOn = make("input", { type: "checkbox", checked: true, onchange: apply });
    const items = labels.map((one) => {
      const box = make("input", { type: "checkbox", checked: true, "aria-label": t("Show {name}", { name: one.name }), onchange: () => {
        if (box.checked) this.hidden_regions.delete(one.label);
        else this.hidden_regions.add(one.label);
        apply();
      } });
      const swatch = make("span", { class: "viewer-swatch", "aria-hidden": "true" });
      swatch.style.backgroundColor = one.colour;
      return make("li", {}, box, swatch,
        make("button", { type: "button", class: "viewer-link", title: t("Go to its centre"), onclick: () => this.moveTo(one.centre_mm_lps) }, one.name),
        make("span", { class: "viewer-volume", dir: "ltr" }, `${shownNumber(one.volume_mL)} mL`));
    });
    return make("fieldset", { class: "viewer-regions" },
      make("legend", {}, make("label", {}, this.regionsOn, " ", t("Regions"))), make("ul", {}, ...items));
  }

  setWindow(role, low, high) {
    this.planes?.setWindow(role, low, high);
    if (role === "emission") this.mip?.setWindow(low, high);
  }

  goTo(place) {
    this.moveTo(place);
  }

  /** Puts the crosshair at a place (LPS) and says the values there. */
  moveTo(place, { fromPlanes = false } = {}) {
    this.place = place;
    if (!fromPlanes) this.planes?.moveTo(place);
    this.mip?.moveTo(place);
    this.readout.textContent = `${this.t("At the crosshair:")} ${this.said(place)}`;
  }

  showHover(place) {
    this.hover.textContent = place ? `${this.t("Under the pointer:")} ${this.said(place)}` : "";
  }

  said(place) {
    const parts = [];
    for (const role of ["emission", "anatomy"]) {
      const one = this.manifest[role];
      if (!one) continue;
      const value = this.data[role].value(place);
      parts.push(value === null ? `${one.unit} –` : `${one.unit} ${one.exact ? "" : "≈ "}${shownNumber(value, one.unit)}`);
    }
    const region = this.regionAt(place);
    if (region) parts.push(region.name);
    const [x, y, z] = place;
    const side = (value, positive, negative) => `${value >= 0 ? positive : negative} ${Math.abs(value).toFixed(1)}`;
    parts.push(`${side(x, "L", "R")}, ${side(y, "P", "A")}, ${side(z, "S", "I")} mm`);
    return parts.join(" · ");
  }

  regionAt(place) {
    const label = this.data.regions?.value(place);
    return label ? this.manifest.regions.labels.find((one) => one.label === label) : null;
  }

  /** What the response form takes: the point, its value on the voxel grid, the region it lies in. */
  mark() {
    const [x_mm, y_mm, z_mm] = this.place;
    const detail = {
      x_mm, y_mm, z_mm,
      value: this.data[this.main].value(this.place),
      unit: this.manifest[this.main].unit,
      exact: this.manifest[this.main].exact,
      region: this.regionAt(this.place)?.name || null,
    };
    this.marks = [...this._marks, detail];
    this.dispatchEvent(new CustomEvent("lesion-marked", { bubbles: true, detail }));
  }

  key(event) {
    if (event.target.closest("input, select, textarea, .viewer-mip-canvas") || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = this.data[this.main].step_mm;
    // Up is towards the head, left is the left of the picture (the patient's right), Page Up is towards the front.
    const move = { ArrowUp: [0, 0, step], ArrowDown: [0, 0, -step], ArrowLeft: [-step, 0, 0], ArrowRight: [step, 0, 0],
      PageUp: [0, -step, 0], PageDown: [0, step, 0] }[event.key];
    if (move) {
      const place = this.place.map((value, i) => value + move[i]);
      if (this.data[this.main].voxel(place)) this.moveTo(place);
    } else if (event.key === "+" || event.key === "=") this.planes.zoom(1.2);
    else if (event.key === "-") this.planes.zoom(1 / 1.2);
    else if (event.key === "m") this.mark();
    else if (event.key === "r" && this.regionsOn) this.regionsOn.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

customElements.define("theratrial-volume", TheratrialVolume);
