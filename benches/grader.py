#!/usr/bin/env python3
"""An independent grader: the rule of the letter in numpy and scipy, from its text alone.

    benches/grader.py target/release/corridor [CASE ...]

CASE is `phantom`, `verse014`, `s0328` (all when left out; the real ones where the real data is unpacked
in $CORRIDOR_DATA or ~/.cache/corridor/data). For each the program plans every pedicle, the screws
are then spoilt on purpose (moved, tilted, too long, too short) so that all letters appear, the
program grades them, this file grades them again, and a table in Markdown says how far apart they are.

Two questions, two surfaces:
* is the rule followed? The same declared surface, written by `corridor measure --surfaces`, and
  distances to its very triangles: the two must agree to the program's stated 0.01 mm of search and
  0.015 mm of distance field.
* is the surface right? A surface of this file's own, from label voxels: of the phantom's truth at
  0.4 mm for the phantom graded on a noisy CT of 1 mm, of the labels that came with the real ones,
  whose voxels (1 x 1 x 2 and 1.5 mm) are far coarser than the CT's edge that the program follows. Their
  border runs outside that edge, so they are graded once more with the median way between the two
  surfaces near the pedicles taken off: one number of a case, told by no screw.

At the worst place two walls are often equally near, and one of them is named. A wall is another
one's tie where the screw has a place that is named by it and no more than TIE_MM better.

The rule (clinical-numbers, section 1; head of src/clearance/grade.rs): a flat-ended cylinder from
where its axis enters bone to its tip; its side from 3 mm after that, and the tip's disc, are judged.
Protrusion is the largest distance outside bone. Wall breach is looked for in planes across the
pedicle's axis within its span: how far a point in air lies past the bone that is seen from the axis.
The letter is made from the larger.
"""
import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import numpy as np

import surface

# Cells begin this large; those that may hold the worst place are split down to FINEST_MM, far finer
# than the literal sampling (0.25 mm, 24 directions).
STEP_MM, DIRECTIONS, FINEST_MM = 1.0, 12, 0.01
ENTRY_ZONE_MM, RAYS, REACH_MM = 3.0, 720, 40.0
TIE_MM = 0.05
LEVELS = [f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)] + [f"L{n}" for n in range(1, 7)] + ["S1"]
# What the labels of a level are, by VerSe and by TotalSegmentator, who numbers S1 beside the rest of the sacrum.
VERSE = {level: [n + 1] for n, level in enumerate(LEVELS)}
TOTAL = {level: [n + 26] for n, level in enumerate(["S1"] + LEVELS[23::-1])} | {"S1": [25, 26]}


def letter(breach_mm):
    return "A" if breach_mm <= 0 else "BCDE"[sum(breach_mm >= bound for bound in (2.0, 4.0, 6.0))]


class Pedicle:
    """The declared frame of a pedicle, and the outlines of the bone seen from its axis."""

    PLANE_MM = 0.02

    def __init__(self, mesh, level, told):
        self.mesh, self.isthmus = mesh, np.array(told["isthmus_lps_mm"])
        self.forward = np.array(told["axis_lps"])
        left = np.array(level["left_lps"]) * (1 if told["side"] == "left" else -1)
        self.lateral = left - self.forward * (left @ self.forward)
        self.lateral /= np.linalg.norm(self.lateral)
        up = np.cross(self.forward, self.lateral)
        self.cranial = up if up @ np.array(level["up_lps"]) >= 0 else -up
        self.span, self.outlines = told["span_mm"], {}
        d = np.stack([mesh.a, mesh.b, mesh.c], 1) - self.isthmus
        heights, flat = d @ self.forward, np.stack([d @ self.lateral, d @ self.cranial], 2)
        low, high = heights.min(1), heights.max(1)
        near = np.linalg.norm(flat, axis=2).min(1) < REACH_MM
        near &= (low < self.span[1] + 0.1) & (high > self.span[0] - 0.1)
        self.heights, self.flat = heights[near], flat[near]

    def outline(self, plane):
        """Corners of the polygon of bone that the axis sees, by ray; None where it is in air."""
        if plane not in self.outlines:
            height = plane * self.PLANE_MM
            seen = None
            if self.mesh.distance((self.isthmus + self.forward * height)[None])[0] > 0:
                ends = surface.section(self.heights - height, self.flat)
                angle = np.arange(RAYS) * 2 * np.pi / RAYS
                radius = surface.first_crossing(ends, RAYS, REACH_MM)
                seen = np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None]
            self.outlines[plane] = seen
        return self.outlines[plane]

    def past_wall(self, points):
        """How far points in air lie past the wall; 0 elsewhere. And the way out, across the axis."""
        d = points - self.isthmus
        along, q = d @ self.forward, np.stack([d @ self.lateral, d @ self.cranial], 1)
        mm, way = np.zeros(len(points)), np.zeros((len(points), 2))
        planes = np.rint(along / self.PLANE_MM).astype(int)
        inside = (along >= self.span[0]) & (along <= self.span[1])
        for plane in np.unique(planes[inside]):
            corners = self.outline(plane)
            if corners is None:
                continue
            rows = np.flatnonzero(inside & (planes == plane))
            p, after = q[rows], np.roll(corners, -1, axis=0)
            sector = (np.arctan2(p[:, 1], p[:, 0]) % (2 * np.pi) / (2 * np.pi) * RAYS).astype(int) % RAYS
            a, b = corners[sector], after[sector]
            outside = (b - a)[:, 0] * (p - a)[:, 1] - (b - a)[:, 1] * (p - a)[:, 0] < 0
            rows, p = rows[outside], p[outside]
            side = after - corners
            t = ((p[:, None] - corners) * side).sum(2) / np.maximum((side * side).sum(1), 1e-30)
            on = corners + side * np.clip(t, 0, 1)[..., None]
            away = p[:, None] - on
            size = np.linalg.norm(away, axis=2)
            nearest = size.argmin(1)
            mm[rows], way[rows] = size[np.arange(len(rows)), nearest], away[np.arange(len(rows)), nearest]
        return mm, way

    def names(self, ways):
        """The walls that ways out cross."""
        return {self.name(way) for way in ways}

    def name(self, way):
        """The wall that a way out crosses, by its largest component."""
        parts = [way @ self.lateral, way @ self.cranial, way @ self.forward]
        most = int(np.abs(parts).argmax())
        return (("medial", "lateral"), ("caudal", "cranial"), ("posterior", "anterior"))[most][int(parts[most] > 0)]


class Screw:
    """The judged surface of a screw as cells: depth and angle on the side, radius and angle on the disc."""

    def __init__(self, entry, tip, diameter, judged_from):
        self.entry, self.length, self.radius = entry, np.linalg.norm(tip - entry), diameter / 2
        self.axis = (tip - entry) / self.length
        self.u = np.cross(self.axis, [1.0, 0, 0] if abs(self.axis[0]) < 0.9 else [0, 1.0, 0])
        self.u /= np.linalg.norm(self.u)
        self.v = np.cross(self.axis, self.u)
        cells = [self._cells(0, judged_from, self.length)] if judged_from < self.length else []
        self.cells = np.concatenate([*cells, self._cells(1, 0.0, self.radius)])

    def _cells(self, disc, low, high):
        """Rows of (disc?, middle, angle, size, width of angle)."""
        count = max(int(np.ceil((high - low) / STEP_MM)), 1)
        size, turn = (high - low) / count, 2 * np.pi / DIRECTIONS
        middle, angle = np.meshgrid(low + size * (np.arange(count) + 0.5), turn * np.arange(DIRECTIONS))
        rest = [np.full(middle.size, x) for x in (size, turn)]
        return np.stack([np.full(middle.size, disc), middle.ravel(), angle.ravel(), *rest], 1)

    def points(self, cells):
        disc = cells[:, 0] > 0
        depth, radius = np.where(disc, self.length, cells[:, 1]), np.where(disc, cells[:, 1], self.radius)
        ring = np.cos(cells[:, 2:3]) * self.u + np.sin(cells[:, 2:3]) * self.v
        return self.entry + depth[:, None] * self.axis + radius[:, None] * ring

    def half(self, cells):
        """How far a cell's farthest point is from its middle, at most, mm."""
        radius = np.where(cells[:, 0] > 0, cells[:, 1] + cells[:, 3] / 2, self.radius)
        return np.hypot(cells[:, 3], radius * cells[:, 4]) / 2

    @staticmethod
    def split(cells):
        quarter = []
        for a, b in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            part = cells.copy()
            part[:, 1] += a * cells[:, 3] / 4
            part[:, 2] += b * cells[:, 4] / 4
            part[:, 3:] /= 2
            quarter.append(part)
        return np.concatenate(quarter)


def bone_from(mesh, entry, axis, length):
    """Where along the screw the axis first is in bone; 0 where it was in bone before; None: nowhere."""
    if mesh.distance(entry[None])[0] >= 0:
        return 0.0
    depth = np.append(np.arange(0, length, 0.05), length)
    d = mesh.distance(entry + depth[:, None] * axis)
    if not (d >= 0).any():
        return None
    first = int((d >= 0).argmax())
    behind = mesh.distance(entry - np.arange(0, 120, 0.25)[:, None] * axis)
    if (behind >= 0).any():
        return 0.0
    return depth[first - 1] + (depth[first] - depth[first - 1]) * d[first - 1] / (d[first - 1] - d[first])


def clearance(mesh, screw):
    """Smallest signed distance of the judged surface to FINEST_MM, that of the first cells, and all
    places asked with their distances. A distance changes by no more than the way to where it is
    asked, so a cell that can not hold the smallest is left."""
    cells, best, asked = screw.cells, np.inf, []
    while len(cells):
        points = screw.points(cells)
        d = mesh.distance(points)
        # A side told wrong would be the worst place of all.
        while d.min() < min(best, 0.0) and mesh.holds(points[d.argmin()]):
            d[d.argmin()] *= -1
        asked.append((points, d))
        best = min(best, d.min())
        half = screw.half(cells)
        keep = (d - half < best) & (half > FINEST_MM)
        if keep.sum() > 100_000:
            raise RuntimeError("too many places are equally bad")
        cells = screw.split(cells[keep])
    return best, asked[0][1], [np.concatenate(x) for x in zip(*asked)]


def wall_breach(mesh, screw, pedicle, first):
    """The largest way past the wall, and all ways asked with their lengths: the cells that may hold
    air, split twice, the worst four more times."""
    def value(cells):
        points = screw.points(cells)
        mm, way = pedicle.past_wall(points)
        air = mm > 0
        air[air] = mesh.distance(points[air]) < 0
        return np.where(air, mm, 0.0), way

    cells, asked = screw.cells[first < screw.half(screw.cells)], [(np.zeros(1), np.zeros((1, 2)))]
    for _ in range(6):
        if not len(cells):
            break
        asked.append(value(cells))
        if len(cells) > 4 * len(screw.cells):
            cells = cells[np.argsort(-asked[-1][0])[:64]]
        cells = screw.split(cells[:20_000])
    mm, way = (np.concatenate(x) for x in zip(*asked))
    return mm.max(), mm, way[:, :1] * pedicle.lateral + way[:, 1:] * pedicle.cranial


def grade(mesh, pedicles, told):
    """Clearance and wall breach of a screw by the rule, the name of the wall and those of its ties."""
    entry, tip = np.array(told["entry_lps_mm"]), np.array(told["tip_lps_mm"])
    axis, length = (tip - entry) / np.linalg.norm(tip - entry), np.linalg.norm(tip - entry)
    start = bone_from(mesh, entry, axis, length)
    judged_from = 0.0 if start is None else start + ENTRY_ZONE_MM
    screw = Screw(entry, tip, told["diameter_mm"], judged_from)

    def way_to_axis(pedicle):
        along = np.clip((pedicle.isthmus - entry) @ axis, 0, length)
        return entry + axis * along - pedicle.isthmus

    pedicle = min(pedicles, key=lambda p: np.linalg.norm(way_to_axis(p)))
    least, first, (points, d) = clearance(mesh, screw)
    past, mm, ways = wall_breach(mesh, screw, pedicle, first)
    breach, wall, ties = max(past, -least, 0.0), None, set()
    if breach > 0 and start is None:
        # A screw beside the bone crossed no wall: it is named by where it lies.
        wall = pedicle.name(way_to_axis(pedicle))
        ties = {wall}
    elif breach > 0:
        near = max(breach - TIE_MM, 1e-9)
        rows = np.flatnonzero((-d >= near) | (d == least))
        out = points[rows] - mesh.nearest(points[rows])[0]
        wall = pedicle.name(ways[mm.argmax()] if past >= -least else out[d[rows].argmin()])
        ties = pedicle.names(ways[mm >= near]) | pedicle.names(out[-d[rows] >= near])
    return {"clearance": least, "past": past, "breach": breach, "wall": wall, "ties": ties}


def moved_in(ours, mm):
    """What was graded, with a surface that lies so much farther in."""
    clear, past = ours["clearance"] - mm, max(ours["past"] + mm, 0.0) if ours["past"] > 0 else 0.0
    return dict(ours, clearance=clear, past=past, breach=max(past, -clear, 0.0))


def apart(declared, own):
    """How far the declared surface lies inside the own one near the pedicles, mm: the median and the
    range of the middle 90 % of its corners."""
    NEAR_MM = 20.0
    inside = []
    for key, pedicle in declared.items():
        corners = pedicle.mesh.vertices
        near = corners[np.linalg.norm(corners - pedicle.isthmus, axis=1) < NEAR_MM]
        inside.append(own[key].mesh.distance(near[:: max(len(near) // 2000, 1)]))
    return np.percentile(np.concatenate(inside), [50, 5, 95])


def turned(v, axis, deg):
    """v turned about a unit axis (Rodrigues)."""
    c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
    return v * c + np.cross(axis, v) * s + axis * (axis @ v) * (1 - c)


def spoilt(screw, pedicle):
    """The planned screw and what may become of it, by name."""
    entry, tip = np.array(screw["entry_lps_mm"]), np.array(screw["tip_lps_mm"])
    axis = (tip - entry) / np.linalg.norm(tip - entry)
    inwards = np.cross(axis, -pedicle.lateral)
    yield "as planned", entry, tip
    for name, way, steps in (
        ("medial", -pedicle.lateral, (1, 3, 5, 8)),
        ("lateral", pedicle.lateral, (3, 6)),
        ("cranial", pedicle.cranial, (4,)),
        ("caudal", -pedicle.cranial, (4,)),
    ):
        for mm in steps:
            yield f"{mm} mm {name}", entry + way * mm, tip + way * mm
    for deg in (15,):
        yield f"{deg} deg inwards", entry, entry + turned(tip - entry, inwards / np.linalg.norm(inwards), deg)
    yield "10 mm too long", entry, tip + axis * 10
    yield "15 mm too short", entry, tip - axis * 15
    yield "pulled back 8 mm", entry - axis * 8, tip - axis * 8


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


# The real cases, in the folder where they are unpacked: CT and labels, and whose numbers those are.
REAL = {
    "verse014": ("verse014_lumbar_ct/sub-verse014_ct.nii.gz", "verse014_lumbar_ct/sub-verse014_seg-vert_msk.nii.gz", VERSE),
    "s0328": ("totalseg_s0328_bone/ct328_bone.nrrd", "totalseg_s0328_bone/s0328_spine_labels.nii.gz", TOTAL),
}


def cases(corridor, folder, wanted):
    """Name, arguments of the case, where label voxels for a surface of our own come from, and their numbers."""
    if "phantom" in wanted:
        who = ["--levels", "L2-L4", "--seed", "5", "--no-dicom"]
        run(corridor, "phantom", folder / "scan", *who)
        run(corridor, "phantom", folder / "truth", *who, "--voxel", "0.4", "--noise", "0")
        made = folder / "scan"
        yield "phantom", [made / "ct.nii.gz", "--labels", made / "vertebrae.nii.gz"], folder / "truth/vertebrae.nii.gz", VERSE
    data = Path(os.environ.get("CORRIDOR_DATA", Path.home() / ".cache/corridor/data"))
    for name, (ct, labels, numbers) in REAL.items():
        if name in wanted and (data / ct).is_file():
            yield name, [data / ct, "--labels", data / labels], data / labels, numbers
        elif name in wanted:
            print(f"{name} is not unpacked here: left out\n")


def spoil(plan, frames):
    """A plan of all the screws that `spoilt` makes, and the name of each by its id."""
    names, screws = {}, []
    for screw in plan["screws"]:
        pedicle = frames[screw["level"], screw["side"]]
        for name, entry, tip in spoilt(screw, pedicle):
            # As the plan file keeps them, so that both grade the same screw.
            new = dict(screw, entry_lps_mm=[round(x, 6) for x in entry], tip_lps_mm=[round(x, 6) for x in tip])
            new["length_mm"] = round(float(np.linalg.norm(tip - entry)), 6)
            new["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{screw['id']} {name}"))
            names[new["id"]] = name
            screws.append(new)
    return dict(plan, screws=screws), names


COLUMNS = [
    "case, surface", "screws (letters by the grader)", "clearance mm", "wall breach mm", "breach mm", "same letter",
    "or one the program says it could be", "in the band", "same wall", "or its tie",
]


def compare(rows, of):
    """A row of the table, of (variant, program's, ours): differences, and how many are the same."""
    clear = np.array([abs(t["clearance_mm"] - o["clearance"]) for _, t, o in rows])
    past = np.array([abs(t["wall_breach_mm"] - o["past"]) for _, t, o in rows])
    breach = np.array([abs(t["breach_mm"] - o["breach"]) for _, t, o in rows])
    letters = [letter(o["breach"]) for *_, o in rows]
    same = sum(t["grade"] == x for (_, t, _), x in zip(rows, letters))
    could = sum(t["band"]["grades"][0] <= x <= t["band"]["grades"][1] for (_, t, _), x in zip(rows, letters))
    held = 0
    for _, told, o in rows:
        truth = o["breach"] if o["breach"] > 0 else -o["clearance"]
        held += told["band"]["breach_mm"][0] <= truth <= told["band"]["breach_mm"][1]
    named = [(t["breach_direction"], o) for _, t, o in rows if t["grade"] > "A" and o["wall"]]
    walls = sum(wall == o["wall"] for wall, o in named)
    tied = sum(wall in o["ties"] for wall, o in named)
    spread = " ".join(f"{letters.count(x)}{x}" for x in "ABCDE" if x in letters)

    def say(x):
        return f"{np.median(x):.3f} / {np.percentile(x, 95):.3f} / {x.max():.3f}"

    cells = [of, f"{len(rows)} ({spread})", say(clear), say(past), say(breach), same, could, held]
    return f"| {' | '.join(map(str, cells))} | {walls} of {len(named)} | {tied} |"


def main():
    corridor, wanted = sys.argv[1], sys.argv[2:] or ["phantom", *REAL]
    verbose = os.environ.get("GRADER_VERBOSE")
    folder = Path(tempfile.mkdtemp(prefix="corridor-grader-"))
    print(f"Differences as median / 95 % / most.\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, case, voxels, numbers in cases(corridor, folder, wanted):
        out = folder / name
        measured = json.loads(run(corridor, "measure", *case, "--json", "--surfaces", out))
        levels = {level["level"]: level for level in measured["levels"]}
        plan_file = folder / f"{name}.plan.json"
        run(corridor, "plan", *case, "--auto", "--each-alone", "-o", plan_file)
        plan = json.loads(plan_file.read_text())
        used = {screw["level"] for screw in plan["screws"]}

        def pedicles_on(mesh_of):
            frames = {}
            for level in used:
                mesh = mesh_of(level)
                for told in levels[level]["pedicles"]:
                    frames[level, told["side"]] = Pedicle(mesh, levels[level], told)
            return frames

        declared = pedicles_on(lambda level: surface.Mesh(*surface.read_stl(out / f"{level}.stl")))
        data, lps_from_index = surface.read_nifti(str(voxels))
        own = pedicles_on(lambda level: surface.Mesh(*surface.from_labels(data, lps_from_index, numbers[level])))
        surfaces = [(f"{name}, the declared surface", declared), (f"{name}, own surface from voxels", own)]
        many, names = spoil(plan, declared)
        plan_file.write_text(json.dumps(many))
        told = json.loads(run(corridor, "grade", *case, "--plan", plan_file, "--json"))["screws"]
        for of, frames in surfaces:
            rows = []
            for screw in told:
                at = [frames[screw["level"], side] for side in ("left", "right") if (screw["level"], side) in frames]
                rows.append((names[screw["id"]], screw, grade(at[0].mesh, at, screw)))
            print(compare(rows, of), flush=True)
            if frames is own:
                mm, low, high = apart(declared, own)
                moved = [(variant, screw, moved_in(ours, mm)) for variant, screw, ours in rows]
                print(compare(moved, f"the same, {mm:.2f} mm ({low:.2f} to {high:.2f}) farther in"), flush=True)
            for variant, screw, ours in rows if verbose else []:
                gap = max(abs(screw["breach_mm"] - ours["breach"]), abs(screw["clearance_mm"] - ours["clearance"]))
                print(
                    f"    {screw['level']} {screw['side']} {variant}: program {screw['grade']} {screw['breach_direction']} "
                    f"{screw['clearance_mm']:.3f} {screw['wall_breach_mm']:.3f}, grader {letter(ours['breach'])} {ours['wall']} "
                    f"{ours['clearance']:.3f} {ours['past']:.3f}, apart {gap:.3f}", file=sys.stderr
                )


if __name__ == "__main__":
    main()
