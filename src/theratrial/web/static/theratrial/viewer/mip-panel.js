// Maximum-intensity projections that turn about the body's axis, on a 2-D canvas: works without WebGL.

import { checkedSize, fetchedBytes, make, painted } from "./common.js";

export class MipPanel {
  /** @param header the `mip` entry of the manifest; @param picked called with (angle, acrossMm, zMm) on a click. */
  constructor(t, header, picked) {
    this.t = t;
    this.header = header;
    this.picked = picked;
    this.frame = 0;
    this.window = { low: 0, high: 10 };
    this.colour = "inverse-grey";
    this.at = null;
    this.marks = [];
    this.canvas = make("canvas", { class: "viewer-mip-canvas", tabindex: "0", role: "img",
      "aria-label": t("Maximum-intensity projection; click to go to the hottest point behind the pointer") });
    this.slider = make("input", { type: "range", min: "0", max: String(header.views * 2 - 1), value: "0",
      "aria-label": t("Angle of view") });
    this.slider.addEventListener("input", () => this.turnTo(Number(this.slider.value)));
    this.caption = make("span", { class: "viewer-caption" });
    this.element = make("figure", { class: "viewer-mip" }, make("div", { class: "viewer-mip-frame" }, this.canvas),
      make("figcaption", {}, make("span", {}, t("MIP")), this.slider, this.caption));
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        this.turnTo(this.frame + step);
        event.preventDefault();
        event.stopPropagation();
      }
    });
  }

  async load(progress) {
    const { views, rows, columns } = this.header;
    const bytes = checkedSize(this.t, await fetchedBytes(this.header.url, progress), views * rows * columns * 2);
    this.values = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
    this.offscreen = make("canvas", { width: this.header.columns, height: this.header.rows });
    this.draw();
  }

  get angle() {
    return (this.frame * Math.PI) / this.header.views;
  }

  turnTo(frame) {
    const views = this.header.views * 2;
    this.frame = ((frame % views) + views) % views;
    this.slider.value = String(this.frame);
    this.draw();
  }

  setWindow(low, high) {
    this.window = { low, high };
    this.draw();
  }

  /** Where the crosshair is, LPS millimetres. */
  moveTo(place) {
    this.at = place;
    this.draw();
  }

  pixelOf([x, y, z]) {
    const { columns, pixel_mm: [rowMm, columnMm], middle_mm_lps: [mx, my], top_z_mm: top } = this.header;
    const across = (x - mx) * Math.cos(this.angle) + (y - my) * Math.sin(this.angle);
    return [across / columnMm + (columns - 1) / 2, (top - z) / rowMm];
  }

  clicked(event) {
    const { columns, rows, pixel_mm: [rowMm, columnMm], top_z_mm: top } = this.header;
    const box = this.canvas.getBoundingClientRect();
    const across = (((event.clientX - box.left) / box.width) * columns - 0.5 - (columns - 1) / 2) * columnMm;
    const z = top - (((event.clientY - box.top) / box.height) * rows - 0.5) * rowMm;
    this.picked(this.angle, across, z);
  }

  /** Letters of the image's left and right edge. */
  edges() {
    const [c, s] = [Math.cos(this.angle), Math.sin(this.angle)];
    if (Math.abs(c) >= Math.abs(s)) return c > 0 ? ["R", "L"] : ["L", "R"];
    return s > 0 ? ["A", "P"] : ["P", "A"];
  }

  draw() {
    if (!this.values) return;
    const { columns, rows, views, scale, pixel_mm: [rowMm, columnMm] } = this.header;
    const { low, high } = this.window;
    const size = columns * rows;
    const view = this.frame % views;
    const one = this.values.subarray(view * size, (view + 1) * size);
    const small = this.offscreen.getContext("2d");
    small.putImageData(painted(small, one, columns, rows, scale, low, high, this.colour, this.frame >= views), 0, 0);
    const zoom = Math.max(1, Math.round(900 / (rows * rowMm) * 2) / 2);
    this.canvas.width = Math.round(columns * columnMm * zoom);
    this.canvas.height = Math.round(rows * rowMm * zoom);
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = true;
    context.drawImage(this.offscreen, 0, 0, this.canvas.width, this.canvas.height);
    const [fx, fy] = [this.canvas.width / columns, this.canvas.height / rows];
    const unit = this.canvas.height / (this.canvas.getBoundingClientRect().height || 450);
    if (this.at) {
      const [column, row] = this.pixelOf(this.at);
      context.strokeStyle = "#d00000";
      context.lineWidth = unit;
      context.beginPath();
      context.moveTo(0, (row + 0.5) * fy);
      context.lineTo(this.canvas.width, (row + 0.5) * fy);
      context.moveTo((column + 0.5) * fx, 0);
      context.lineTo((column + 0.5) * fx, this.canvas.height);
      context.stroke();
    }
    context.font = `${12 * unit}px sans-serif`;
    this.marks.forEach((mark, i) => {
      const [column, row] = this.pixelOf([mark.x_mm, mark.y_mm, mark.z_mm]);
      context.strokeStyle = "#0050c8";
      context.fillStyle = "#0050c8";
      context.lineWidth = 1.5 * unit;
      context.beginPath();
      context.arc((column + 0.5) * fx, (row + 0.5) * fy, 8 * unit, 0, 2 * Math.PI);
      context.stroke();
      context.textAlign = "start";
      context.fillText(String(i + 1), (column + 0.5) * fx + 9 * unit, (row + 0.5) * fy - 5 * unit);
    });
    const [left, right] = this.edges();
    context.fillStyle = this.colour === "inverse-grey" ? "#000" : "#fff";
    context.font = `bold ${15 * unit}px sans-serif`;
    context.textAlign = "left";
    context.fillText(left, 6 * unit, 18 * unit);
    context.textAlign = "right";
    context.fillText(right, this.canvas.width - 6 * unit, 18 * unit);
    this.caption.textContent = `${Math.round((this.angle * 180) / Math.PI)}°`;
  }
}
