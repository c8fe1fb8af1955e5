#!/usr/bin/env python3
"""Ours beside what a user would take instead, on the same case in one run.

    benches/peers.py [FOLDER] [CT LABELS LEVEL]

Needs numpy, scipy, edt, SimpleITK, vtk; builds `benches/peers.rs` (with parry3d, a feature that
nothing else asks for). Without a case it makes a phantom. Prints a table in Markdown; a ratio above
1 says how many times longer the other takes.

* The field: signed distance at every node of the same grid, ours to the sub-voxel surface, edt and
  Maurer's map (SimpleITK) to the border of the voxels inside it. Its error is that against the exact
  distance to the surface's triangles (`surface.py`), at random points within 3 mm of it, between
  nodes by trilinear interpolation for the others.
* A point: signed distance at 20 000 random points of the grid's box.
* A screw: 200 random screws, most of them breaching. Ours answers the whole question (clearance,
  wall breach, where); VTK is asked for the distance at the samples of the literal rule (0.25 mm, 24
  directions, and the tip's disc), parry for the gap between the mesh and a cylinder, which is 0 for
  every screw that breaches. The error of VTK's screws is that of the samples, so ours is told
  against them.

One thread is CPU time, two threads wall clock; each the shortest of several calls.
"""
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

import surface

ROOT = Path(__file__).resolve().parent.parent


def run(*command):
    done = subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def bench(*args):
    """A bench of ours or, where $PEERS_BENCH names it, the one built already."""
    built = os.environ.get("PEERS_BENCH")
    start = [built] if built else "cargo bench -q --bench peers --no-default-features --features parry --".split()
    run(*start, *args)


def shortest(call, rounds=5, clock=time.process_time):
    best = float("inf")
    for _ in range(rounds):
        start = clock()
        call()
        best = min(best, clock() - start)
    return best


def fields(mask, spacing, threads):
    """By name: a call that makes the signed distance to the border of the voxels, inside positive."""
    import edt
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    inside, outside = mask.astype(np.uint8), (mask == 0).astype(np.uint8)
    image = sitk.GetImageFromArray(inside)
    image.SetSpacing([float(x) for x in spacing[::-1]])

    def by_edt():
        anisotropy = tuple(float(x) for x in spacing)
        return edt.edt(inside, anisotropy, parallel=threads) - edt.edt(outside, anisotropy, parallel=threads)

    def by_maurer():
        return sitk.SignedMaurerDistanceMap(image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)

    return {"edt": by_edt, "SimpleITK, Maurer": by_maurer}


def vtk_distance(vertices, faces):
    """A function of points: VTK's signed distance, inside positive."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    points, cells, mesh = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(vertices, deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces, np.int64).ravel(), deep=True))
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    distance = vtkImplicitPolyDataDistance()
    distance.SetInput(mesh)

    def ask(places):
        told = vtkDoubleArray()
        distance.FunctionValue(numpy_to_vtk(np.ascontiguousarray(places)), told)
        return -vtk_to_numpy(told)

    return ask


def samples(screw):
    """The judged surface of a screw as the literal rule samples it."""
    entry, tip = np.array(screw["entry_lps_mm"]), np.array(screw["tip_lps_mm"])
    length, radius = np.linalg.norm(tip - entry), screw["diameter_mm"] / 2
    axis = (tip - entry) / length
    u = np.cross(axis, [1.0, 0, 0] if abs(axis[0]) < 0.9 else [0, 1.0, 0])
    u /= np.linalg.norm(u)
    angle = np.arange(24) * 2 * np.pi / 24
    ring = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * np.cross(axis, u)
    start = screw["judged_from_mm"]
    depth = np.linspace(start, length, int(np.ceil((length - start) / 0.25)) + 1)
    side = entry + depth[:, None, None] * axis + ring * radius
    disc = tip + np.linspace(0, radius, int(np.ceil(radius / 0.25)) + 1)[:, None, None] * ring
    return np.concatenate([side.reshape(-1, 3), disc.reshape(-1, 3)])


def spread(error):
    error = np.abs(error)
    return f"{np.median(error):.3f} / {np.percentile(error, 95):.3f} / {error.max():.3f}"


def say(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if seconds * scale >= 1:
            break
    return f"{seconds * scale:.3g} {unit}"


def row(what, who, one, two, ours, error):
    base_one, base_two = ours
    ratio = lambda x, base: "" if x is None or base is None else f" ({x / base:.2g})"
    cell = lambda x, base: "-" if x is None else say(x) + ratio(x, base)
    print(f"| {what} | {who} | {cell(one, base_one)} | {cell(two, base_two)} | {error} |", flush=True)


def main():
    import SimpleITK as sitk

    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="corridor-peers-"))
    case = sys.argv[2:]
    if not case:
        made = folder / "phantom"
        run("cargo", "run", "-q", "--release", "--no-default-features", "--", "phantom", made,
            "--levels", "L3-L5", "--seed", "5", "--no-dicom")
        case = [made / "ct.nii.gz", made / "vertebrae.nii.gz", "L4"]
    bench(folder, *case)
    ours = json.loads((folder / "ours.json").read_text())
    vertices, faces = surface.read_stl(folder / "surface.stl")
    exact = surface.Mesh(vertices, faces)
    grid = ours["grid"]
    size, spacing = grid["size"][::-1], grid["spacing_mm"][::-1]
    mask = np.fromfile(folder / "mask.u8", np.uint8).reshape(size)
    points = np.array([p for p, _ in ours["points"]])
    told = np.array([d for _, d in ours["points"]])
    ask = vtk_distance(vertices, faces)
    near = np.flatnonzero(np.abs(told) < 3.0)
    truth = exact.distance(points[near])
    by_vtk = ask(points[near])
    turn = np.linalg.inv(np.array(grid["columns"]).T)
    index = (points[near] - grid["origin"]) @ turn.T
    voxels = " x ".join(str(n) for n in grid["size"])
    print(f"{case[2]}: {grid['triangles']} triangles, grid {voxels}, {platform.machine()}, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}\n")
    print("| what | by | one thread, CPU (ratio) | two threads, wall (ratio) | error mm: median / 95 % / most |")
    print("|---|---|---|---|---|")
    base = ours["field"]["cpu_s"], ours["field"]["wall2_s"]
    row("field", "Corridor", *base, (None, None), spread(told[near] - truth))
    one, two = fields(mask, spacing, 1), fields(mask, spacing, 2)
    for name in one:
        alone = shortest(one[name])
        both = shortest(fields(mask, spacing, 2)[name], clock=time.perf_counter)
        made = two[name]()
        made = made if isinstance(made, np.ndarray) else sitk.GetArrayFromImage(made)
        made = ndimage.map_coordinates(made, index[:, ::-1].T, order=1)
        row("field", name, alone, both, base, spread(made - truth))
    base = ours["point_cpu_s"], None
    row("point", "Corridor", *base, (None, None), spread(told[near] - truth))
    row("point", "VTK", shortest(lambda: ask(points[:1000]), 2) / 1000, None, base, spread(by_vtk - truth))
    if "parry" in ours:
        error = np.array(ours["parry"]["distances_mm"])[near] - truth
        row("point", "parry", ours["parry"]["point_cpu_s"], None, base, spread(error))
    base = ours["screw_cpu_s"], ours["screw_wall2_s"]
    screws, few = ours["screws"], ours["screws"][:20]
    clear = np.array([screw["clearance_mm"] for screw in screws])
    places = [samples(screw) for screw in few]
    least = np.array([ask(p).min() for p in places])
    row("screw", "Corridor, the whole rule", *base, (None, None), f"{len(few)} screws: {spread(clear[:len(few)] - least)}")
    row("screw", "VTK, literal samples", shortest(lambda: [ask(p) for p in places[:5]], 2) / 5, None, base, "-")
    if "parry" in ours:
        gaps = np.array(ours["parry"]["gaps_mm"])
        whole = (clear > 0) & (gaps > 0)
        row("screw", "parry, gap to a cylinder", ours["parry"]["screw_cpu_s"], None, base,
            f"{whole.sum()} of {len(screws)} not breaching: {spread(gaps[whole] - clear[whole])}")


if __name__ == "__main__":
    main()
