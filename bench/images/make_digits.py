#!/usr/bin/python3
"""Digits of MNIST and of each some more, slightly turned, sheared, larger or smaller and shifted: what a flow learns from where digits
are too few.

    /usr/bin/python3 bench/images/make_digits.py ../shared/data/mnist/train-images-idx3-ubyte.gz build/images/digits_more-idx3-ubyte.gz

Copies come first, of all digits but the last --last, which are held out of training; then the digits as they are.
"""
import argparse
import gzip
import pathlib
import struct

import numpy as np
from scipy import ndimage

TURN = np.radians(4.0)  # standard deviations
SHEAR = 0.05
SCALE = 0.05
SHIFT = 0.5  # pixels


def changed(digit, random):
    angle, shear = TURN * random.standard_normal(), SHEAR * random.standard_normal()
    scale = np.exp(SCALE * random.standard_normal(2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    back = turn @ np.array([[1.0, shear], [0.0, 1.0]]) @ np.diag(scale)
    centre = (np.array(digit.shape) - 1.0) / 2.0
    offset = centre - back @ centre + SHIFT * random.standard_normal(2)
    # Cubic, as linear interpolation would blur strokes.
    return np.clip(np.rint(ndimage.affine_transform(digit.astype("f4"), back, offset, order=3)), 0, 255).astype("u1")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("digits", type=pathlib.Path)
    options.add_argument("output", type=pathlib.Path)
    options.add_argument("--copies", type=int, default=2, help="of each digit")
    options.add_argument("--last", type=int, default=1000, help="digits of which there are none")
    options.add_argument("--seed", type=int, default=1)
    o = options.parse_args()
    raw = gzip.decompress(o.digits.read_bytes())
    kind, count, rows, columns = struct.unpack(">4I", raw[:16])
    digits = np.frombuffer(raw, "u1", offset=16).reshape(count, rows, columns)
    random = np.random.default_rng(o.seed)
    copies = [changed(d, random) for _ in range(o.copies) for d in digits[:count - o.last]]
    o.output.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(o.output, "wb", compresslevel=4) as f:
        f.write(struct.pack(">4I", kind, count + len(copies), rows, columns))
        f.write(np.array(copies).tobytes())
        f.write(digits.tobytes())
    print(f"{o.output}: {len(copies)} copies and {count} digits")


if __name__ == "__main__":
    main()
