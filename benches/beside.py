"""The average phantom beside real spines in one picture: can a surgeon name the level?

    python3 benches/beside.py target/release/corridor REAL [REAL ...] beside.png

REAL is a label map of a real spine (a folder of TotalSegmentator's masks or one file), or a folder of surface meshes,
one closed surface a file, .ply or .obj, named by its level at the end (L4.obj, mean_L4.ply); meshes need not say their
unit and their axes, along which the spine must lie: both are told by how a spine looks. Needs Pillow and numpy.
One row for each real spine; from left to right: it and the phantom from behind, then both from their left. Without a
graphics card each picture takes up to a minute.
"""
import gzip
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

VOXEL_MM = 0.7
MARGIN_MM = 5.0
# What a whole column and a few levels are drawn on.
WHOLE_SIZE, PART_SIZE = "700x1400", "700x1000"
# The numbers of VerSe.
VALUES = (
    {f"T{n}": 7 + n for n in range(1, 13)} | {f"L{n}": 19 + n for n in range(1, 7)} | {"S1": 26}
)


def surface_of_obj(path):
    vertices, triangles = [], []
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            vertices.append([float(word) for word in words[1:4]])
        elif words[:1] == ["f"]:
            corners = [int(word.split("/")[0]) - 1 for word in words[1:]]
            triangles += [[corners[0], *corners[n : n + 2]] for n in range(1, len(corners) - 1)]
    return np.array(vertices), np.array(triangles)


def surface_of_ply(path):
    """A binary one, little end first, with floats as corners and triangles as faces."""
    data = path.read_bytes()
    head, _, body = data.partition(b"end_header\n")
    lines = [line.split() for line in head.decode().splitlines()]
    elements = [(words[1], int(words[2])) for words in lines if words[0] == "element"]
    properties = [words[1:] for words in lines if words[0] == "property"]
    expected = [["float", axis] for axis in "xyz"]
    if (
        ["format", "binary_little_endian", "1.0"] not in lines
        or [name for name, _ in elements] != ["vertex", "face"]
        or properties[:-1] != expected
        or properties[-1][:3] not in (["list", "uchar", "int"], ["list", "uchar", "uint"])
    ):
        sys.exit(f"{path}: not a binary PLY file of corners and triangles alone; save it as one, or as .obj")
    (_, count), (_, faces) = elements
    vertices = np.frombuffer(body, "<f4", 3 * count).reshape(-1, 3).astype(float)
    triangles = np.frombuffer(body, [("n", "u1"), ("at", "<i4", 3)], faces, 12 * count)
    if np.any(triangles["n"] != 3):
        sys.exit(f"{path}: a face is no triangle; save it with triangles alone")
    return vertices, triangles["at"]


READERS = {".obj": surface_of_obj, ".ply": surface_of_ply}


def meshes_of(folder):
    """The surfaces in a folder by level; none where it holds no mesh."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        level = re.search(r"(T\d+|L\d|S1)$", path.stem)
        if path.suffix in READERS and level and level[1] in VALUES:
            found[level[1]] = READERS[path.suffix](path)
    return dict(sorted(found.items(), key=lambda item: VALUES[item[0]]))


def axes_of(meshes):
    """Unit vectors to the patient's left, back and top, each along an axis of the file."""
    middles = np.array([volume_middle(*mesh) for mesh in meshes.values()])
    top = nearest_axis(middles[0] - middles[-1])
    # The box of a vertebra reaches as far to its left as to its right, but farther back than forward.
    boxes = np.array([(v.min(axis=0) + v.max(axis=0)) / 2 for v, _ in meshes.values()])
    farther = np.where(top == 0, (boxes - middles).sum(axis=0), 0.0)
    back = nearest_axis(farther)
    return np.array([np.cross(back, top), back, top])


def nearest_axis(way):
    n = np.argmax(abs(way))
    return np.sign(way[n]) * np.eye(3)[n]


def volume_middle(vertices, triangles):
    """The middle of what a closed surface holds: of the tetrahedra between its triangles and the origin."""
    a, b, c = (vertices[triangles[:, n]] for n in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c))
    return np.sum(volumes[:, None] * (a + b + c) / 4, axis=0) / volumes.sum()


def placed(meshes):
    """The same in mm of the patient: left, back, top."""
    axes = axes_of(meshes)
    size = max(np.ptp(vertices, axis=0).max() for vertices, _ in meshes.values())
    # No vertebra is smaller than 10 mm, and none as large as a metre.
    scale = 1000.0 if size < 1.0 else 1.0
    return {
        level: (vertices @ axes.T * scale, triangles)
        for level, (vertices, triangles) in meshes.items()
    }


def fill(labels, low, value, vertices, triangles):
    """Gives `value` to the voxels inside: those with an odd number of crossings below them."""
    crossings = np.zeros(labels.shape, dtype=bool)
    # By no whole part of a voxel, so that no line meets a corner.
    scaled = (vertices - low) / VOXEL_MM + [0.000123, 0.000217, 0.0]
    for a, b, c in scaled[triangles]:
        first = np.ceil(np.minimum(np.minimum(a, b), c)[:2]).astype(int)
        last = np.floor(np.maximum(np.maximum(a, b), c)[:2]).astype(int)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if np.any(last < first) or area == 0.0:
            continue
        x, y = np.meshgrid(
            np.arange(first[0], last[0] + 1), np.arange(first[1], last[1] + 1), indexing="ij"
        )
        to_b = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
        to_c = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
        inside = (to_b >= 0) & (to_c >= 0) & (to_b + to_c <= 1)
        height = a[2] + to_b * (b[2] - a[2]) + to_c * (c[2] - a[2])
        at = x[inside], y[inside], np.ceil(height[inside]).astype(int)
        np.logical_xor.at(crossings, at, True)
    labels[np.logical_xor.accumulate(crossings, axis=2)] = value


def label_map(meshes, path):
    """The surfaces as a label map in VerSe's numbers."""
    meshes = placed(meshes)
    corners = np.concatenate([vertices for vertices, _ in meshes.values()])
    low = corners.min(axis=0) - MARGIN_MM
    size = np.ceil((corners.max(axis=0) + MARGIN_MM - low) / VOXEL_MM).astype(int) + 1
    labels = np.zeros(size, dtype="<u2")
    for level, (vertices, triangles) in meshes.items():
        fill(labels, low, VALUES[level], vertices, triangles)
    # NIfTI counts to the right and to the front.
    rows = [[-VOXEL_MM, 0, 0, -low[0]], [0, -VOXEL_MM, 0, -low[1]], [0, 0, VOXEL_MM, low[2]]]
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *size, 1, 1, 1, 1)
    struct.pack_into("<hh", head, 70, 512, 16)
    struct.pack_into("<8f", head, 76, 1, VOXEL_MM, VOXEL_MM, VOXEL_MM, 0, 0, 0, 0)
    struct.pack_into("<3f", head, 108, 352, 1, 0)
    # Millimetres, and a place that an affine map tells.
    struct.pack_into("<B", head, 123, 2)
    struct.pack_into("<hh", head, 252, 0, 2)
    struct.pack_into("<12f", head, 280, *np.ravel(rows))
    head[344:348] = b"n+1\0"
    path.write_bytes(gzip.compress(bytes(head) + labels.tobytes(order="F"), 3))
    return path


def drawn(corridor, labels, more, view, size, folder):
    """The program's own picture of a label map."""
    output = folder / "picture.png"
    subprocess.run(
        [corridor, "picture", labels, *more, "--output", output, "--view", view, "--size", size],
        check=True,
    )
    with Image.open(output) as picture:
        picture = picture.convert("RGB")
    output.unlink()
    return picture


def phantom(corridor, levels, folder):
    """Labels of the average person: of these levels, or T1 to S1."""
    if not folder.exists():
        named = ["--levels", ",".join(levels)] if levels else []
        subprocess.run(
            [corridor, "phantom", folder, "--variation", "0", "--no-dicom", *named], check=True
        )
    return folder / "vertebrae.nii.gz"


def row(corridor, real, scratch):
    """One real spine and the phantom, from behind and from their left."""
    meshes = meshes_of(real)
    more, size = [], WHOLE_SIZE
    if meshes:
        real = label_map(meshes, scratch / f"{real.name}.nii.gz")
        more, size = ["--numbering", "verse"], PART_SIZE
    made = phantom(corridor, list(meshes), scratch / "_".join(["phantom", *meshes]))
    both = [(real, more), (made, ["--numbering", "verse"])]
    return [
        drawn(corridor, labels, more, view, size, scratch)
        for view in ("posterior", "left")
        for labels, more in both
    ]


def main(corridor, reals, output):
    with tempfile.TemporaryDirectory() as scratch:
        rows = [row(corridor, pathlib.Path(real), pathlib.Path(scratch)) for real in reals]
    width = max(sum(picture.width for picture in pictures) for pictures in rows)
    sheet = Image.new("RGB", (width, sum(pictures[0].height for pictures in rows)))
    top = 0
    for pictures in rows:
        left = 0
        for picture in pictures:
            sheet.paste(picture, (left, top))
            left += picture.width
        top += pictures[0].height
    sheet.save(output)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:-1], sys.argv[-1])
