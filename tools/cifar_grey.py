#!/usr/bin/env python3
"""Grey pictures of 32 x 32 pixels from binary batches of CIFAR-10, as grey(time, row, column) of 0 to 1 in NetCDF.
Usage: cifar_grey.py BATCH.bin... FIRST COUNT OUT.nc [OUT.png], which is the first of them in colour."""
import struct
import sys
import zlib
from pathlib import Path

import netCDF4
import numpy as np

*batches, first, count, target = [a for a in sys.argv[1:] if not a.endswith(".png")]
raw = np.concatenate([np.frombuffer(Path(b).read_bytes(), "u1").reshape(-1, 3073)[:, 1:] for b in batches])
colours = raw[int(first):int(first) + int(count)].reshape(-1, 3, 32, 32)
# Luma of ITU-R BT.601.
grey = np.tensordot([0.299, 0.587, 0.114], colours / 255.0, (0, 1))
with netCDF4.Dataset(target, "w") as f:
    for name, length in (("time", len(grey)), ("row", 32), ("column", 32)):
        f.createDimension(name, length)
    f.createVariable("time", "f8", ("time",)).units = "years since 1-1-1"
    f["time"][:] = np.arange(len(grey))
    f.createVariable("grey", "f4", ("time", "row", "column"), zlib=True).units = "1"
    f["grey"][:] = grey
print(f"{target}: {len(grey)} pictures")
for picture in (a for a in sys.argv if a.endswith(".png")):
    lines = np.concatenate([np.zeros((32, 1), "u1"), colours[0].transpose(1, 2, 0).reshape(32, 96)], 1)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    Path(picture).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)) +
                              chunk(b"IDAT", zlib.compress(lines.tobytes())) + chunk(b"IEND", b""))
