#!/usr/bin/python3
"""Tiles of relief, land and sea floor, as sets of images for training and tests, split by region.

    /usr/bin/python3 bench/images/make_relief.py TRAIN.nc TEST.nc [--side 64] [--seed 1]
                                                 [--shifted-tiles 0] [--finer-tiles 0]

From ETOPO5 (public domain; Debian's ferret-datasets, etopo5.cdf), 5 arc minutes, between 70 degrees south and north.
Tiles of 64 x 64 cells of 10 arc minutes (means of 2 x 2); relief from -8000 to 6000 m becomes 0 to 1, cut there. Test
tiles come from 100 W to 30 W, training tiles from elsewhere, none within a tile's width of that; the last of the training tiles,
which are held out while models are trained, from 150 W to 115 W. More tiles to learn from, of the same region: shifted ones
of the same grid, and finer ones of 5 arc minutes, as relief looks much alike from nearer by.
"""
import argparse

import netCDF4
import numpy as np

SOURCE = "/usr/share/ferret-vis/data/etopo5.cdf"
LOWEST, HIGHEST = -8000.0, 6000.0
TEST = (260.0, 330.0)
HELD_OUT = (210.0, 245.0)


def tiles(relief, longitude, span, side, stride, columns_of):
    rows, columns = relief.shape
    found = []
    width = side * span
    for i in range(0, rows - side + 1, stride):
        for j in range(0, columns - side + 1, stride):
            west = longitude[j]
            if columns_of(west, west + width):
                found.append(relief[i : i + side, j : j + side])
    return found


def inside(region):
    return lambda west, east: west >= region[0] and east <= region[1]


def write(path, images, what):
    with netCDF4.Dataset(path, "w", format="NETCDF4_CLASSIC") as f:
        f.Conventions = "CF-1.11"
        f.title = what
        f.source = "ETOPO5, 5 arc minutes, public domain; tiles of 10 arc minutes"
        f.createDimension("image", len(images))
        f.createDimension("row", images.shape[1])
        f.createDimension("column", images.shape[2])
        v = f.createVariable("relief", "f4", ("image", "row", "column"), zlib=True, complevel=4)
        v.units = "1"
        v.long_name = f"relief, 0 at {LOWEST:g} m, 1 at {HIGHEST:g} m"
        v[:] = images


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("train")
    options.add_argument("test")
    options.add_argument("--side", type=int, default=64, help="cells of a tile")
    options.add_argument("--training-tiles", type=int, default=2200, help="tiles to learn from")
    options.add_argument("--held-out", type=int, default=200, help="of these, at the end, from the held-out region")
    options.add_argument("--shifted-tiles", type=int, default=0, help="more of them, between the others")
    options.add_argument("--finer-tiles", type=int, default=0, help="more of them, of 5 arc minutes")
    options.add_argument("--test-tiles", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    o = options.parse_args()
    with netCDF4.Dataset(SOURCE) as f:
        name = next(n for n, v in f.variables.items() if v.ndim == 2)
        v = f.variables[name]
        latitude = np.asarray(f.variables[v.dimensions[0]][:], dtype=float)
        longitude = np.asarray(f.variables[v.dimensions[1]][:], dtype=float)
        relief = np.asarray(v[:], dtype=float)
    if not np.isfinite(relief).all():
        raise SystemExit(f"{SOURCE}: the relief has gaps")
    keep = np.abs(latitude) <= 70.0
    relief, latitude = relief[keep], latitude[keep]
    if latitude[0] < latitude[-1]:
        relief = relief[::-1]
    rows, columns = (n // 2 * 2 for n in relief.shape)
    relief, longitude = relief[:rows, :columns], longitude[:columns] % 360.0

    def coarsened(factor):
        means = relief.reshape(rows // factor, factor, columns // factor, factor).mean((1, 3))
        west = longitude[::factor]
        order = np.argsort(west)
        means = np.clip((means[:, order] - LOWEST) / (HIGHEST - LOWEST), 0.0, 1.0).astype(np.float32)
        return means, west[order], factor / 12.0

    grid = coarsened(2)
    width = o.side * grid[2]
    random = np.random.default_rng(o.seed)

    def some(found, count):
        if len(found) < count:
            raise SystemExit(f"only {len(found)} tiles of {count} asked for")
        return np.stack([found[k] for k in random.permutation(len(found))[:count]])

    def learn(west, east):
        near = lambda region: east > region[0] - width and west < region[1] + width
        return not near(TEST) and not near(HELD_OUT)

    training = some(tiles(*grid, o.side, o.side // 4, learn), o.training_tiles - o.held_out)
    held = some(tiles(*grid, o.side, o.side // 8, inside(HELD_OUT)), o.held_out)
    test = some(tiles(*grid, o.side, o.side // 4, inside(TEST)), o.test_tiles)
    first = len(training)
    if o.shifted_tiles > 0:
        odd = [grid[0][o.side // 8 :, o.side // 8 :], grid[1][o.side // 8 :], grid[2]]
        training = np.concatenate([training, some(tiles(*odd, o.side, o.side // 4, learn), o.shifted_tiles)])
    if o.finer_tiles > 0:
        training = np.concatenate([training, some(tiles(*coarsened(1), o.side, o.side // 2, learn), o.finer_tiles)])
    if len(training) > first:
        training = random.permutation(training)  # folds are of consecutive tiles
    write(o.train, np.concatenate([training, held]), f"training tiles of relief, the last {o.held_out} to be held out")
    write(o.test, test, "test tiles of relief")
    print(f"{len(training)} and {len(held)} training tiles, {len(test)} test tiles of {o.side} x {o.side}")


if __name__ == "__main__":
    main()
