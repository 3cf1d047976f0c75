"""Maps in projections: marked cells of a global field lie in the picture where the projection's formulas put them."""
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
from support.png import read_png

WIDTH = 900
lat, lon = np.arange(-88, 89, 4.0), np.arange(2, 360, 4.0)
# Squares of 3 x 3 cells off the graticule of 30 degrees and off most of the coast, each with a value, that is a colour, of its own.
marks = {2: (46, 330), 4: (14, 318), 6: (-18, 346), 8: (38, 222), 10: (-46, 78)}
field = np.zeros((6, 45, 90))  # the marks, then maps of one value each
for k, (value, (north, east)) in enumerate(marks.items()):
    field[0][np.ix_(np.abs(lat - north) < 5, np.abs(lon - east) < 5)] = value
    field[1 + k] = value
source = work / "marks.nc"
with netCDF4.Dataset(source, "w") as f:
    f.createDimension("time", 6)
    f.createVariable("time", "f8", ("time",)).units = "days since 2000-01-01"
    f["time"][:] = np.arange(6)
    for name, axis, units in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
        f.createDimension(name, len(axis))
        f.createVariable(name, "f8", (name,)).units = units
        f[name][:] = axis
    f.createVariable("mark", "f4", ("time", "lat", "lon")).units = "K"
    f["mark"][:] = field
scale = ("--width", WIDTH, "--range", "0,10", "--palette", "sequential")


def above_bar(picture):
    return read_png(picture)[:-round(140 * WIDTH / 1600)]  # the colour bar has all the colours


def mollweide(phi, lam, lon_0):
    t = phi.copy()
    for _ in range(200):  # Snyder 1987, equation 31-4
        t -= (2 * t + np.sin(2 * t) - np.pi * np.sin(phi)) / (2 + 2 * np.cos(2 * t))
    lam = np.remainder(lam - lon_0 + np.pi, 2 * np.pi) - np.pi
    return 2 * np.sqrt(2) / np.pi * lam * np.cos(t), np.sqrt(2) * np.sin(t), np.ones_like(phi)


def orthographic(phi, lam, lat_0, lon_0):
    """Snyder 1987, equations 20-3 to 20-5; the weight is the cosine of the distance from the centre."""
    cosine = np.sin(lat_0) * np.sin(phi) + np.cos(lat_0) * np.cos(phi) * np.cos(lam - lon_0)
    y = np.cos(lat_0) * np.sin(phi) - np.sin(lat_0) * np.cos(phi) * np.cos(lam - lon_0)
    return np.cos(phi) * np.sin(lam - lon_0), y, cosine


def polar(phi, lam, lon_0):
    r = 2 * np.sin(np.pi / 4 - phi / 2)  # Snyder 1987, equation 24-23
    return r * np.sin(lam - lon_0), -r * np.cos(lam - lon_0), np.ones_like(phi)


def centre(north, east, formula):
    """Centre of gravity in the plane of a mark of 3 x 3 cells, and the least and greatest weight of its places: below zero they are out of sight."""
    phi, lam = np.meshgrid(np.radians(north + np.linspace(-5.95, 5.95, 120)), np.radians(east + np.linspace(-5.95, 5.95, 120)), indexing="ij")
    x, y, scale = formula(phi, lam)
    weight = np.cos(phi) * np.maximum(scale, 1e-9)
    return np.average(x, weights=weight), np.average(y, weights=weight), scale.min(), scale.max()


run(0, "plot", source, "-o", work / "one.png", "--time", "1:5", *scale)
colours = {}
for k, value in enumerate(marks):
    found, counts = np.unique(above_bar(work / f"one_{k + 1:04}.png").reshape(-1, 3), axis=0, return_counts=True)
    colours[value] = found[np.where((found == 255).all(1), 0, counts).argmax()]
rad = np.radians
# Half the sides of the box round each map, units of its plane.
for projection, sides, formula in (("mollweide", (8**0.5, 2**0.5), lambda p, l: mollweide(p, l, 0.0)),
                                   ("+proj=moll +lon_0=180", (8**0.5, 2**0.5), lambda p, l: mollweide(p, l, np.pi)),
                                   ("ortho +lat_0=20 +lon_0=-40 +R=6371000", (1, 1), lambda p, l: orthographic(p, l, rad(20), rad(-40))),
                                   ("+proj=laea +lat_0=90 +lon_0=-30 +R=6371000", (2, 2), lambda p, l: polar(p, l, rad(-30)))):
    run(0, "plot", source, "-o", work / "map.png", "--projection", projection, *scale)
    picture = above_bar(work / "map.png")
    places = {v: centre(*marks[v], formula) for v in marks}
    spots = {}
    for v, colour in colours.items():
        y, x = np.nonzero((picture == colour).all(-1))
        if places[v][2] > 0:
            check(len(x) > 100, f"{projection}: mark {v} is drawn")
            spots[v] = (x.mean(), y.mean())
        elif places[v][3] < 0:
            check(len(x) == 0, f"{projection}: mark {v} is on the far side")
    # One scale and two shifts bring the plane into the picture: fitted to all marks, each is where it belongs.
    rows, right = [], []
    for v, (x, y) in spots.items():
        rows += [(places[v][0], 1, 0), (-places[v][1], 0, 1)]
        right += [x + 0.5, y + 0.5]
    fit, *_ = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)
    off = np.abs(np.array(rows) @ fit - right).max()
    # Lines over a mark move the centre of what is left of it by up to a pixel.
    check(len(spots) >= 3 and off < 1.5, f"{projection}: {len(spots)} marks lie within {off:.2f} pixels of their places")
    far = [abs(fit[0]) * 0.97 * s for s in sides]
    corners = [picture[int(fit[2] + j * far[1]), int(fit[1] + i * far[0])] for i in (-1, 1) for j in (-1, 1)]
    check((np.array(corners) == 255).all(), f"{projection}: beyond the outline is white: {corners}")
    edge = [picture[int(fit[2]), int(fit[1] + i * far[0])] for i in (-1, 1)]
    check(not (np.array(edge) == 255).all(-1).any(), f"{projection}: the map reaches its edge: {edge}")

bad = ("plot", source, "-o", work / "bad.png", "--projection")
run(2, *bad, "mollwide", says=["'mollwide'", "PROJ says: Unknown projection", "Did you mean 'mollweide'"])
run(2, *bad, "+proj=lcc", says=["'+proj=lcc'", "lat_1", "EPSG:3995"])
run(2, *bad, "EPSG:4326", says="longitude and latitude as they are")
run(0, "plot", source, "-o", work / "goode.pdf", "--projection", "goode")
check(not (work / "bad.png").exists() and (work / "goode.pdf").stat().st_size > 1000, "refused pictures are not written")
finish()
