#!/usr/bin/python3
"""Planes of CIFAR-10 in opponent colours, as sets of images for training and tests.

    /usr/bin/python3 bench/images/make_cifar.py ../shared/data/cifar-10 DIRECTORY [--label N]

Training batches become DIRECTORY/cifar_train.nc, the test batch cifar_test.nc; with --label pictures of that class alone (7: horses),
cifar_train_N.nc and so on. Red, green and blue from 0 to 1 are turned into luma = (r + g + b) / sqrt(3), from 0 to sqrt(3),
red_blue = (r - b) / sqrt(2) and green_magenta = (r - 2 g + b) / sqrt(6): nearly uncorrelated planes. The turn keeps lengths, so
that errors and noise of planes are those of colours.
"""
import argparse
import pathlib

import netCDF4
import numpy as np

SIDE = 32
TURN = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]]) / np.sqrt([[3.0], [2.0], [6.0]])
NAMES = ("luma", "red_blue", "green_magenta")


def pictures(batches, label):
    raw = np.concatenate([np.fromfile(b, "u1").reshape(-1, 1 + 3 * SIDE * SIDE) for b in batches])
    if label is not None:
        raw = raw[raw[:, 0] == label]
    return raw[:, 1:].reshape(-1, 3, SIDE, SIDE).astype("f4") / 255.0


def write(path, colours, what):
    planes = np.einsum("pc,tcij->ptij", TURN, colours)
    with netCDF4.Dataset(path, "w", format="NETCDF4_CLASSIC") as f:
        f.Conventions = "CF-1.11"
        f.title = what
        f.source = "CIFAR-10 (Krizhevsky 2009)"
        for name, length in (("time", len(colours)), ("row", SIDE), ("column", SIDE)):
            f.createDimension(name, length)
        f.createVariable("time", "f8", ("time",)).units = "years since 1-1-1"
        f["time"][:] = np.arange(len(colours))
        for name, plane in zip(NAMES, planes):
            f.createVariable(name, "f4", ("time", "row", "column"), zlib=True, chunksizes=(min(64, len(plane)), SIDE, SIDE)).units = "1"
            f[name][:] = plane
    print(f"{path}: {len(colours)} pictures")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("source", type=pathlib.Path)
    options.add_argument("target", type=pathlib.Path)
    options.add_argument("--label", type=int)
    o = options.parse_args()
    o.target.mkdir(parents=True, exist_ok=True)
    of = "" if o.label is None else f"_{o.label}"
    write(o.target / f"cifar_train{of}.nc", pictures(sorted(o.source.glob("data_batch_*.bin")), o.label), "CIFAR-10 training pictures")
    write(o.target / f"cifar_test{of}.nc", pictures([o.source / "test_batch.bin"], o.label), "CIFAR-10 test pictures")


if __name__ == "__main__":
    main()
