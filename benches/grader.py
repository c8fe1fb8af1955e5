#!/usr/bin/env python3
"""An independent grader: the rule of the letter in numpy and scipy, from its text alone.

    benches/grader.py CORRIDOR LABELS.nii.gz [CT]

It plans the case with the program, pushes every screw by some millimetres in four directions so
that many breach, asks the program to grade those (`corridor grade --json`), grades the same screws
here from the label voxels, and prints how far the two are apart.

The rule (protrusion): the screw is a flat-ended cylinder of its outer radius from where its axis
enters bone to its tip; its side (24 directions, every 0.25 mm) from 3 mm after the entry on, and the
disc of its tip, may not leave the bone; the breach is the largest distance outside.

The surface here is the border of the labels, smoothed by half a voxel and cut at one half, on a
grid of at most 0.5 mm; distances are exact Euclidean ones between voxels of that grid (scipy),
shifted by the value at the border voxels. It shares no code and no surface with the program; with a
CT the program follows the CT's edge, so that the two surfaces differ by the labels' own error.
"""
import gzip
import json
import struct
import subprocess
import sys
import tempfile

import numpy as np
from scipy import ndimage

STEP_MM, ENTRY_ZONE_MM, DIRECTIONS = 0.25, 3.0, 24


def read_nifti(path):
    """Label voxels and the matrix from indices to LPS mm."""
    raw = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
    end = "<" if struct.unpack("<i", raw[:4])[0] == 348 else ">"
    dim = struct.unpack(end + "8h", raw[40:56])
    kind, = struct.unpack(end + "h", raw[70:72])
    pixdim = struct.unpack(end + "8f", raw[76:108])
    offset = int(struct.unpack(end + "f", raw[108:112])[0])
    qform, sform = struct.unpack(end + "2h", raw[252:256])
    types = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
    size = dim[1:4]
    data = np.frombuffer(raw, end + types[kind], int(np.prod(size)), offset)
    data = data.reshape(size, order="F").astype(np.int32)
    ras = np.eye(4)
    if sform > 0:
        ras[:3] = np.array(struct.unpack(end + "12f", raw[280:328])).reshape(3, 4)
    else:
        b, c, d, *shift = struct.unpack(end + "6f", raw[256:280])
        a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
        turn = np.array([
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ])
        sense = -1.0 if pixdim[0] < 0 else 1.0
        ras[:3, :3] = turn * np.array([pixdim[1], pixdim[2], pixdim[3] * sense])
        ras[:3, 3] = shift
    return data, np.diag([-1.0, -1.0, 1.0, 1.0]) @ ras


class Bone:
    """Signed distance (inside positive, mm) to the smoothed border of one label."""

    def __init__(self, data, lps_from_index, value):
        mask = data == value
        where = np.argwhere(mask)
        spacing = np.linalg.norm(lps_from_index[:3, :3], axis=0)
        margin = np.ceil(8.0 / spacing).astype(int)
        low = np.maximum(where.min(0) - margin, 0)
        high = np.minimum(where.max(0) + margin + 1, mask.shape)
        part = mask[tuple(slice(a, b) for a, b in zip(low, high))].astype(np.float32)
        part = np.pad(part, 2)
        low = low - 2
        smooth = ndimage.gaussian_filter(part, 0.5)
        factor = np.maximum(np.ceil(spacing / 0.5), 1).astype(int)
        axes = [np.arange((n - 1) * f + 1) / f for n, f in zip(smooth.shape, factor)]
        grid = np.meshgrid(*axes, indexing="ij")
        fine = ndimage.map_coordinates(smooth, grid, order=1)
        step = spacing / factor
        inside = fine >= 0.5
        depth = ndimage.distance_transform_edt(inside, sampling=step)
        height = ndimage.distance_transform_edt(~inside, sampling=step)
        # Between centres of unlike voxels lies the border: half a step off each.
        half = step.mean() / 2
        self.field = np.where(inside, depth - half, half - height)
        self.index_from_lps = np.linalg.inv(lps_from_index)
        self.low, self.factor = low, factor

    def distance(self, points):
        index = points @ self.index_from_lps[:3, :3].T + self.index_from_lps[:3, 3]
        place = (index - self.low) * self.factor
        return ndimage.map_coordinates(self.field, place.T, order=1, mode="nearest")


def protrusion(bone, entry, tip, diameter):
    """Smallest signed distance of the judged surface, mm."""
    axis = tip - entry
    length = np.linalg.norm(axis)
    axis = axis / length
    across = np.cross(axis, [1.0, 0, 0] if abs(axis[0]) < 0.9 else [0, 1.0, 0])
    across /= np.linalg.norm(across)
    other = np.cross(axis, across)
    depth = np.arange(0, length + STEP_MM / 2, STEP_MM)
    on_axis = bone.distance(entry + depth[:, None] * axis)
    first = depth[np.argmax(on_axis >= 0)] if (on_axis >= 0).any() else 0.0
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
    ring = np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * other
    judged = depth[depth >= first + ENTRY_ZONE_MM]
    side = entry + judged[:, None, None] * axis + ring[None] * diameter / 2
    radii = np.linspace(0, diameter / 2, 8)
    disc = tip + radii[:, None, None] * ring[None]
    points = np.concatenate([side.reshape(-1, 3), disc.reshape(-1, 3)])
    return bone.distance(points).min()


def letter(breach):
    return "ABCDE"[sum(breach > limit for limit in [0.0]) + sum(breach >= l for l in (2.0, 4.0, 6.0))]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    corridor, labels, *ct = sys.argv[1:]
    case = [*ct, "--labels", labels] if ct else [labels]
    data, lps_from_index = read_nifti(labels)
    folder = tempfile.mkdtemp()
    plan_file = folder + "/plan.json"
    run(corridor, "plan", *case, "--auto", "--each-alone", "-o", plan_file)
    plan = json.load(open(plan_file))
    values = {}
    numbers = json.loads(run(corridor, "grade", *case, "--plan", plan_file, "--json"))
    bones, gaps, same, near, total = {}, [], 0, 0, 0
    for shift in ([0, 0, 0], [3, 0, 0], [-3, 0, 0], [0, 0, 4], [0, 0, -4], [5, 0, 0], [-5, 0, 0]):
        moved = json.loads(json.dumps(plan))
        for screw in moved["screws"]:
            for key in ("entry_lps_mm", "tip_lps_mm"):
                screw[key] = [a + b for a, b in zip(screw[key], shift)]
        file = folder + "/moved.json"
        json.dump(moved, open(file, "w"))
        numbers = json.loads(run(corridor, "grade", *case, "--plan", file, "--json"))
        for screw in numbers["screws"]:
            if "error" in screw:
                continue
            entry, tip = np.array(screw["entry_lps_mm"]), np.array(screw["tip_lps_mm"])
            level = screw["level"]
            if level not in values:
                # The label under most of the planned, unmoved axis.
                own = next(s for s in plan["screws"] if s["level"] == level)
                a, b = np.array(own["entry_lps_mm"]), np.array(own["tip_lps_mm"])
                line = a + np.linspace(0.1, 1, 60)[:, None] * (b - a)
                index = np.linalg.inv(lps_from_index)
                at = np.rint(line @ index[:3, :3].T + index[:3, 3]).astype(int)
                at = at[(at >= 0).all(1) & (at < data.shape).all(1)]
                found = data[tuple(at.T)]
                values[level] = np.bincount(found[found > 0]).argmax()
                bones[level] = Bone(data, lps_from_index, values[level])
            ours = -screw["clearance_mm"]
            theirs = -protrusion(bones[level], entry, tip, screw["diameter_mm"])
            gaps.append(ours - theirs)
            low, high = screw["band"]["half_mm"] * -1, screw["band"]["half_mm"]
            total += 1
            same += letter(max(ours, 0.0)) == letter(max(theirs, 0.0))
            near += low <= theirs - ours <= high
    gaps = np.abs(gaps)
    print(
        f"{total} screws: |difference| median {np.median(gaps):.2f}, 95 % {np.percentile(gaps, 95):.2f}, "
        f"most {gaps.max():.2f} mm; same letter {100 * same / total:.0f} %; "
        f"within the stated band {100 * near / total:.0f} %"
    )


if __name__ == "__main__":
    main()
