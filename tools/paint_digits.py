#!/usr/bin/env python3
"""Handwritten digits painted on a triangle mesh, as a NetCDF file with a UGRID mesh.

    /usr/bin/python3 tools/paint_digits.py MESH.off IMAGES-idx3-ubyte.gz FIRST COUNT OUT.nc

The rule: the mesh is looked at along its third axis. A square over its first two axes, centred on the middle of the
smallest box around all vertices but an eighth of its height lower and as wide as three quarters of its width, holds the
image, upright. Vertices in the square whose normal (mean of the triangles around, by area) points towards the viewer take
the bilinear value of the image, 0 to 1; all others are missing: a mask that never changes. Digit k of the file is year k
of the time axis, so that digits can be held out by year.
"""
import gzip
import sys

import netCDF4
import numpy as np


def read_off(path):
    words = open(path).read().split()
    if words[0] != "OFF":
        sys.exit(f"paint_digits: {path} is no OFF file")
    vertices, faces = int(words[1]), int(words[2])
    numbers = np.array(words[4:4 + 3 * vertices], float).reshape(vertices, 3)
    triangles = np.array(words[4 + 3 * vertices:4 + 3 * vertices + 4 * faces], int).reshape(faces, 4)
    if (triangles[:, 0] != 3).any():
        sys.exit(f"paint_digits: {path} has faces that are no triangles")
    return numbers, triangles[:, 1:]


def read_images(path, first, count):
    with gzip.open(path) as f:
        data = f.read()
    magic, number, rows, columns = np.frombuffer(data, ">i4", 4)
    if magic != 2051 or first + count > number:
        sys.exit(f"paint_digits: {path} does not hold images {first} to {first + count - 1}")
    images = np.frombuffer(data, np.uint8, offset=16).reshape(number, rows, columns)
    return images[first:first + count] / 255.0


def normals(vertices, triangles):
    corner = [vertices[triangles[:, k]] for k in range(3)]
    of_triangle = np.cross(corner[1] - corner[0], corner[2] - corner[0])
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, triangles[:, k], of_triangle)
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def paint(images, vertices, facing):
    low, high = vertices.min(0), vertices.max(0)
    side = 0.75 * (high[0] - low[0])
    centre = 0.5 * (low + high)
    rows, columns = images.shape[1:]
    # Pixel centres lie half a pixel inside the square; the first row is the upper one.
    x = (vertices[:, 0] - centre[0]) / side * columns + 0.5 * columns - 0.5
    y = -(vertices[:, 1] - centre[1] + 0.125 * (high[1] - low[1])) / side * rows + 0.5 * rows - 0.5
    inside = facing & (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
    x, y = x[inside], y[inside]
    i, j = np.minimum(y.astype(int), rows - 2), np.minimum(x.astype(int), columns - 2)
    v, u = y - i, x - j
    values = np.full((len(images), len(vertices)), np.nan, np.float32)
    values[:, inside] = ((1 - v) * ((1 - u) * images[:, i, j] + u * images[:, i, j + 1])
                         + v * ((1 - u) * images[:, i + 1, j] + u * images[:, i + 1, j + 1]))
    return values


def write(path, vertices, triangles, values, first):
    with netCDF4.Dataset(path, "w") as f:
        f.Conventions = "CF-1.11 UGRID-1.0"
        for name, length in (("time", len(values)), ("node", len(vertices)), ("face", len(triangles)), ("three", 3)):
            f.createDimension(name, length)
        mesh = f.createVariable("mesh", "i4")
        mesh.setncatts({"cf_role": "mesh_topology", "topology_dimension": 2, "node_coordinates": "x y z",
                        "face_node_connectivity": "face_nodes", "long_name": "triangle mesh in space"})
        f.createVariable("face_nodes", "i4", ("face", "three"))[:] = triangles
        f["face_nodes"].start_index = 0
        for k, name in enumerate("xyz"):
            f.createVariable(name, "f8", ("node",))[:] = vertices[:, k]
        time = f.createVariable("time", "i4", ("time",))
        time.units = "years since 0001-01-01"
        time[:] = np.arange(first, first + len(values))
        digit = f.createVariable("digit", "f4", ("time", "node"), zlib=True, fill_value=np.float32(9.96921e36))
        digit.setncatts({"units": "1", "long_name": "brightness of a painted digit", "mesh": "mesh", "location": "node"})
        digit[:] = np.ma.masked_invalid(values)


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    vertices, triangles = read_off(sys.argv[1])
    first, count = int(sys.argv[3]), int(sys.argv[4])
    values = paint(read_images(sys.argv[2], first, count), vertices, normals(vertices, triangles)[:, 2] > 0)
    write(sys.argv[5], vertices, triangles, values, first)
    print(f"{sys.argv[5]}: {count} digits on {np.isfinite(values[0]).sum()} of {len(vertices)} vertices")


if __name__ == "__main__":
    main()
