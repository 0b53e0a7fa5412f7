// Three planes on 2-D canvases, nearest voxel: what is shown where WebGL2 is missing. Same face as NiivuePlanes.

import { COLOURS, make } from "./common.js";

/** In patient millimetres (LPS): along the picture's columns, along its rows, and across the slice; letters of the edges. */
const PLANES = [
  { name: "Transverse", across: 0, down: 1, fixed: 2, flip: false, letters: ["R", "L"] },
  { name: "Coronal", across: 0, down: 2, fixed: 1, flip: true, letters: ["R", "L"] },
  { name: "Sagittal", across: 1, down: 2, fixed: 0, flip: true, letters: ["A", "P"] },
];

export class CanvasPlanes {
  constructor({ manifest, data, t, moved, hovered }) {
    Object.assign(this, { manifest, data, t, moved, hovered, marks: [], hidden: new Set(), regions: true });
    this.share = manifest.anatomy && manifest.emission ? 0.6 : 1;
    this.colour = manifest.anatomy ? "hot" : "inverse-grey";
    this.windows = Object.fromEntries(["emission", "anatomy"].filter((r) => manifest[r]).map((r) => [r, { ...manifest[r].window }]));
    const first = data.emission || data.anatomy;
    const corners = [0, 1].flatMap((i) => [0, 1].flatMap((j) => [0, 1].map((k) =>
      first.place([i * (first.nx - 1), j * (first.ny - 1), k * (first.nz - 1)]))));
    this.low = [0, 1, 2].map((axis) => Math.min(...corners.map((c) => c[axis])));
    this.high = [0, 1, 2].map((axis) => Math.max(...corners.map((c) => c[axis])));
    this.step = Math.max(first.step_mm, Math.max(...this.high.map((v, i) => v - this.low[i])) / 400);
    this.views = PLANES.map((plane) => this.view(plane));
    this.element = make("div", { class: "viewer-planes viewer-simple" }, ...this.views.map((view) => view.figure));
  }

  view(plane) {
    const size = (axis) => Math.max(2, Math.round((this.high[axis] - this.low[axis]) / this.step) + 1);
    const canvas = make("canvas", { width: size(plane.across), height: size(plane.down), tabindex: "0", role: "img",
      "aria-label": this.t(plane.name) });
    const [left, right] = plane.letters.map((letter) => make("span", {}, letter));
    const figure = make("figure", {}, canvas, make("figcaption", {}, left, this.t(plane.name), right));
    canvas.addEventListener("click", (event) => {
      const place = this.placeUnder(plane, canvas, event);
      this.moveTo(place);
      this.moved(place);
    });
    canvas.addEventListener("pointermove", (event) => this.hovered(this.placeUnder(plane, canvas, event)));
    canvas.addEventListener("pointerleave", () => this.hovered(null));
    return { plane, canvas, figure };
  }

  placeUnder(plane, canvas, event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.min(canvas.width - 1, Math.floor(((event.clientX - box.left) / box.width) * canvas.width));
    const row = Math.min(canvas.height - 1, Math.floor(((event.clientY - box.top) / box.height) * canvas.height));
    return this.placeOf(plane, column, row);
  }

  placeOf(plane, column, row) {
    const place = [...this.at];
    place[plane.across] = this.low[plane.across] + column * this.step;
    place[plane.down] = plane.flip ? this.high[plane.down] - row * this.step : this.low[plane.down] + row * this.step;
    return place;
  }

  pixelOf(plane, place) {
    const down = plane.flip ? this.high[plane.down] - place[plane.down] : place[plane.down] - this.low[plane.down];
    return [(place[plane.across] - this.low[plane.across]) / this.step, down / this.step];
  }

  moveTo(place) {
    this.at = place;
    this.draw();
  }

  setWindow(role, low, high) {
    this.windows[role] = { low, high };
    this.draw();
  }

  setColour(name) {
    this.colour = name;
    this.draw();
  }

  setOpacity(share) {
    this.share = share;
    this.draw();
  }

  setRegions(on, hidden) {
    this.regions = on;
    this.hidden = hidden;
    this.draw();
  }

  setMarks(marks) {
    this.marks = marks;
    this.draw();
  }

  zoom() {}

  close() {}

  draw() {
    if (!this.at) return;
    const level = (role, place) => {
      const value = this.data[role]?.value(place);
      if (value === null || value === undefined) return null;
      const { low, high } = this.windows[role];
      return Math.max(0, Math.min(255, Math.round(((value - low) / (high - low)) * 255)));
    };
    const names = Object.fromEntries((this.manifest.regions?.labels || []).map((one) => [one.label, one.colour]));
    for (const { plane, canvas } of this.views) {
      const context = canvas.getContext("2d");
      const image = context.createImageData(canvas.width, canvas.height);
      for (let row = 0, to = 0; row < canvas.height; row++) {
        for (let column = 0; column < canvas.width; column++, to += 4) {
          const place = this.placeOf(plane, column, row);
          const grey = level("anatomy", place);
          const hot = level("emission", place);
          let colour = grey === null ? [0, 0, 0] : COLOURS.grey(grey);
          if (hot !== null) {
            const over = COLOURS[this.colour](hot);
            const share = grey === null ? 1 : this.share * Math.min(1, (hot / 255 / 0.4) ** 2);
            colour = colour.map((one, i) => one * (1 - share) + over[i] * share);
          }
          const label = this.regions && this.data.regions ? this.data.regions.value(place) : 0;
          if (label && !this.hidden.has(label)) {
            const tint = names[label];
            colour = colour.map((one, i) => one * 0.6 + parseInt(tint.slice(1 + 2 * i, 3 + 2 * i), 16) * 0.4);
          }
          image.data.set([...colour, 255], to);
        }
      }
      context.putImageData(image, 0, 0);
      const [x, y] = this.pixelOf(plane, this.at);
      context.fillStyle = "rgba(30, 220, 90, 0.8)";
      context.fillRect(Math.round(x), 0, 1, canvas.height);
      context.fillRect(0, Math.round(y), canvas.width, 1);
      for (const mark of this.marks) {
        const there = [mark.x_mm, mark.y_mm, mark.z_mm];
        if (Math.abs(there[plane.fixed] - this.at[plane.fixed]) > 10) continue;
        const [column, row] = this.pixelOf(plane, there);
        context.strokeStyle = "#00c8ff";
        context.beginPath();
        context.arc(column, row, 5, 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }
}
