#!/usr/bin/env python3
"""Puts PNG pictures side by side, small ones enlarged by whole factors to the height of the highest, transparent pixels grey.
Usage: side_by_side.py OUT.png [HEIGHT] IN.png... [+ IN.png...], HEIGHT at least in pixels, + begins another row."""
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

GAP, GREY = 8, 190


def read(path):
    """[row][column][3], 0 to 255; PNG of 8 or 16 bits, grey or RGB, with alpha or without, not interlaced."""
    data, at, body = Path(path).read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        part = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", part)
        elif kind == b"IDAT":
            body += part
        at += 12 + length
    assert depth in (8, 16) and colour in (0, 2, 4, 6) and not interlace, path
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    step = channels * depth // 8
    raw = np.frombuffer(zlib.decompress(body), "u1").reshape(height, 1 + step * width)
    out, above = np.zeros((height, step * width), "u1"), np.zeros(step * width, int)
    for j, (kind, line) in enumerate((r[0], r[1:].astype(int)) for r in raw):
        if kind == 2:
            line += above
        elif kind:
            for i in range(len(line)):
                a, b, c = (line[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
                paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
                line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        above = line & 255
        out[j] = above
    pixels = (out.view(">u2") // 257 if depth == 16 else out).reshape(height, width, channels).astype(int)
    colours = pixels[..., :3] if colour in (2, 6) else np.repeat(pixels[..., :1], 3, 2)
    if colour in (4, 6):
        colours = np.where(pixels[..., -1:] == 0, GREY, colours)
    return colours


target, *rest = sys.argv[1:]
least = int(rest.pop(0)) if rest[0].isdigit() else 0
rows, row = [], []
for name in [*rest, "+"]:
    if name != "+":
        row.append(read(name))
        continue
    height = max(least, *(len(p) for p in row)) if len(row) > 1 else max(least, len(row[0]))
    parts = []
    for p in row:
        times = max(1, round(height / len(p)))
        p = np.repeat(np.repeat(p, times, 0), times, 1)
        parts += [np.pad(p, ((0, max(0, height - len(p))), (0, 0), (0, 0)), constant_values=255), np.full((max(height, len(p)), GAP, 3), 255)]
    highest = max(len(p) for p in parts)
    rows.append(np.concatenate([np.pad(p, ((0, highest - len(p)), (0, 0), (0, 0)), constant_values=255) for p in parts[:-1]], 1))
    row = []
widest = max(r.shape[1] for r in rows)
sheet = np.concatenate([np.pad(r, ((0, 0), (0, widest - r.shape[1]), (0, 0)), constant_values=255) for r in rows]).astype("u1")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


lines = np.concatenate([np.zeros((len(sheet), 1), "u1"), sheet.reshape(len(sheet), -1)], 1)
Path(target).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", sheet.shape[1], len(sheet), 8, 2, 0, 0, 0)) +
                         chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + chunk(b"IEND", b""))
