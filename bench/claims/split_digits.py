#!/usr/bin/python3
"""Images of an IDX file whose labels lie within a range, as another IDX file.

    /usr/bin/python3 bench/claims/split_digits.py IMAGES.gz LABELS.gz LOWEST HIGHEST OUT.gz [--coarsen 2]
"""
import argparse
import gzip
import pathlib
import struct

import numpy as np


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("images", type=pathlib.Path)
    options.add_argument("labels", type=pathlib.Path)
    options.add_argument("lowest", type=int)
    options.add_argument("highest", type=int)
    options.add_argument("out", type=pathlib.Path)
    options.add_argument("--coarsen", type=int, default=1, help="pixels a side that one is the mean of")
    o = options.parse_args()
    raw = gzip.decompress(o.images.read_bytes())
    kind, count, rows, columns = struct.unpack(">4i", raw[:16])
    images = np.frombuffer(raw, "u1", offset=16).reshape(count, rows, columns)
    labels = np.frombuffer(gzip.decompress(o.labels.read_bytes()), "u1", offset=8)
    if len(labels) != count:
        raise SystemExit(f"{o.labels}: {len(labels)} labels for {count} images")
    chosen = images[(labels >= o.lowest) & (labels <= o.highest)]
    if rows % o.coarsen or columns % o.coarsen:
        raise SystemExit(f"{o.images}: images of {rows} x {columns} have no blocks of {o.coarsen}")
    rows, columns = rows // o.coarsen, columns // o.coarsen
    blocks = chosen.reshape(len(chosen), rows, o.coarsen, columns, o.coarsen)
    chosen = np.rint(blocks.mean((2, 4))).astype("u1")
    o.out.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">4i", kind, len(chosen), rows, columns)
    o.out.write_bytes(gzip.compress(header + chosen.tobytes(), mtime=0))
    print(f"{o.out}: {len(chosen)} images")


if __name__ == "__main__":
    main()
