// Three planes drawn by NiiVue (WebGL2). Same face as CanvasPlanes.

import { make } from "./common.js";

const NIIVUE = new URL("../vendor/niivue/niivue.umd.js", import.meta.url).href;
const RAS = ([x, y, z]) => [-x, -y, z];
const MAPS = { "inverse-grey": ["gray", true], grey: ["gray", false], hot: ["theratrial-hot", false] };
/** Black, red, yellow, white: the `hot` of common.js, so that planes and projection agree. */
const HOT = { I: [0, 98, 196, 255], R: [0, 255, 255, 255], G: [0, 0, 255, 255], B: [0, 0, 0, 255], A: [0, 255, 255, 255] };
/** Over a CT, what is below this share of the window fades, so that the CT shows through. */
const FADES_BELOW = 0.4;
const ZERO_TO_MAX_FADING_BELOW_MIN = 1; // as the shader of volumes reads it; the enumeration's names say 2

export class NiivuePlanes {
  constructor({ manifest, files, data, t, moved, hovered }) {
    Object.assign(this, { manifest, files, data, t, moved, hovered, marks: [] });
    this.canvas = make("canvas", { class: "viewer-planes-canvas", tabindex: "0", role: "img",
      "aria-label": t("Transverse, coronal and sagittal slices; click to move the crosshair") });
    this.overlay = make("canvas", { class: "viewer-overlay", "aria-hidden": "true" });
    this.element = make("div", { class: "viewer-planes" }, make("div", { class: "viewer-gl" }, this.canvas), this.overlay);
  }

  async start(url) {
    const probe = document.createElement("canvas").getContext("webgl2");
    if (!probe) throw new Error("webgl2");
    const most = probe.getParameter(probe.MAX_3D_TEXTURE_SIZE);
    probe.getExtension("WEBGL_lose_context")?.loseContext();
    const first = this.manifest.anatomy || this.manifest.emission;
    if (Math.max(...first.grid.shape_zyx) > most) throw new Error(`MAX_3D_TEXTURE_SIZE ${most}`);
    if (!globalThis.niivue) await import(url || NIIVUE);
    const { Niivue, NVImage } = globalThis.niivue;
    this.nv = new Niivue({
      logLevel: "error", loadingText: "", dragAndDropEnabled: false, isRadiologicalConvention: true, isSliceMM: true,
      showAllOrientationMarkers: true, isCornerOrientationText: false, backColor: [0, 0, 0, 1], fontColor: [0.9, 0.42, 0, 1],
      crosshairWidth: 0,
      multiplanarForceRender: false, multiplanarShowRender: 0, multiplanarLayout: 0, tileMargin: 4, sagittalNoseLeft: true, sliceType: 3,
      viewModeHotKey: "", clipPlaneHotKey: "", cycleClipPlaneHotKey: "", atlasOutline: 1, isNearestInterpolation: false,
      isColorbar: false, show3Dcrosshair: false, isAntiAlias: true, fontMinPx: 16, fontSizeScaling: 0.2, showLegend: false,
      dragMode: 3, isResizeCanvas: true,
    });
    await this.nv.attachToCanvas(this.canvas);
    this.nv.addColormap("theratrial-hot", HOT);
    this.index = {};
    for (const role of ["anatomy", "emission", "regions"]) {
      if (!this.manifest[role]) continue;
      const image = await NVImage.loadFromUrl({ url: this.files[role].buffer, name: `${role}.nii`, colormap: "gray" });
      this.index[role] = this.nv.volumes.push(image) - 1;
      delete this.files[role];
    }
    this.quiet = true; // one drawing of the textures for all of it
    if (this.manifest.emission) this.setColour(this.manifest.anatomy ? "hot" : "inverse-grey");
    for (const role of ["anatomy", "emission"]) {
      if (this.manifest[role]) this.setWindow(role, this.manifest[role].window.low, this.manifest[role].window.high);
    }
    if (this.manifest.anatomy && this.manifest.emission) this.setOpacity(0.6);
    if (this.manifest.regions) this.setRegions(true, new Set());
    this.quiet = false;
    this.nv.setVolume(this.nv.volumes[0], 0);
    this.nv.onLocationChange = ({ mm }) => {
      if (!this.moving) this.moved(RAS([mm[0], mm[1], mm[2]]));
      this.drawMarks();
    };
    this.canvas.addEventListener("pointermove", (event) => this.hovered(this.placeUnder(event)));
    this.canvas.addEventListener("pointerleave", () => this.hovered(null));
    new ResizeObserver(() => this.drawMarks()).observe(this.canvas);
  }

  update() {
    if (!this.quiet) this.nv.updateGLVolume();
  }

  placeUnder(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    const frac = this.nv.canvasPos2frac([(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]);
    if (frac[0] < 0) return null;
    const mm = this.nv.frac2mm(frac);
    return RAS([mm[0], mm[1], mm[2]]);
  }

  setWindow(role, low, high) {
    const volume = this.nv.volumes[this.index[role]];
    const fading = role === "emission" && this.manifest.anatomy && low <= 0;
    volume.colormapType = fading ? ZERO_TO_MAX_FADING_BELOW_MIN : 0;
    volume.cal_min = fading ? FADES_BELOW * high : low;
    volume.cal_max = high;
    this.update();
  }

  setColour(name) {
    const volume = this.nv.volumes[this.index.emission];
    const [map, inverted] = MAPS[name];
    const { cal_min, cal_max } = volume;
    volume.colormapInvert = inverted;
    volume.setColormap(map);
    Object.assign(volume, { cal_min, cal_max }); // setColormap replaces the window by one of its own
    this.update();
  }

  setOpacity(share) {
    this.nv.volumes[this.index.emission].opacity = share;
    this.update();
  }

  setRegions(on, hidden) {
    const volume = this.nv.volumes[this.index.regions];
    const table = { R: [0], G: [0], B: [0], A: [0], I: [0], labels: [""] };
    for (const { label, colour, name } of this.manifest.regions.labels) {
      table.R.push(parseInt(colour.slice(1, 3), 16));
      table.G.push(parseInt(colour.slice(3, 5), 16));
      table.B.push(parseInt(colour.slice(5, 7), 16));
      table.A.push(255);
      table.I.push(label);
      table.labels.push(name);
    }
    volume.setColormapLabel(table);
    // NiiVue draws the border of a label even where its colour is clear: a hidden region leaves the label map.
    const shown = new Set(on ? table.I.filter((label) => !hidden.has(label)) : []);
    volume.img = this.data.regions.stored.map((label) => (shown.has(label) ? label : 0));
    volume.opacity = 0.12; // of the fill; the border is opaque
    this.update();
  }

  moveTo(place) {
    this.moving = true;
    this.nv.scene.crosshairPos = this.nv.mm2frac(RAS(place));
    this.nv.createOnLocationChange();
    this.nv.drawScene();
    this.moving = false;
    this.drawMarks();
  }

  zoom(factor) {
    const zoom = Math.min(12, Math.max(1, this.nv.scene.pan2Dxyzmm[3] * factor));
    const at = this.nv.frac2mm(this.nv.scene.crosshairPos);
    const [low, high] = this.nv.sceneExtentsMinMax(true);
    const shift = zoom > 1 ? [0, 1, 2].map((i) => (low[i] + high[i]) / 2 - at[i]) : [0, 0, 0];
    this.nv.setPan2Dxyzmm([...shift, zoom]);
    this.drawMarks();
  }

  setMarks(marks) {
    this.marks = marks;
    this.drawMarks();
  }

  /** Crosshair, and rings around the marked points on the slices that pass near them. */
  drawMarks() {
    if (!this.nv) return;
    const { overlay, canvas, nv } = this;
    overlay.width = canvas.width;
    overlay.height = canvas.height;
    const context = overlay.getContext("2d");
    const at = nv.frac2mm(nv.scene.crosshairPos);
    const unit = window.devicePixelRatio || 1;
    for (const tile of nv.screenSlices) {
      if (tile.axCorSag > 2 || !tile.fovMM?.length) continue;
      const axes = [[0, 1, 2], [0, 2, 1], [1, 2, 0]][tile.axCorSag];
      const box = tileBox(tile);
      const here = pixelIn(tile, box, at[axes[0]], at[axes[1]]);
      if (here) drawCross(context, box, here, unit);
      this.marks.forEach((mark, i) => {
        const ras = RAS([mark.x_mm, mark.y_mm, mark.z_mm]);
        const found = Math.abs(ras[axes[2]] - at[axes[2]]) > 10 ? null : pixelIn(tile, box, ras[axes[0]], ras[axes[1]]);
        if (!found) return;
        const [x, y] = found;
        context.strokeStyle = context.fillStyle = "#00c8ff";
        context.lineWidth = 2 * unit;
        context.font = `bold ${13 * unit}px sans-serif`;
        context.beginPath();
        context.arc(x, y, 9 * unit, 0, 2 * Math.PI);
        context.stroke();
        context.fillText(String(i + 1), x + 11 * unit, y - 6 * unit);
      });
    }
  }

  close() {
    this.nv?.cleanup?.();
    this.nv?.gl?.getExtension("WEBGL_lose_context")?.loseContext();
    this.nv = null;
  }
}

function tileBox({ leftTopWidthHeight: [left, top, width, height] }) {
  return { left: Math.min(left, left + width), top, width: Math.abs(width), height, mirrored: width < 0 };
}

/** Pixel of a place in a tile, or null where the tile does not show it. */
function pixelIn(tile, box, along, up) {
  const share = (along - tile.leftTopMM[0]) / tile.fovMM[0];
  const across = box.mirrored ? 1 - share : share;
  const down = 1 - (up - tile.leftTopMM[1]) / tile.fovMM[1];
  return across < 0 || across > 1 || down < 0 || down > 1 ? null : [box.left + across * box.width, box.top + down * box.height];
}

/** Lines that leave the middle free: what is under the crosshair must be seen. */
function drawCross(context, { left, top, width, height }, [x, y], unit) {
  const gap = 9 * unit;
  context.strokeStyle = "#17a34a";
  context.lineWidth = 1.25 * unit;
  context.beginPath();
  for (const [x0, y0, x1, y1] of [[left, y, x - gap, y], [x + gap, y, left + width, y], [x, top, x, y - gap], [x, y + gap, x, top + height]]) {
    if (x1 < x0 || y1 < y0) continue;
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
  }
  context.stroke();
}
