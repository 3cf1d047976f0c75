"""Pictures as cairo writes them: PNG of 8 bits a channel, not interlaced."""
import struct
import zlib

import numpy as np


def read_png(path):
    """[row][column][red, green, blue], 0 to 255, upper row first."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG"
    at, body, head = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        part = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", part)
        elif kind == b"IDAT":
            body += part
        at += 12 + length
    width, height, depth, colour, _, _, interlace = head
    assert depth == 8 and colour in (2, 6) and interlace == 0, f"{path}: unexpected form {head}"
    step = 3 if colour == 2 else 4
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + step * width)
    out = np.zeros((height, step * width), np.uint8)
    above = np.zeros(step * width, np.uint8)
    for j in range(height):
        kind, line = rows[j, 0], rows[j, 1:].copy()
        if kind == 2:
            line += above
        elif kind == 1:
            line = np.cumsum(line.reshape(-1, step), axis=0, dtype=np.uint8).ravel()
        elif kind in (3, 4):
            left, corner = [0] * step, [0] * step
            up, values = above.tolist(), line.tolist()
            for i, x in enumerate(values):
                a, b, c = left[i % step], up[i], corner[i % step]
                if kind == 3:
                    guess = (a + b) // 2
                else:
                    p = a + b - c
                    guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                values[i] = (x + guess) & 255
                left[i % step], corner[i % step] = values[i], b
            line = np.array(values, np.uint8)
        out[j] = above = line
    return out.reshape(height, width, step)[:, :, :3].astype(int)
