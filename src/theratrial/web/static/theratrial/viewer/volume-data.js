// Values of a volume by place, and the place of the hottest point behind a projection. Places are DICOM's (LPS, mm).

/** Looks values up on a volume's own grid: nearest voxel, no interpolation. */
export class VolumeData {
  /** @param grid of the manifest; @param stored typed array, x fastest, as the NIfTI file holds it. */
  constructor(grid, stored) {
    [this.nz, this.ny, this.nx] = grid.shape_zyx;
    this.stored = stored;
    this.toVoxel = inverse(grid.affine_ras);
    this.affine = grid.affine_ras;
    this.step_mm = Math.min(...grid.spacing_mm_zyx);
  }

  /** Voxel nearest to a place, or null outside the volume. */
  voxel([x, y, z]) {
    const ras = [-x, -y, z];
    const index = this.toVoxel.map((row) => Math.round(row[0] * ras[0] + row[1] * ras[1] + row[2] * ras[2] + row[3]));
    const [i, j, k] = index;
    return i < 0 || j < 0 || k < 0 || i >= this.nx || j >= this.ny || k >= this.nz ? null : index;
  }

  value(place) {
    const index = this.voxel(place);
    return index === null ? null : this.stored[index[0] + this.nx * (index[1] + this.ny * index[2])];
  }

  /** Centre of a voxel, LPS. */
  place([i, j, k]) {
    const [x, y, z] = this.affine.slice(0, 3).map((row) => row[0] * i + row[1] * j + row[2] * k + row[3]);
    return [-x, -y, z];
  }

  /** The hottest voxel on the ray behind a pixel of a projection. */
  hottest(mip, angle, across, z) {
    const [mx, my] = mip.middle_mm_lps;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const reach = Math.hypot(this.nx, this.ny) * this.step_mm * 2;
    let best = null;
    let highest = -Infinity;
    for (let depth = -reach / 2; depth <= reach / 2; depth += this.step_mm / 2) {
      const place = [mx + across * c - depth * s, my + across * s + depth * c, z];
      const value = this.value(place);
      if (value !== null && value > highest) {
        highest = value;
        best = this.place(this.voxel(place));
      }
    }
    return best;
  }
}

/** The first three rows of the inverse of a 4 x 4 affine. */
function inverse(affine) {
  const [[a, b, c, tx], [d, e, f, ty], [g, h, i, tz]] = affine;
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const turned = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / determinant));
  return turned.map((row) => [...row, -(row[0] * tx + row[1] * ty + row[2] * tz)]);
}

/** Typed array of a NIfTI-1 (already unzipped) of ours: little-endian, offset 352. */
export function niftiValues(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const Type = { 2: Uint8Array, 4: Int16Array, 512: Uint16Array, 16: Float32Array }[view.getInt16(70, true)];
  const from = bytes.byteOffset + 352;
  return from % Type.BYTES_PER_ELEMENT === 0
    ? new Type(bytes.buffer, from, (bytes.byteLength - 352) / Type.BYTES_PER_ELEMENT)
    : new Type(bytes.slice(352).buffer);
}

/** Unzips with the browser's own decoder. */
export async function unzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
