"""The viewers in a real browser, under the site's content policy: what is read off is what the core holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from viewer_pages import served, write_page
from web_shown_cohort import Participant

from theratrial.imaging.planar import planar_pair
from theratrial.imaging.series import series_from_files, volume
from theratrial.imaging.suv import suv_map
from theratrial.imaging.values import Grid
from theratrial.web.studies.shown import (
    Image,
    Outline,
    TimePoint,
    mip_shown,
    planar_manifest,
    planar_shown,
    regions_shown,
    stored_image,
    suv_image,
    volume_manifest,
    volume_shown,
)

CHROMIUM = Path("/usr/bin/chromium")
SOFTWARE_GL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]

pytestmark = [
    pytest.mark.walk,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: the viewers are not tested"),
]


def _put(folder: Path, name: str, shown: Any) -> tuple[dict[str, Any], str]:
    (folder / name).write_bytes(shown.content)
    return shown.header, f"/{name}"


def _corner(unit: str, hot: float) -> Image:
    """An image with one hot block at the patient's left, front and head."""
    grid = Grid((40, 40, 40), (4.0, 4.0, 4.0), (-78.0, -78.0, -78.0), frame_of_reference_uid="1.2.3")
    values = np.zeros(grid.shape, dtype=np.float32)
    values[28:34, 6:12, 28:34] = hot
    return Image(grid, values, unit, "PT", "", None)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, participant: Participant) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    pet = suv_image(participant.pet.files)
    parts = {
        "emission": _put(folder, "pet.nii.gz", volume_shown(pet)),
        "anatomy": _put(folder, "ct.nii.gz", volume_shown(stored_image(participant.ct.files))),
        "regions": _put(folder, "regions.nii.gz", regions_shown(participant.regions.files, pet.grid)),
        "mip": _put(folder, "mip.raw", mip_shown(pet)),
    }
    write_page(folder, "petct", "volume", volume_manifest(**parts))
    write_page(folder, "rtl", "volume", volume_manifest(**parts), direction="rtl", strings={"Regions": "ناحیه‌ها"})
    write_page(folder, "absent", "volume", {"emission": {**parts["emission"][0], "url": "/nowhere"}})
    (folder / "cut.raw").write_bytes((folder / "mip.raw").read_bytes()[:-2])
    write_page(folder, "cut", "volume", volume_manifest(**{**parts, "mip": (parts["mip"][0], "/cut.raw")}))
    corner = _put(folder, "corner.nii.gz", volume_shown(_corner("SUVbw", 20.0)))
    write_page(folder, "corner", "volume", volume_manifest(emission=corner))
    half = _put(folder, "half.nii.gz", volume_shown(_corner("SUVbw", 5.0)))
    write_page(folder, "half", "volume", volume_manifest(emission=half))
    square = Outline("square", "both", ((100.0, 300.0), (200.0, 300.0), (200.0, 400.0), (100.0, 400.0)))
    points = [
        TimePoint((Path(one.files[0]),), participant.injected_at, label, outlines=(square,))
        for one, label in zip(participant.whole_bodies, ("24 h", "48 h"), strict=True)
    ]
    shown = [_put(folder, f"wb{i}.raw", planar_shown(one)) for i, one in enumerate(points)]
    write_page(folder, "planar", "planar", planar_manifest([h for h, _ in shown], [u for _, u in shown]))
    return folder


@pytest.fixture(scope="module")
def site(pages: Path) -> Iterator[str]:
    with served(pages) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", *SOFTWARE_GL])
        yield browser
        browser.close()


def _opened(browser: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(address)
    page.wait_for_selector("#viewer[data-ready], #viewer .viewer-problem", timeout=120_000)
    return page, [text for text in said if "favicon" not in text and "404" not in text]


def _place_LPS(text: str) -> list[float]:
    """The place a readout says, as x, y, z in DICOM's coordinates."""
    found = re.search(r"([LR]) ([\d.]+), ([PA]) ([\d.]+), ([SI]) ([\d.]+) mm", text)
    assert found, text
    pairs = zip(found.groups()[::2], found.groups()[1::2], strict=True)
    return [float(value) * (1 if side in "LPS" else -1) for side, value in pairs]


def _number(text: str, before: str) -> float:
    found = re.search(rf"{before} (-?[\d.]+)", text)
    assert found, text
    return float(found[1])


def _nearest(grid: Grid, values: Any, place: list[float]) -> float:
    z, y, x = np.rint(grid.index_zyx(np.array(place))).astype(int)
    return float(values[z, y, x])


def test_suv_and_hu_at_the_crosshair_are_those_of_the_core(chromium: Any, site: str, participant: Participant) -> None:
    page, said = _opened(chromium, f"{site}/petct.html")
    suv = suv_map(series_from_files(participant.pet.files))
    ct = volume(series_from_files(participant.ct.files))
    rng = np.random.default_rng(3)
    hottest = np.argwhere(suv.suv_g_per_mL > 0.6 * suv.suv_g_per_mL.max())[0]
    indices = [hottest, *rng.integers(5, 45, size=(12, 3))]
    for index in indices:
        place = suv.grid.patient_mm(np.asarray(index, dtype=float)).tolist()
        page.evaluate("place => document.querySelector('#viewer').goTo(place)", place)
        text = page.text_content(".viewer-readout")
        z, y, x = index
        assert _number(text, "SUVbw") == pytest.approx(float(suv.suv_g_per_mL[z, y, x]), abs=0.0051)
        assert _number(text, "HU") == pytest.approx(_nearest(ct.grid, ct.values, place), abs=0.51)
        assert _place_LPS(text) == pytest.approx(place, abs=0.051)
    assert said == []
    page.close()


def test_a_click_on_a_slice_moves_to_what_is_under_the_pointer(
    chromium: Any, site: str, participant: Participant
) -> None:
    page, said = _opened(chromium, f"{site}/petct.html")
    suv = suv_map(series_from_files(participant.pet.files))
    box = page.locator(".viewer-planes-canvas").bounding_box()
    seen = set()
    for across, down in ((0.2, 0.3), (0.25, 0.4), (0.3, 0.35), (0.28, 0.22)):
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
        page.mouse.move(x, y)
        hover = page.text_content(".viewer-hover")
        page.mouse.click(x, y)
        at = page.text_content(".viewer-readout")
        place = _place_LPS(at)
        assert _place_LPS(hover) == pytest.approx(place, abs=3.0)  # a pixel of the screen
        near = [_nearest(suv.grid, suv.suv_g_per_mL, [v + d * 0.05 for v in place]) for d in (-1, 0, 1)]
        assert min(near) - 0.0051 <= _number(at, "SUVbw") <= max(near) + 0.0051
        seen.add(tuple(place))
    assert len(seen) == 4
    assert said == []
    page.close()


def test_the_patients_left_front_and_head_are_drawn_where_radiologists_expect_them(chromium: Any, site: str) -> None:
    page, _ = _opened(chromium, f"{site}/corner.html")
    hot = _corner("SUVbw", 20.0)
    index = np.argwhere(hot.values > 0).mean(axis=0)
    place = hot.grid.patient_mm(index).tolist()
    page.evaluate("place => document.querySelector('#viewer').goTo(place)", place)
    tiles = page.evaluate(
        """() => { const nv = document.querySelector('#viewer').planes.nv;
        nv.opts.crosshairWidth = 0; nv.opts.isOrientationTextVisible = false; nv.drawScene();
        const c = nv.canvas; const gl = nv.gl; const data = new Uint8Array(c.width * c.height * 4);
        gl.readPixels(0, 0, c.width, c.height, gl.RGBA, gl.UNSIGNED_BYTE, data);
        return nv.screenSlices.filter(s => s.axCorSag < 3).map(s => {
          let [l, t, w, h] = s.leftTopWidthHeight; if (w < 0) { l += w; w = -w; }
          let sx = 0, sy = 0, n = 0;
          for (let y = Math.ceil(t); y < t + h - 1; y++) for (let x = Math.ceil(l); x < l + w - 1; x++) {
            const at = ((c.height - 1 - y) * c.width + x) * 4;
            if (data[at] < 128) { sx += (x - l) / w; sy += (y - t) / h; n++; } }
          return { plane: s.axCorSag, x: sx / n, y: sy / n, n }; }); }"""
    )
    where = {one["plane"]: (one["x"], one["y"]) for one in tiles}
    assert len(where) == 3
    third = 1 / 3
    transverse, coronal, sagittal = where[0], where[1], where[2]
    # Inverse grey: the block is dark. Left of the patient is right of the picture, front is up, head is up.
    assert transverse[0] > 2 * third
    assert transverse[1] < third
    assert coronal[0] > 2 * third
    assert coronal[1] < third
    # Front to the left in the sagittal plane.
    assert sagittal[0] < third
    assert sagittal[1] < third
    page.close()


def test_the_window_is_the_one_asked_for(chromium: Any, site: str) -> None:
    """A block of SUV 5 is half grey in a window of 0 to 10, a quarter in 0 to 20: checked on the pixels drawn."""
    page, _ = _opened(chromium, f"{site}/half.html")
    hot = _corner("SUVbw", 5.0)
    place = hot.grid.patient_mm(np.argwhere(hot.values > 0).mean(axis=0)).tolist()
    page.evaluate("place => document.querySelector('#viewer').goTo(place)", place)
    high = page.get_by_label("PT: Highest value").first
    for upper, grey in (("10", 128), ("20", 191), ("5.1", 5)):
        high.fill(upper)
        high.press("Enter")
        darkest = page.evaluate(
            """() => { const nv = document.querySelector('#viewer').planes.nv; nv.opts.isOrientationTextVisible = false;
            nv.opts.isNearestInterpolation = true; nv.drawScene(); const c = nv.canvas; const gl = nv.gl;
            const s = nv.screenSlices.find(s => s.axCorSag === 0);
            let [l, t, w, h] = s.leftTopWidthHeight; if (w < 0) { l += w; w = -w; }
            const d = new Uint8Array(Math.floor(w - 4) * Math.floor(h - 4) * 4);
            gl.readPixels(Math.ceil(l) + 1, Math.ceil(c.height - t - h) + 2, Math.floor(w - 4), Math.floor(h - 4),
              gl.RGBA, gl.UNSIGNED_BYTE, d);
            let low = 255; for (let i = 0; i < d.length; i += 4) low = Math.min(low, d[i]); return low; }"""
        )
        assert darkest == pytest.approx(grey, abs=3), upper
    page.close()


def test_a_marked_point_is_told_to_the_page_with_its_value(chromium: Any, site: str, participant: Participant) -> None:
    page, _ = _opened(chromium, f"{site}/petct.html")
    suv = suv_map(series_from_files(participant.pet.files))
    index = np.unravel_index(int(np.argmax(suv.suv_g_per_mL)), suv.grid.shape)
    place = suv.grid.patient_mm(np.array(index, dtype=float)).tolist()
    page.evaluate(
        "() => document.addEventListener('lesion-marked', e => { window.came = e.detail; })",
    )
    page.evaluate("place => document.querySelector('#viewer').goTo(place)", place)
    page.click(".viewer-mark")
    came = page.evaluate("() => window.came")
    assert [came["x_mm"], came["y_mm"], came["z_mm"]] == pytest.approx(place, abs=1e-3)
    assert came["value"] == pytest.approx(float(suv.suv_g_per_mL.max()), rel=1e-6)
    assert (came["unit"], came["exact"]) == ("SUVbw", True)
    page.close()


def test_a_click_on_the_projection_goes_to_the_hottest_voxel_behind_it(
    chromium: Any, site: str, participant: Participant
) -> None:
    page, _ = _opened(chromium, f"{site}/petct.html")
    suv = suv_map(series_from_files(participant.pet.files))
    index = np.unravel_index(int(np.argmax(suv.suv_g_per_mL)), suv.grid.shape)
    place = suv.grid.patient_mm(np.array(index, dtype=float)).tolist()
    shape = page.evaluate(
        "() => { const c = document.querySelector('.viewer-mip-canvas'); return [c.width, c.height]; }"
    )
    box = page.locator(".viewer-mip-canvas").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(shape[0] / shape[1], rel=0.01)
    for frame in (0, 5, 22):
        page.evaluate(
            """([frame, place]) => { const mip = document.querySelector('#viewer').mip; mip.turnTo(frame);
            const [column, row] = mip.pixelOf(place); const { columns, rows } = mip.header;
            const box = mip.canvas.getBoundingClientRect();
            mip.canvas.dispatchEvent(new MouseEvent('click', {
              clientX: box.left + (column + 0.5) / columns * box.width,
              clientY: box.top + (row + 0.5) / rows * box.height })); }""",
            [frame, place],
        )
        assert _number(page.text_content(".viewer-readout"), "SUVbw") == pytest.approx(
            float(suv.suv_g_per_mL.max()), abs=0.0051
        )
    page.close()


def test_keys_move_by_a_voxel_and_hide_the_regions(chromium: Any, site: str, participant: Participant) -> None:
    page, said = _opened(chromium, f"{site}/petct.html")
    page.locator(".viewer-planes-canvas").focus()
    start = _place_LPS(page.text_content(".viewer-readout"))
    step = min(series_from_files(participant.pet.files).grid.spacing_mm)
    for key, axis, sign in (("ArrowUp", 2, 1), ("ArrowLeft", 0, -1), ("PageUp", 1, -1)):
        page.keyboard.press(key)
        start[axis] += sign * step
    assert _place_LPS(page.text_content(".viewer-readout")) == pytest.approx(start, abs=0.11)
    page.keyboard.press("r")
    assert not page.is_checked(".viewer-regions legend input")
    assert page.evaluate("() => document.querySelector('#viewer').planes.nv.volumes[2].img.some(v => v > 0)") is False
    assert said == []
    page.close()


def test_a_right_to_left_page_keeps_the_picture_and_translates_the_words(chromium: Any, site: str) -> None:
    page, said = _opened(chromium, f"{site}/rtl.html")
    assert "ناحیه‌ها" in page.text_content(".viewer-regions legend")
    stage, controls = (page.locator(one).bounding_box() for one in (".viewer-stage", ".viewer-controls"))
    assert controls["x"] < stage["x"]
    planes, mip = (page.locator(one).bounding_box() for one in (".viewer-planes", ".viewer-mip"))
    assert planes["x"] < mip["x"]
    assert said == []
    page.close()


def test_missing_bytes_are_said_and_not_shown_as_an_empty_picture(chromium: Any, site: str) -> None:
    page, _ = _opened(chromium, f"{site}/absent.html")
    assert "404" in page.text_content(".viewer-problem")
    assert page.locator("canvas").count() == 0
    page.close()


def test_bytes_of_another_size_than_described_are_not_drawn(chromium: Any, site: str) -> None:
    page, _ = _opened(chromium, f"{site}/cut.html")
    assert "do not fit their description" in page.text_content(".viewer-problem")
    page.close()


def test_without_webgl_slices_and_values_are_still_there(site: str, participant: Participant) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    suv = suv_map(series_from_files(participant.pet.files))
    index = (20, 30, 28)
    place = suv.grid.patient_mm(np.array(index, dtype=float)).tolist()
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:  # one event loop of playwright per process
        text, problem, canvases = pool.apply(_without_webgl, (f"{site}/petct.html", place))
    assert playwright
    assert "WebGL2" in problem
    assert canvases == 4  # three planes and the projection
    assert _number(text, "SUVbw") == pytest.approx(float(suv.suv_g_per_mL[index]), abs=0.0051)


def _without_webgl(address: str, place: list[float]) -> tuple[str, str, int]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
        )
        page, _ = _opened(browser, address)
        page.wait_for_selector("#viewer[data-ready]", timeout=60_000)
        page.evaluate("place => document.querySelector('#viewer').goTo(place)", place)
        found = (
            page.text_content(".viewer-readout"),
            page.text_content(".viewer-problem"),
            page.locator("canvas").count(),
        )
        browser.close()
    return found


def test_one_cursor_reads_all_whole_body_views_on_one_scale(chromium: Any, site: str, participant: Participant) -> None:
    page, said = _opened(chromium, f"{site}/planar.html")
    canvases = page.locator(".viewer-planar canvas")
    assert canvases.count() == 4
    box = canvases.nth(0).bounding_box()
    across, down = 0.62, 0.38  # of the anterior view: the patient's left chest
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    readouts = page.locator(".viewer-planar .viewer-readout").all_text_contents()
    for i, one in enumerate(participant.whole_bodies):
        pair = planar_pair((Path(one.files[0]),))
        assert pair.posterior is not None
        assert pair.duration_s
        window = int(np.argmax(pair.anterior.sum(axis=(1, 2))))
        hours = (one.acquired_at - participant.injected_at).total_seconds() / 3600
        for view, text in zip((pair.anterior, pair.posterior), readouts[2 * i : 2 * i + 2], strict=True):
            rows, columns = view.shape[1:]
            counts = float(view[window, int(down * rows), int(across * columns)])
            rate = counts / pair.duration_s * 2 ** (hours / (6.647 * 24))
            shown = re.match(r"([\d.]+) counts/s · (\d+) counts", text)
            assert shown, text
            assert float(shown[2]) == counts
            assert float(shown[1]) == pytest.approx(rate, rel=6e-3)
    assert said == []
    page.close()


def test_the_posterior_view_is_turned_as_seen_from_behind_and_back(
    chromium: Any, site: str, participant: Participant
) -> None:
    page, _ = _opened(chromium, f"{site}/planar.html")
    canvas = page.locator(".viewer-planar canvas").nth(1)

    def counts_at(across: float) -> str:
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + across * box["width"], box["y"] + 0.38 * box["height"])
        return str(page.locator(".viewer-planar .viewer-readout").nth(1).text_content())

    behind = counts_at(0.37)
    page.get_by_label("Posterior as seen from behind").uncheck()
    assert counts_at(0.63) == behind
    assert counts_at(0.37) != behind
    page.close()
