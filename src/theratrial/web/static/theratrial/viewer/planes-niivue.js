// Three planes drawn by NiiVue (WebGL2). Same face as CanvasPlanes.

import { make } from "./common.js";

const NIIVUE = new URL("../vendor/niivue/niivue.umd.js", import.meta.url).href;
const RAS = ([x, y, z]) => [-x, -y, z];
const MAPS = { "inverse-grey": ["gray", true], grey: ["gray", false], hot: ["theratrial-hot", false] };
/** Black, red, yellow, white; what is cold is clear, so that the CT shows through. */
const HOT = { I: [0, 32, 98, 196, 255], R: [0, 83, 255, 255, 255], G: [0, 0, 0, 255, 255], B: [0, 0, 0, 0, 255], A: [0, 48, 150, 255, 255] };

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
      crosshairColor: [0.1, 0.7, 0.25, 1], crosshairWidth: 1, crosshairWidthUnit: "mm", crosshairGap: 12,
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
      const image = await NVImage.loadFromUrl({ url: this.files[role].buffer, name: `${role}.nii`, ...this.look(role) });
      this.nv.addVolume(image);
      this.index[role] = this.nv.volumes.length - 1;
      delete this.files[role];
    }
    if (this.manifest.emission) this.setColour(this.manifest.anatomy ? "hot" : "inverse-grey");
    if (this.manifest.anatomy && this.manifest.emission) this.setOpacity(0.6);
    if (this.manifest.regions) this.setRegions(true, new Set());
    this.nv.onLocationChange = ({ mm }) => {
      if (!this.moving) this.moved(RAS([mm[0], mm[1], mm[2]]));
      this.drawMarks();
    };
    this.canvas.addEventListener("pointermove", (event) => this.hovered(this.placeUnder(event)));
    this.canvas.addEventListener("pointerleave", () => this.hovered(null));
    new ResizeObserver(() => this.drawMarks()).observe(this.canvas);
  }

  look(role) {
    if (role === "regions") return { opacity: 0.12, cal_min: 0, cal_max: 255 };
    const { low, high } = this.manifest[role].window;
    return { colormap: "gray", opacity: 1, cal_min: low, cal_max: high, trustCalMinMax: false };
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
    volume.cal_min = low;
    volume.cal_max = high;
    this.nv.updateGLVolume();
  }

  setColour(name) {
    const volume = this.nv.volumes[this.index.emission];
    const [map, inverted] = MAPS[name];
    volume.colormapInvert = inverted;
    volume.setColormap(map);
    this.nv.updateGLVolume();
  }

  setOpacity(share) {
    this.nv.setOpacity(this.index.emission, share);
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
    this.nv.updateGLVolume();
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
    const [x, y, z, zoom] = this.nv.scene.pan2Dxyzmm;
    this.nv.setPan2Dxyzmm([x, y, z, Math.min(12, Math.max(1, zoom * factor))]);
    if (zoom * factor <= 1) this.nv.setPan2Dxyzmm([0, 0, 0, 1]);
    this.drawMarks();
  }

  setMarks(marks) {
    this.marks = marks;
    this.drawMarks();
  }

  /** Rings around the marked points, on the slices that pass near them. */
  drawMarks() {
    if (!this.nv) return;
    const { overlay, canvas, nv } = this;
    overlay.width = canvas.width;
    overlay.height = canvas.height;
    const context = overlay.getContext("2d");
    const at = nv.frac2mm(nv.scene.crosshairPos);
    for (const tile of nv.screenSlices) {
      if (tile.axCorSag > 2 || !tile.fovMM?.length) continue;
      const axes = [[0, 1, 2], [0, 2, 1], [1, 2, 0]][tile.axCorSag];
      this.marks.forEach((mark, i) => {
        const ras = RAS([mark.x_mm, mark.y_mm, mark.z_mm]);
        if (Math.abs(ras[axes[2]] - at[axes[2]]) > 10) return;
        let [left, top, width, height] = tile.leftTopWidthHeight;
        let across = (ras[axes[0]] - tile.leftTopMM[0]) / tile.fovMM[0];
        const down = 1 - (ras[axes[1]] - tile.leftTopMM[1]) / tile.fovMM[1];
        if (width < 0) {
          left += width;
          width = -width;
          across = 1 - across;
        }
        if (across < 0 || across > 1 || down < 0 || down > 1) return;
        const unit = window.devicePixelRatio || 1;
        const [x, y] = [left + across * width, top + down * height];
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
