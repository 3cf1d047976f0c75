"""Flat images in NetCDF and PNG: inspect, impute, train and plot on their own rows and columns, observed bits kept."""
import json
import struct
import sys
import zlib

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.png import read_png
from support.program import check, failures, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
ROWS, COLUMNS = 40, 56
row, column = np.mgrid[0:ROWS, 0:COLUMNS]
gap = ((row - 14)**2 + (column - 20)**2 < 49) | ((row > 30) & (column > 44))
matern = ("--method", "matern", "--members", "8", "--quiet")


def smooth(shift):
    """An image of few waves, some periods across, within 0.1 and 0.9."""
    return (np.sin(row / 8 + shift) + np.cos(column / 9 - shift) + 0.3 * np.sin((row + column) / 6)) / 2.3 * 0.4 + 0.5


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, samples, depth, colour, more=b""):
    """samples: [row][column][channel]; every row by filter 0"""
    height, width = samples.shape[:2]
    lines = samples.reshape(height, -1).astype(">u2" if depth == 16 else "u1")
    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)) + more +
                     chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def read_samples(path):
    """Depth, and [row][column][channel], of grey or RGB with alpha; types of the chunks."""
    data, at, body, kinds = path.read_bytes(), 8, b"", {}
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        kinds[kind] = data[at + 8:at + 8 + length]
        if kind == b"IDAT":
            body += kinds[kind]
        at += 12 + length
    width, height, depth, colour, _, _, _ = struct.unpack(">IIBBBBB", kinds[b"IHDR"])
    step = {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8
    lines = np.frombuffer(zlib.decompress(body), "u1").reshape(height, 1 + step * width)
    out, above = [], np.zeros(step * width, int)
    for kind, line in ((x[0], x[1:].astype(int)) for x in lines):
        for i in range(len(line)):
            a, b, c = (line[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        out.append(line)
        above = line
    flat = np.array(out, "u1")
    return depth, (flat.view(">u2") if depth == 16 else flat).reshape(height, width, -1).astype(int), kinds


def write_netcdf(path, fields, dimensions=("row", "column"), units=None):
    """fields: [time][row][column] or [row][column]"""
    with netCDF4.Dataset(path, "w") as f:
        for name, length in zip(dimensions, (ROWS, COLUMNS)):
            f.createDimension(name, length)
            if units:
                f.createVariable(name, "f8", (name,)).units = units
                f[name][:] = np.arange(length)
        if fields.ndim == 3:
            f.createDimension("time", len(fields))
            f.createVariable("time", "f8", ("time",)).units = "years since 1-1-1"
            f["time"][:] = np.arange(len(fields))
            dimensions = ("time", *dimensions)
        f.createVariable("grey", "f4", dimensions, fill_value=np.float32(-9))[:] = np.where(np.isnan(fields), -9, fields)


# NetCDF: known by what the file says.
scene = smooth(0.3)
gappy = np.where(gap, np.nan, scene)
write_netcdf(work / "scene.nc", gappy)
text, _ = run(0, "inspect", work / "scene.nc")
check(f"flat image {ROWS} x {COLUMNS}" in text and f"{gap.sum()} of {gap.size} values" in text, f"inspect names the image: {text}")
report = json.loads(run(0, "inspect", work / "scene.nc", "--json")[0])
check((report["grid"]["kind"], report["grid"]["latitudes"], report["grid"]["longitudes"]) == ("image", ROWS, COLUMNS), "inspect --json of an image")
write_netcdf(work / "pixels.nc", gappy, ("y", "x"), "pixel")
run(0, "inspect", work / "pixels.nc", says=[f"flat image {ROWS} x {COLUMNS}"])
for name, more in (("metres", ("m",)), ("bare", ())):
    write_netcdf(work / f"{name}.nc", gappy, ("y", "x"), *more)
    hint = ["row and column, height and width or line and sample", "units of pixel"]
    run(3, "inspect", work / f"{name}.nc", says=hint)
    run(3, "impute", *matern, "--input", work / f"{name}.nc", "--output", work / "no.nc", says=hint)

run(0, "impute", *matern, "--write-members", "--input", work / "scene.nc", "--output", work / "filled.nc")
with netCDF4.Dataset(work / "filled.nc") as f, netCDF4.Dataset(work / "scene.nc") as before:
    f.set_auto_mask(False)
    before.set_auto_mask(False)
    check((f["grey"][:][~gap] == before["grey"][:][~gap]).all(), "observed values of NetCDF keep their bits")
    check((f["grey_status"][:] == gap).all() and f["grey_member"].shape == (8, ROWS, COLUMNS), "status and members of an image")
    # The waves are smooth over gaps of a third of their length or less: measured errors are below 0.05.
    check(np.abs(f["grey"][:] - scene)[gap].max() < 0.1, f"gaps are filled by the waves around: {np.abs(f['grey'][:] - scene)[gap].max():.3f}")

# PNG of grey with alpha: in its own form, observed samples bit for bit, gaps opaque.
for depth in (8, 16):
    top = 2**depth - 1
    alpha = np.where(gap, 0, top)
    alpha[5, 5] = 1  # hardly to be seen is observed
    samples = np.dstack([np.rint(scene * top).astype(int), alpha])
    source, out = work / f"grey{depth}.png", work / f"filled{depth}.png"
    write_png(source, samples, depth, 4, chunk(b"gAMA", struct.pack(">I", 45455)))
    run(0, "inspect", source, says=["PNG image", f"grey with alpha, {depth} bits", f"flat image {ROWS} x {COLUMNS}"])
    run(0, "impute", *matern, "--input", source, "--output", out)
    found, result, kinds = read_samples(out)
    check(found == depth and result.shape == samples.shape, f"{depth} bits: the form is kept")
    check((result[~gap] == samples[~gap]).all(), f"{depth} bits: observed samples are kept")
    check((result[gap, 1] == top).all(), f"{depth} bits: what is filled is opaque")
    # A smooth image: fills stay within the range of what is observed, a twentieth of it to spare.
    seen = samples[~gap, 0]
    spare = 0.05 * (seen.max() - seen.min())
    check(seen.min() - spare <= result[gap, 0].min() and result[gap, 0].max() <= seen.max() + spare, f"{depth} bits: fills are in range")
    check(np.abs(result[gap, 0] / top - scene[gap]).max() < 0.1, f"{depth} bits: fills are right: {np.abs(result[gap, 0] / top - scene[gap]).max():.3f}")
    check(kinds.get(b"gAMA") == struct.pack(">I", 45455) and b"method matern" in kinds.get(b"iTXt", b""), "colour space and provenance")
    run(0, "impute", *matern, "--input", source, "--output", work / f"grey{depth}.nc")
    with netCDF4.Dataset(work / f"grey{depth}.nc") as f:
        f.set_auto_mask(False)
        check((np.rint(f["grey"][:] * top)[~gap] == seen).all() and (f["grey"][:][~gap] == seen / top).all(), f"{depth} bits: NetCDF holds the samples over their highest")
        check((np.rint(np.clip(f["grey"][:], 0, 1) * top)[gap] == result[gap, 0]).all(), f"{depth} bits: PNG holds NetCDF's means, rounded")

# Colours: all channels for PNG, one for NetCDF.
colours = np.dstack([np.rint(smooth(k) * 255).astype(int) for k in range(3)] + [np.where(gap, 0, 255)])
write_png(work / "colour.png", colours, 8, 6)
run(0, "inspect", work / "colour.png", says=["RGB with alpha, 8 bits", "fills all channels"])
run(0, "impute", *matern, "--input", work / "colour.png", "--output", work / "colours.png")
_, result, _ = read_samples(work / "colours.png")
check((result[~gap] == colours[~gap]).all() and (result[..., 3] == 255).all(), "observed colours are kept, the rest is opaque")
check(np.abs(result - colours)[gap][:, :3].max() < 26, f"colours are filled: {np.abs(result - colours)[gap][:, :3].max()}")
check(sorted(p.name for p in work.glob("colours.png*")) == ["colours.png", "colours.png.toml"], "no parts are left")
run(0, "impute", *matern, "--input", work / "colour.png", "--variable", "green", "--output", work / "green.nc")
with netCDF4.Dataset(work / "green.nc") as f:
    f.set_auto_mask(False)
    check((np.rint(np.clip(f["green"][:], 0, 1) * 255)[gap] == result[gap, 1]).all(), "a channel by itself is filled alike")
    check(np.isnan(f["red"][:][gap]).all(), "the others stay as they are")
write_png(work / "whole.png", colours[..., :3], 8, 2)
run(0, "impute", *matern, "--input", work / "whole.png", "--output", work / "whole_out.png")
check((read_samples(work / "whole_out.png")[1] == colours[..., :3]).all(), "an image without gaps is a copy")

# Refusals.
grey = work / "grey8.png"
run(2, "impute", *matern, "--write-members", "--input", grey, "--output", work / "no.png", says=["no room for members", ".nc"])
run(2, "impute", *matern, "--write-members", "--input", work / "colour.png", "--output", work / "no.png", says=["no room for members"])
run(2, "impute", *matern, "--variable", "red", "--input", work / "colour.png", "--output", work / "no.png", says=["all of its channels", "--variable"])
run(2, "impute", *matern, "--input", work / "scene.nc", "--output", work / "no.png", says=["from one alone", ".nc"])
run(2, "impute", *matern, "--input", grey, "--output", work / "filled8.png", says=["exists already", "--overwrite"])
run(3, "impute", *matern, "--input", work / "colour.png", "--output", work / "no.nc", says=["several variables", "--variable"])
write_png(work / "void.png", colours * [1, 1, 1, 0], 8, 6)
run(3, "impute", *matern, "--input", work / "void.png", "--output", work / "no.png", says=["all values are missing"])
(work / "cut.png").write_bytes(grey.read_bytes()[:-200])
run(3, "inspect", work / "cut.png", says=["is damaged"])
(work / "text.png").write_text("no picture\n")
run(3, "impute", *matern, "--input", work / "text.png", "--output", work / "no.png", says=["no sound PNG"])
giant = struct.pack(">IIBBBBB", 50000, 50000, 16, 6, 0, 0, 0)
(work / "giant.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", giant) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b""))
run(3, "inspect", work / "giant.png", says=["50000 x 50000 pixels", "can hold"])
check(not list(work.glob("no.*")), f"nothing is left of what was refused: {list(work.glob('no.*'))}")

# Learning from images, and filling one of the same size.
history = np.stack([smooth(0.2 * k) for k in range(40)])
write_netcdf(work / "history.nc", history)
options = ("--set", "backbone.season_bins=1", "--set", "backbone.mean_harmonics=0", "--set", "backbone.taper_km=60", "--quiet")
run(0, "train", "prior", "--input", work / "history.nc", "--output", work / "scenes.h5", *options)
run(0, "impute", "--method", "gaussian", "--model", work / "scenes.h5", "--members", "8", "--quiet", "--input", work / "grey16.png", "--output", work / "learnt.png")
_, learnt, _ = read_samples(work / "learnt.png")
check(np.abs(learnt[gap, 0] / 65535 - scene[gap]).max() < 0.1, f"a model of images fills an image: {np.abs(learnt[gap, 0] / 65535 - scene[gap]).max():.3f}")
write_png(work / "small.png", np.dstack([np.arange(600).reshape(20, 30) % 200, np.tile([0, 255, 255], (20, 10))]), 8, 4)
run(3, "impute", "--method", "gaussian", "--model", work / "scenes.h5", "--input", work / "small.png", "--output", work / "no.png", says=["flat image 20 x 30", "lies on the model's"])
run(3, "inspect", work / "small.png", "--model", work / "scenes.h5", says=["flat image 20 x 30", "lies on the model's"])
run(0, "sample", "--model", work / "scenes.h5", "-n", "2", "-o", work / "draws.nc", "--quiet")
run(0, "inspect", work / "draws.nc", says=[f"flat image {ROWS} x {COLUMNS}"])


# Pictures: square pixels, the first row on top, nothing but a frame over them.
def image_box(picture):
    """Where the image is: the first run of lines that are hardly white, half a frame taken off."""
    ink = picture.min(axis=2) < 250
    lines = np.flatnonzero(ink.mean(axis=1) > 0.7)
    lines = lines[:np.flatnonzero(np.diff(lines, append=lines[-1] + 2) > 1)[0] + 1]
    posts = np.flatnonzero(ink[lines].mean(axis=0) > 0.9)
    return lines[0] + 1, lines[-1], posts[0] + 1, posts[-1]


steps = np.repeat(np.repeat(np.arange(ROWS * COLUMNS // 16).reshape(ROWS // 4, COLUMNS // 4) * 37 % 101 / 100.0, 4, 0), 4, 1)
steps[:20] *= 0.4
steps[20:] = 0.6 + 0.4 * steps[20:]
write_netcdf(work / "steps.nc", np.where(gap, np.nan, steps))
run(0, "plot", work / "steps.nc", "-o", work / "steps_map.png", "--width", "900", "--range", "0,1", "--quiet")
picture = read_png(work / "steps_map.png")
top_edge, bottom, left, right = image_box(picture)
side = (right - left) / COLUMNS
check(abs((bottom - top_edge) / ROWS - side) < 2 / ROWS, f"pixels are square: {(bottom - top_edge) / ROWS:.3f} {side:.3f}")
patch = np.array([[picture[int(top_edge + side * (4 * i + 2.5)), int(left + side * (4 * j + 2.5))] for j in range(COLUMNS // 4)] for i in range(ROWS // 4)])
value = steps[2::4, 2::4]
hidden = gap[2::4, 2::4]
# viridis grows lighter with the value: green by itself orders the patches that are not gaps.
order = np.argsort(value[~hidden], kind="stable")
green = patch[~hidden][:, 1][order]
check((np.diff(green) >= -1).all() and green[-1] - green[0] > 150, f"colours follow the values, the first row on top: {green}")
check((np.ptp(patch[hidden], axis=1) < 12).all(), f"gaps are grey: {patch[hidden]}")
inner = [picture[int(top_edge + side * (4 * i + a)), int(left + side * (4 * j + b))] for i in range(ROWS // 4) for j in range(COLUMNS // 4)
         if not gap[4 * i:4 * i + 4, 4 * j:4 * j + 4].any() for a, b in ((0.3, 0.3), (0.3, 3.7), (3.7, 0.3), (3.7, 3.7))]
same = [patch[i, j] for i in range(ROWS // 4) for j in range(COLUMNS // 4) if not gap[4 * i:4 * i + 4, 4 * j:4 * j + 4].any() for _ in range(4)]
check(np.abs(np.array(inner) - np.array(same)).max() <= 1, "no coast and no graticule lies over an image")
run(0, "plot", work / "filled.nc", "-o", work / "panels.png", "--quiet")
run(0, "plot", work / "colours.png", "--variable", "red", "-o", work / "red.png", "--quiet")
run(2, "plot", work / "scene.nc", "-o", work / "no.png", "--projection", "mollweide", says=["a flat image has no projection"])
finish()
