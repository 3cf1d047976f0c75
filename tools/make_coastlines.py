#!/usr/bin/env python3
"""Coastlines for the maps: Natural Earth land (TopoJSON of npm's world-atlas) to lines of encoded text.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    tools/make_coastlines.py package/land-50m.json  sample_data/coastlines/natural_earth_50m.inc  --tolerance 0.01
    tools/make_coastlines.py package/land-110m.json sample_data/coastlines/natural_earth_110m.inc --tolerance 0.05

One polyline a line: differences of longitude and latitude in 0.01 degrees by the "encoded polyline" rule (zigzag,
groups of five bits from the lowest, +32 when another follows, +63). Each line is a C++ raw string literal, so that
the library includes the file as it stands; `//` begins a comment.
"""
import argparse
import json
import math

SCALE = 100  # units a degree


def arcs_of(topology):
    """Arcs [arc][point] as (longitude, latitude), degrees."""
    sx, sy = topology["transform"]["scale"]
    tx, ty = topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * sx + tx, y * sy + ty))
        yield line


def pieces(line):
    """Longitudes made continuous over the date line; edges along the pole and the date line, which are artefacts of
    the flat map and not coasts, dropped."""
    turn = 0
    part = [line[0]]
    for a, b in zip(line, line[1:]):
        if abs(b[0] - a[0]) > 180:
            turn += 360 if b[0] < a[0] else -360
        pole = max(a[1], b[1]) < -89.5
        seam = abs(abs(a[0]) - 180) < 1e-3 and abs(abs(b[0]) - 180) < 1e-3 and a[1] != b[1]
        if pole or seam:
            if len(part) > 1:
                yield part
            part = []
        part.append((b[0] + turn, b[1]))
    if len(part) > 1:
        yield part


def simplify(line, tolerance):
    """Douglas-Peucker; distances in degrees of a great circle (longitude shrunk by the cosine of latitude)."""
    keep = {0, len(line) - 1}
    stack = [(0, len(line) - 1)]
    if line[0] == line[-1] and len(line) > 3:  # a ring: split at the point farthest from its start
        far = max(range(len(line)), key=lambda i: math.dist(line[i], line[0]))
        keep.add(far)
        stack = [(0, far), (far, len(line) - 1)]
    while stack:
        i, j = stack.pop()
        if j - i < 2:
            continue
        shrink = math.cos(math.radians(line[i][1]))
        ax, ay = line[i][0] * shrink, line[i][1]
        bx, by = line[j][0] * shrink - ax, line[j][1] - ay
        length = math.hypot(bx, by)
        worst, at = -1.0, i
        for k in range(i + 1, j):
            px, py = line[k][0] * shrink - ax, line[k][1] - ay
            if length > 0:
                t = min(1.0, max(0.0, (px * bx + py * by) / length**2))
                d = math.hypot(px - t * bx, py - t * by)
            else:
                d = math.hypot(px, py)
            if d > worst:
                worst, at = d, k
        if worst > tolerance:
            keep.add(at)
            stack += [(i, at), (at, j)]
    return [line[i] for i in sorted(keep)]


def size_degrees(line):
    """Diagonal of the bounding box, degrees of a great circle."""
    xs, ys = [p[0] for p in line], [p[1] for p in line]
    shrink = math.cos(math.radians(0.5 * (min(ys) + max(ys))))
    return math.hypot((max(xs) - min(xs)) * shrink, max(ys) - min(ys))


def encode(line):
    text = []
    px = py = 0
    for lon, lat in line:
        x, y = round(lon * SCALE), round(lat * SCALE)
        for d in (x - px, y - py):
            v = (d << 1) ^ (d >> 63)
            while v >= 32:
                text.append(chr((v & 31 | 32) + 63))
                v >>= 5
            text.append(chr(v + 63))
        px, py = x, y
    return "".join(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topojson")
    parser.add_argument("output")
    parser.add_argument("--tolerance", type=float, default=0.01, help="greatest displacement, degrees")
    parser.add_argument("--smallest", type=float, default=0.12, help="islands below this diagonal go, degrees")
    options = parser.parse_args()
    with open(options.topojson, encoding="utf-8") as file:
        topology = json.load(file)
    lines = []
    for arc in arcs_of(topology):
        for part in pieces(arc):
            if size_degrees(part) < options.smallest:
                continue
            part = simplify(part, options.tolerance)
            grid = [(round(x * SCALE), round(y * SCALE)) for x, y in part]
            part = [p for i, p in enumerate(part) if i == 0 or grid[i] != grid[i - 1]]
            if len(part) > 1:
                lines.append(part)
    lines.sort(key=len, reverse=True)
    with open(options.output, "w", encoding="ascii") as file:
        file.write("// Natural Earth land outlines, public domain; see README.md. Made by tools/make_coastlines.py.\n")
        for line in lines:
            text = encode(line)
            # Compilers need not accept literals beyond 65536 characters.
            assert len(text) < 65000
            file.write('R"(' + text + ')",\n')
    points = sum(map(len, lines))
    print(f"{options.output}: {len(lines)} lines, {points} points")


if __name__ == "__main__":
    main()
