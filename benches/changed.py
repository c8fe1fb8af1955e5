#!/usr/bin/env python3
"""How the labels of a real CT hold when the CT is changed: what scans that nobody tried may be like.

    benches/changed.py target/release/corridor [CASE ...]

CASE is `verse014`, `s0328`, `example` (all when left out), of the real data unpacked in $CORRIDOR_DATA or
~/.cache/corridor/data. Needs numpy, scipy, nibabel, pynrrd. Each scan is made noisy, blurred, resampled, turned,
cropped, made smaller, larger, darker and brighter, its labels with it; the program labels it from the CT
alone. A row of Markdown for each change, in it for each case the least overlap (Dice) of a vertebra that is
whole, that of the sacrum, and what became of the names:

* `right`: each whole vertebra has its name;
* `said`: one has not, or is none of those found, and the program said that it is not sure of its names;
* `WRONG`: one has not, and it was not said.

A label at the image's end is whole by the program's own measure (`src/labels/stats.rs`); what a change cuts
by a tenth is not.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import nrrd
import numpy as np
from scipy import ndimage

DATA = Path(os.environ.get("CORRIDOR_DATA", Path.home() / ".cache/corridor/data"))
SACRUM = 26
# Under this the program says that it is not sure (`LOW_CONFIDENCE` in src/labels/auto/mod.rs).
LOW_CONFIDENCE = 0.6


def canonical(image):
    """Voxels along the patient's axes, x to the right side's left first, and the matrix to mm (RAS)."""
    image = nibabel.as_closest_canonical(image)
    return np.asarray(image.dataobj), image.affine


def verse_from_total(labels):
    """VerSe's numbers for TotalSegmentator's: sacrum 25, S1 26, L5 27, T1 43."""
    verse = np.zeros(labels.shape, np.int16)
    verse[np.isin(labels, (25, 26))] = SACRUM
    for value in range(27, 44):
        verse[labels == value] = 51 - value
    return verse


def verse014():
    folder = DATA / "verse014_lumbar_ct"
    ct, affine = canonical(nibabel.load(folder / "sub-verse014_ct.nii.gz"))
    return ct.astype(np.float32), canonical(nibabel.load(folder / "sub-verse014_seg-vert_msk.nii.gz"))[0], affine


def s0328():
    folder = DATA / "totalseg_s0328_bone"
    voxels, header = nrrd.read(str(folder / "ct328_bone.nrrd"))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.array(header["space directions"]).T, header["space origin"]
    if "left" in header["space"]:
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    ct, affine = canonical(nibabel.Nifti1Image(voxels.astype(np.float32), affine))
    return ct, verse_from_total(canonical(nibabel.load(folder / "s0328_spine_labels.nii.gz"))[0]), affine


def example():
    folder = DATA / "totalseg_example_ct_3mm"
    ct, affine = canonical(nibabel.load(folder / "example_ct.nii.gz"))
    labels = verse_from_total(canonical(nibabel.load(folder / "vertebrae_T11-S1.nii.gz"))[0])
    # S2 and below are in another file.
    labels[(canonical(nibabel.load(folder / "all_structures_fast.nii.gz"))[0] == 25) & (labels == 0)] = SACRUM
    return ct.astype(np.float32), labels, affine


CASES = {"verse014": verse014, "s0328": s0328, "example": example}


def spacing(affine):
    return np.linalg.norm(affine[:3, :3], axis=0)


def noisy(hu):
    def change(ct, labels, affine):
        return ct + np.random.default_rng(1).normal(0, hu, ct.shape).astype(np.float32), labels, affine
    return change


def blurred(mm):
    return lambda ct, labels, affine: (ndimage.gaussian_filter(ct, mm / spacing(affine)), labels, affine)


def on_voxels_of(mm):
    def change(ct, labels, affine):
        factor = spacing(affine) / np.array(mm)
        wide = ndimage.gaussian_filter(ct, np.maximum(0, 1 / factor - 1) * 0.4)
        far = dict(mode="nearest", grid_mode=True)
        new = ndimage.zoom(wide, factor, order=1, **far)
        ratio, moved = np.array(ct.shape) / np.array(new.shape), affine.copy()
        moved[:3, :3] = affine[:3, :3] * ratio
        moved[:3, 3] += affine[:3, :3] @ ((ratio - 1) / 2)
        return new, ndimage.zoom(labels, factor, order=0, **far), moved
    return change


def turned(axis, degrees):
    def change(ct, labels, affine):
        i, j = [n for n in range(3) if n != axis]
        turn, angle = np.eye(3), np.radians(degrees)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        mm = spacing(affine)
        matrix, middle = np.diag(1 / mm) @ turn @ np.diag(mm), (np.array(ct.shape) - 1) / 2
        by = dict(matrix=matrix, offset=middle - matrix @ middle)
        ct = ndimage.affine_transform(ct, order=1, cval=float(ct.min()), **by)
        return ct, ndimage.affine_transform(labels, order=0, **by), affine
    return change


def sized(factor):
    return lambda ct, labels, affine: (ct, labels, affine @ np.diag([factor] * 3 + [1.0]))


def brighter(factor):
    return lambda ct, labels, affine: (np.where(ct > 0, ct * factor, ct), labels, affine)


def cut(ct, labels, affine, low, high):
    part, moved = tuple(map(slice, low, high)), affine.copy()
    moved[:3, 3] += affine[:3, :3] @ low
    return ct[part], labels[part], moved


def of_heights(low, high):
    """From one share of the height to another."""
    def change(ct, labels, affine):
        [i, j, k] = ct.shape
        return cut(ct, labels, affine, [0, 0, int(low * k)], [i, j, int(high * k)])
    return change


def narrowed(mm):
    """So far to each side of the middle of all vertebrae."""
    def change(ct, labels, affine):
        middle, half = np.argwhere(labels > 0).mean(0), mm / spacing(affine)
        low, high = np.maximum(0, middle - half).astype(int), np.minimum(ct.shape, middle + half).astype(int)
        low[2], high[2] = 0, ct.shape[2]
        return cut(ct, labels, affine, low, high)
    return change


CHANGES = {
    "as it is": lambda *scan: scan,
    "mirrored": lambda ct, labels, affine: (ct[::-1], labels[::-1], affine),
    "noise of 40 HU": noisy(40),
    "noise of 90 HU": noisy(90),
    "blurred by 1 mm": blurred(1.0),
    "voxels of 1 mm": on_voxels_of([1, 1, 1]),
    "voxels of 2 mm": on_voxels_of([2, 2, 2]),
    "slices of 3 mm": on_voxels_of([1, 1, 3]),
    "slices of 5 mm": on_voxels_of([1, 1, 5]),
    "pitched by 15 degrees": turned(0, 15),
    "pitched by -15 degrees": turned(0, -15),
    "leaning by 12 degrees": turned(1, 12),
    "turned by 20 degrees": turned(2, 20),
    "0.82 as large": sized(0.82),
    "1.15 as large": sized(1.15),
    "0.75 as bright": brighter(0.75),
    "1.3 as bright": brighter(1.3),
    "the upper 60 %": of_heights(0.4, 1.0),
    "the lower 60 %": of_heights(0.0, 0.6),
    "55 mm to each side": narrowed(55.0),
}


def overlap(a, b):
    return 2 * np.count_nonzero(a & b) / max(1, np.count_nonzero(a) + np.count_nonzero(b))


def is_whole(own):
    ends = sum(np.count_nonzero(np.take(own, n, axis)) for axis in range(3) for n in (0, -1))
    return ends <= 0.5 * np.count_nonzero(own) ** (2 / 3)


def kept_whole(before, after):
    """What was whole, and lost nothing by the change to the image's end or to a turned one's corners."""
    count = {value: np.count_nonzero(before == value) for value in np.unique(before) if value}
    share = {value: np.count_nonzero(after == value) / count[value] for value in count}
    most = max(share.values())
    return [v for v in count if is_whole(before == v) and is_whole(after == v) and share[v] > 0.9 * most]


def judged(whole, truth, found, levels):
    """A cell of the table."""
    own = {value: overlap(truth == value, found == value) for value in whole}
    sacrum = f", S1 {own.pop(SACRUM):.2f}" if SACRUM in own else ""
    doubted = any(level["name_confidence"] < LOW_CONFIDENCE for level in levels)
    names = "right" if all(dice > 0.4 for dice in own.values()) else "said" if doubted else "WRONG"
    least = f"{min(own.values()):.2f}" if own else "none whole"
    return f"{least}{sacrum}, {names}"


def labelled(corridor, scan, folder):
    """What the program finds in a scan: labels, and what it says of each level."""
    ct, _, affine = scan
    source, target = folder / "ct.nii.gz", folder / "labels.nii.gz"
    whole_hu = np.clip(np.round(ct), -2000, 8000).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(whole_hu, affine), source)
    command = [corridor, "segment", source, "-o", target, "--replace", "--json"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr.strip()
    return canonical(nibabel.load(target))[0], json.loads(done.stdout)["levels"]


def main():
    corridor, wanted = sys.argv[1], sys.argv[2:] or list(CASES)
    scans = {name: CASES[name]() for name in wanted}
    print(f"| change | {' | '.join(wanted)} |\n|{'---|' * (len(wanted) + 1)}")
    with tempfile.TemporaryDirectory(prefix="corridor-changed-") as folder:
        for name, change in CHANGES.items():
            cells = []
            for scan in scans.values():
                changed = change(*scan)
                found, levels = labelled(corridor, changed, Path(folder))
                whole = kept_whole(scan[1], changed[1])
                cells.append("refused" if found is None else judged(whole, changed[1], found, levels))
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
