"""Triangle meshes for the graders: distance, section by a plane, from STL or from label voxels.

Written for `grader.py` and `peers.py`; shares no code with the program. numpy and scipy; surfaces
from voxels need scikit-image. LPS mm throughout.
"""
import gzip
import struct

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree


def read_stl(path):
    """Vertices and faces of a binary STL; corners at one place become one vertex."""
    raw = open(path, "rb").read()
    count, = struct.unpack("<I", raw[80:84])
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
    corners = np.frombuffer(raw, kind, count, 84)["corners"].reshape(-1, 3)
    vertices, faces = np.unique(corners, axis=0, return_inverse=True)
    faces = faces.reshape(-1, 3)
    whole = (faces != np.roll(faces, 1, axis=1)).all(1)
    return vertices.astype(float), faces[whole]


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


def from_labels(data, lps_from_index, values, sigma=0.7):
    """The border of some labels together as a mesh: their voxels smoothed a little, cut where the volume stays."""
    from skimage.measure import marching_cubes

    where = np.argwhere(np.isin(data, values))
    low, high = where.min(0) - 4, where.max(0) + 5
    part = np.zeros(high - low, np.float32)
    part[tuple((where - low).T)] = 1.0
    smooth = ndimage.gaussian_filter(part, sigma)
    level = np.partition(smooth.ravel(), -len(where))[-len(where)]
    vertices, faces, _, _ = marching_cubes(smooth, level)
    place = (vertices + low) @ lps_from_index[:3, :3].T + lps_from_index[:3, 3]
    a, b, c = (place[faces[:, n]] for n in range(3))
    # Outwards, whichever way the axes of the image turn.
    if np.einsum("ij,ij->", a - place.mean(0), np.cross(b - place.mean(0), c - place.mean(0))) < 0:
        faces = faces[:, ::-1]
    return place.astype(float), faces


def nearest_on_triangles(p, a, b, c):
    """The point of each triangle nearest to each p (one to one): foot in the plane or on an edge."""
    normal = np.cross(b - a, c - a)
    square = (normal * normal).sum(-1, keepdims=True)
    foot = p - normal * (((p - a) * normal).sum(-1, keepdims=True) / np.maximum(square, 1e-30))
    # A triangle without area has edges alone.
    inside = square[..., 0] > 1e-20
    best, least = foot, np.full(foot.shape[:-1], np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        side = end - start
        inside = inside & ((np.cross(side, foot - start) * normal).sum(-1) >= 0)
        t = ((p - start) * side).sum(-1) / np.maximum((side * side).sum(-1), 1e-30)
        on_edge = start + side * np.clip(t, 0, 1)[..., None]
        away = ((p - on_edge) ** 2).sum(-1)
        nearer = away < least
        least = np.where(nearer, away, least)
        best = np.where(nearer[..., None], on_edge, best)
    return np.where(inside[..., None], foot, best)


class Mesh:
    """A closed mesh turned outwards: signed distance (inside positive) and sections."""

    def __init__(self, vertices, faces):
        self.vertices, self.faces = vertices, faces
        self.a, self.b, self.c = (vertices[faces[:, n]] for n in range(3))
        centres = (self.a + self.b + self.c) / 3
        self.reach = max(np.linalg.norm(x - centres, axis=1).max() for x in (self.a, self.b, self.c))
        self.tree = cKDTree(centres)
        normal = np.cross(self.b - self.a, self.c - self.a)
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        self.normal = normal / np.maximum(length, 1e-30)
        self._add_up_normals()

    def _add_up_normals(self):
        """Normals of corners, weighted by angle, and of edges (Baerentzen and Aanaes 2005)."""
        self.at_corner = np.zeros_like(self.vertices)
        around = (self.a, self.b, self.c)
        for n in range(3):
            u, v = around[(n + 1) % 3] - around[n], around[(n + 2) % 3] - around[n]
            angle = np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), (u * v).sum(1))
            np.add.at(self.at_corner, self.faces[:, n], self.normal * angle[:, None])
        ends = np.sort(np.stack([self.faces, np.roll(self.faces, -1, axis=1)], 2), axis=2)
        _, edge = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
        total = np.zeros((edge.max() + 1, 3))
        np.add.at(total, edge.ravel(), np.repeat(self.normal, 3, axis=0))
        self.at_edge = total[edge.reshape(-1, 3)]

    def nearest(self, points):
        """Nearest point of the surface, exact, and one of its triangles: more and more triangles
        by the distance of their centres, until none left out can be nearer."""
        points = np.asarray(points, float)
        found, owner = np.empty_like(points), np.empty(len(points), int)
        left, take = np.arange(len(points)), min(16, len(self.faces))
        while len(left):
            p = points[left]
            away, near = self.tree.query(p, take)
            on = nearest_on_triangles(p[:, None], self.a[near], self.b[near], self.c[near])
            distance = np.linalg.norm(on - p[:, None], axis=2)
            best = distance.argmin(1)
            rows = np.arange(len(left))
            found[left], owner[left] = on[rows, best], near[rows, best]
            sure = distance[rows, best] <= away[:, -1] - self.reach
            if take == len(self.faces):
                break
            left, take = left[~sure], min(take * 4, len(self.faces))
        return found, owner

    def distance(self, points):
        """Signed distance, mm. The side is told by the normal of the face, edge or corner that the
        nearest point lies on; where that is nearly across, by how the surface winds around."""
        points = np.asarray(points, float).reshape(-1, 3)
        on, owner = self.nearest(points)
        normal = self.normal[owner].copy()
        corners = np.stack([self.a[owner], self.b[owner], self.c[owner]], 1)
        for n in range(3):
            start, side = corners[:, n], corners[:, (n + 1) % 3] - corners[:, n]
            off = np.linalg.norm(np.cross(on - start, side), axis=1)
            edge = off < 1e-7 * np.linalg.norm(side, axis=1)
            normal[edge] = self.at_edge[owner, n][edge]
        for n in range(3):
            corner = np.linalg.norm(on - corners[:, n], axis=1) < 1e-7
            normal[corner] = self.at_corner[self.faces[owner, n]][corner]
        away = points - on
        size = np.linalg.norm(away, axis=1)
        side = (away * normal).sum(1)
        unsure = np.abs(side) < 0.3 * size * np.linalg.norm(normal, axis=1)
        for n in np.flatnonzero(unsure & (size > 1e-6)):
            side[n] = -1 if self.holds(points[n]) else 1
        return np.where(side > 0, -size, size)

    def holds(self, point):
        """Whether a point is inside, by the solid angle of all triangles (van Oosterom, Strackee)."""
        a, b, c = self.a - point, self.b - point, self.c - point
        la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
        over = np.einsum("ij,ij->i", a, np.cross(b, c))
        under = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        return np.arctan2(over, under).sum() > np.pi


def section(heights, flat):
    """The segments in which a plane cuts triangles, given the heights of their corners over it (n x 3)
    and their places along it (n x 3 x 2)."""
    cut = (heights.min(1) < 0) & (heights.max(1) > 0)
    h, p = np.where(heights == 0, 1e-12, heights)[cut], flat[cut]
    ends, filled = np.empty((len(h), 2, 2)), np.zeros(len(h), int)
    for m, n in ((0, 1), (1, 2), (2, 0)):
        rows = np.flatnonzero((h[:, m] < 0) != (h[:, n] < 0))
        t = (h[rows, m] / (h[rows, m] - h[rows, n]))[:, None]
        ends[rows, filled[rows]] = p[rows, m] + (p[rows, n] - p[rows, m]) * t
        filled[rows] += 1
    return ends


def first_crossing(ends, rays, reach):
    """How far each of so many rays from the origin, the first along x, goes until it meets one of
    the segments; `reach` where it meets none."""
    step, radius = 2 * np.pi / rays, np.full(rays, reach)
    angle = np.arctan2(ends[..., 1], ends[..., 0])
    turn = (angle[:, 1] - angle[:, 0] + np.pi) % (2 * np.pi) - np.pi
    start = np.where(turn < 0, angle[:, 0] + turn, angle[:, 0])
    first = np.ceil(start / step).astype(int)
    count = np.floor((start + np.abs(turn)) / step).astype(int) - first + 1
    for n in range(count.max(initial=0)):
        rows = np.flatnonzero(count > n)
        a, along = ends[rows, 0], ends[rows, 1] - ends[rows, 0]
        ray = first[rows] + n
        x, y = np.cos(ray * step), np.sin(ray * step)
        under = x * along[:, 1] - y * along[:, 0]
        over = a[:, 0] * along[:, 1] - a[:, 1] * along[:, 0]
        far = over / np.where(np.abs(under) < 1e-15, 1e-15, under)
        np.minimum.at(radius, ray % rays, np.where(far > 0, far, reach))
    return radius
