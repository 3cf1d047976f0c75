"""HEALPix maps in FITS, meshes in PLY and OFF: inspect, impute and plot on the file's own form, gaps filled, the rest kept."""
import json
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, failures, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
random = np.random.default_rng(11)
BLOCK, UNSEEN = 2880, -1.6375e30
plain = ("--set", "backbone.season_bins=1", "--set", "backbone.mean_harmonics=0", "--quiet")


def waves(points, count):
    """Fields of few waves with random amplitudes on points in space: [field][point]."""
    x, y, z = points.T
    shapes = [x, y, z, x * y, y * z, x * x - z * z]
    return sum(random.normal(0, 3, (count, 1)) * s for s in shapes)


# FITS, written by the standard's own words: no library of ours or others has a part in it.
def cards(*pairs):
    text = "".join(f"{key:<8}= {value:>20}".ljust(80) if not isinstance(value, str) or value in "TF" else f"{key:<8}= '{value:<8}'".ljust(80)
                   for key, value in pairs) + "END".ljust(80)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode()


def write_fits(path, nside, columns, per_row, more=()):
    """columns: name, units, big-endian array"""
    rows = 12 * nside**2 // per_row
    table = np.empty(rows, [(str(k), c.dtype, (per_row,)) for k, (_, _, c) in enumerate(columns)])
    for k, (_, _, c) in enumerate(columns):
        table[str(k)] = c.reshape(rows, per_row)
    table = table.tobytes()
    letters = {"f": "E", "d": "D", "h": "I"}
    head = [("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", len(table) // rows), ("NAXIS2", rows), ("PCOUNT", 0),
            ("GCOUNT", 1), ("TFIELDS", len(columns))]
    for k, (name, units, c) in enumerate(columns, 1):
        head += [(f"TTYPE{k}", name), (f"TFORM{k}", f"{per_row}{letters[c.dtype.char]}"), (f"TUNIT{k}", units)]
    head += [("PIXTYPE", "HEALPIX"), ("ORDERING", "RING"), ("NSIDE", nside), ("COORDSYS", "G"), ("OBSERVER", "somebody"), *more]
    path.write_bytes(cards(("SIMPLE", "T"), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", "T")) + cards(*head) + table.ljust(-(-len(table) // BLOCK) * BLOCK, b"\0"))


def read_fits(path):
    """Keywords and columns of the first table."""
    data = path.read_bytes()
    at, keys = 0, {}
    for _ in range(2):
        keys = {}
        while True:
            card = data[at:at + 80].decode()
            at += 80
            if card[:8].strip() == "END":
                break
            if card[8:10] == "= ":
                value = card[10:].split("/")[0].strip()
                keys[card[:8].strip()] = value.strip("' ")
        at = -(-at // BLOCK) * BLOCK
    formats = [keys[f"TFORM{k}"] for k in range(1, int(keys["TFIELDS"]) + 1)]
    kinds = {"E": ">f4", "D": ">f8", "I": ">i2"}
    table = np.frombuffer(data[at:at + int(keys["NAXIS1"]) * int(keys["NAXIS2"])],
                          dtype=[(str(k), kinds[f[-1]], (int(f[:-1] or 1),)) for k, f in enumerate(formats)])
    return keys, {keys[f"TTYPE{k + 1}"]: table[str(k)].ravel() for k in range(len(formats))}


# Centres of the pixels of nside 4, rings from the north (Gorski et al. 2005, equations 2 to 9).
nside, z, phi = 4, [], []
for i in range(1, 4 * nside):
    polar = min(i, 4 * nside - i)
    n = 4 * min(polar, nside)
    shift = 0.5 if polar < nside else ((i - nside + 1) % 2) / 2
    height = 1 - polar**2 / (3 * nside**2) if polar < nside else 4 / 3 - 2 * polar / (3 * nside)
    z += [height if i <= 2 * nside else -height] * n
    phi += list((np.arange(1, n + 1) - shift) * 2 * np.pi / n)
z, phi = np.array(z), np.array(phi)
sphere = np.stack([np.sqrt(1 - z**2) * np.cos(phi), np.sqrt(1 - z**2) * np.sin(phi), z], 1)
fields = waves(sphere, 41)
with netCDF4.Dataset(work / "history.nc", "w") as f:
    f.createDimension("time", 40)
    f.createDimension("cell", 192)
    f.createVariable("time", "f8", ("time",)).units = "years since 1-1-1"
    f["time"][:] = np.arange(40)
    f.createVariable("crs", "i4").setncatts({"grid_mapping_name": "healpix", "healpix_nside": 4, "healpix_order": "ring"})
    f.createVariable("signal", "f4", ("time", "cell")).setncatts({"units": "mK", "grid_mapping": "crs"})
    f["signal"][:] = fields[:40]
run(0, "train", "prior", "--input", work / "history.nc", "--output", work / "sky.h5", "--set", "backbone.taper_km=20000", *plain)
gap = (z > 0.2) & (phi < 2)
signal = np.where(gap, np.float32(UNSEEN), fields[40].astype("f4")).astype(">f4")
hits = random.integers(0, 99, 192).astype(">i2")
sky, filled = work / "sky.fits", work / "filled.fits"
write_fits(sky, 4, [("I STOKES", "mK_CMB", signal), ("HITS", "", hits)], 16)
seen = json.loads(run(0, "inspect", sky, "--variable", "I_STOKES", "--model", work / "sky.h5", "--json")[0])
check(seen["format"] == "HEALPix in FITS" and seen["facts"]["nside"] == 4 and seen["facts"]["ordering"] == "ring", f"facts of a map: {seen['facts']}")
check(seen["facts"]["column I STOKES"] == f"mK_CMB, {gap.sum()} UNSEEN", f"columns of a map: {seen['facts']}")
check(seen["missing"]["missing"] == gap.sum() and seen["models"][0]["fits"], "gaps of a map, and its model")
sky_run = ("impute", "--model", work / "sky.h5", "--input", sky, "--variable", "I_STOKES", "--method", "gaussian", "--members", "16", "--quiet")
run(0, *sky_run, "--output", filled, "--write-members")
if failures:
    finish()
keys, columns = read_fits(filled)
mean = columns["I STOKES"]
check(mean.dtype == signal.dtype and np.array_equal(mean[~gap].view("u4"), signal[~gap].view("u4")), "observed bits of a column are kept")
check(np.array_equal(columns["HITS"], hits) and keys["OBSERVER"] == "somebody" and keys["COORDSYS"] == "G", "other columns and keywords are kept")
check(np.array_equal(columns["I STOKES_status"], gap) and np.array_equal(columns["I STOKES_spread"] > 0, gap), "status and spread are columns")
members = np.array([columns[f"I STOKES_member_{k}"] for k in range(1, 17)])
check(np.allclose(members.mean(0)[gap], mean[gap], atol=1e-5) and np.array_equal(members[:, ~gap], np.tile(signal[~gap], (16, 1))), "members are columns")
error = np.sqrt(np.mean((mean - fields[40])[gap] ** 2)) / fields[40].std()
check(error < 0.35, f"six waves seen on most of the sphere fill its gap: {error:.3f}")
run(0, *sky_run, "--output", work / "sky.nc")
with netCDF4.Dataset(work / "sky.nc") as f:
    check(np.array_equal(f["I_STOKES"][:][~gap], signal[~gap].astype(float)) and np.allclose(f["I_STOKES"][:], mean, atol=1e-5), "the same in NetCDF")
    check(f["I_STOKES"].grid_mapping == "healpix" and f["healpix"].healpix_nside == 4, "NetCDF says which grid it is")
run(0, "plot", filled, "--variable", "I_STOKES", "-o", work / "sky.png")
run(3, *sky_run[:4], filled, *sky_run[5:], "--output", work / "again.fits", says="imputed before")
run(2, *sky_run, "--output", work / "sky.ply", says=["mesh", ".nc"])
run(2, "impute", "--model", work / "sky.h5", "--input", work / "history.nc", "--output", work / "x.fits", says=["from one alone", ".nc"])
(work / "cut.fits").write_bytes(sky.read_bytes()[:-BLOCK])
run(3, "inspect", work / "cut.fits", says="cut.fits")
# Pixels of a part of the sphere come by number; they lie on the same model.
half = work / "half.fits"
write_fits(half, 4, [("PIXEL", "", np.arange(192).astype(">i2")), ("T", "mK", signal)], 1, [("INDXSCHM", "EXPLICIT")])
data = half.read_bytes()
half.write_bytes((data[:2 * BLOCK].replace(b"NAXIS2  =                  192", b"NAXIS2  =                  150") + data[2 * BLOCK:2 * BLOCK + 150 * 6]).ljust(3 * BLOCK, b"\0"))
check(json.loads(run(0, "inspect", half, "--json", "--variable", "T")[0])["facts"]["pixels"] == 150, "pixels of a part")
run(0, *sky_run[:4], half, "--variable", "T", *sky_run[7:], "--output", work / "half_out.fits")
part = read_fits(work / "half_out.fits")[1]
check(np.array_equal(part["PIXEL"], np.arange(150)) and np.allclose(part["T"], mean[:150], atol=0.5 * fields[40].std()) and np.array_equal(part["T_status"], gap[:150]), "a part is filled")

# A mesh: a grid of triangles on a bowl, whose values come in PLY, and in NetCDF beside an OFF file.
u, v = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 12), indexing="ij")
points = np.stack([u.ravel(), v.ravel(), 0.3 * (u**2 + v**2).ravel()], 1)
corner = lambda i, j: 12 * i + j
faces = [t for i in range(11) for j in range(11)
         for t in ((corner(i, j), corner(i + 1, j), corner(i + 1, j + 1)), (corner(i, j), corner(i + 1, j + 1), corner(i, j + 1)))]
fields = waves(points, 41)
gap = (np.abs(points[:, 0]) < 0.4) & (np.abs(points[:, 1]) < 0.4)


def write_off(path, vertices, triangles):
    path.write_text(f"OFF\n{len(vertices)} {len(triangles)} 0\n" + "".join("%r %r %r\n" % tuple(p) for p in vertices) +
                    "".join("3 %d %d %d\n" % t for t in triangles))


def write_ply(path, vertices, triangles, values):
    path.write_text(f"ply\nformat ascii 1.0\ncomment units heat K\nelement vertex {len(vertices)}\n" +
                    "".join(f"property double {c}\n" for c in "xyz") + "property float heat\nproperty uchar red\n" +
                    f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n" +
                    "".join("%r %r %r %r 7\n" % (*p, h) for p, h in zip(vertices, values)) + "".join("3 %d %d %d\n" % t for t in triangles))


def read_ply(path):
    head, body = path.read_bytes().split(b"end_header\n", 1)
    lines = head.decode().splitlines()
    count = int(next(line for line in lines if line.startswith("element vertex")).split()[2])
    names = [line.split()[2] for line in lines if line.startswith("property double")]
    return lines, np.frombuffer(body[:8 * count * len(names)], dtype=[(n, "<f8") for n in names])


def write_values(path, values):
    with netCDF4.Dataset(path, "w") as f:
        f.createDimension("time", len(values))
        f.createDimension("node", values.shape[1])
        f.createVariable("time", "f8", ("time",)).units = "years since 1-1-1"
        f["time"][:] = np.arange(len(values))
        f.createVariable("heat", "f4", ("time", "node"), fill_value=np.float32(9e9)).units = "K"
        f["heat"][:] = np.ma.masked_invalid(values)


def plain_floats(values):
    return [float(np.float32(x)) for x in values]


write_off(work / "bowl.off", points.tolist(), faces)
write_values(work / "bowl_history.nc", fields[:40])
run(0, "train", "prior", "--input", work / "bowl_history.nc", "--grid", work / "bowl.off", "--output", work / "bowl.h5", "--set", "backbone.taper_km=4", *plain)
heat = np.where(gap, np.nan, fields[40]).astype("f4")
write_ply(work / "bowl.ply", points.tolist(), faces, plain_floats(heat))
seen = json.loads(run(0, "inspect", work / "bowl.ply", "--variable", "heat", "--model", work / "bowl.h5", "--json")[0])
facts = seen["facts"]
check([facts[k] for k in ("vertices", "triangles", "components", "boundary")] == [144, 242, 1, 44], f"facts of a mesh: {facts}")
check(facts["property heat"] == f"K, {gap.sum()} missing" and "property red" in facts and facts["sound"] == "yes", f"properties of a mesh: {facts}")
check(seen["grid"]["kind"] == "surface" and seen["models"][0]["fits"], "a model of the OFF file fits the PLY file")
bowl = ("impute", "--model", work / "bowl.h5", "--variable", "heat", "--method", "gaussian", "--members", "16", "--quiet")
run(0, *bowl, "--input", work / "bowl.ply", "--output", work / "bowl_out.ply")
lines, out = read_ply(work / "bowl_out.ply")
check(np.array_equal(out["heat"][~gap], heat[~gap].astype(float)) and np.all(out["red"] == 7), "observed values and other properties are kept")
check(np.array_equal(out["heat_status"], gap) and np.array_equal(out["heat_spread"] > 0, gap), "status and spread are properties")
check(np.array_equal(np.stack([out[c] for c in "xyz"], 1), points) and "comment units heat_spread K" in lines, "vertices and units are kept")
error = np.sqrt(np.mean((out["heat"] - fields[40])[gap] ** 2)) / fields[40].std()
check(error < 0.35, f"six waves seen on most of a bowl fill its gap: {error:.3f}")
run(0, *bowl, "--input", work / "bowl.ply", "--output", work / "bowl_out.nc")
with netCDF4.Dataset(work / "bowl_out.nc") as f:
    check(np.allclose(f["heat"][:], out["heat"], atol=1e-5) and f["heat_spread"].mesh == "mesh", "the same in NetCDF, with its mesh")
write_values(work / "beside.nc", heat[None].astype(float))
run(0, *bowl, "--input", work / "beside.nc", "--grid", work / "bowl.off", "--output", work / "beside_out.nc")
with netCDF4.Dataset(work / "beside_out.nc") as f:
    check(np.allclose(f["heat"][0], out["heat"], atol=1e-4) and f["heat"].dimensions == ("time", "node"), "values beside an OFF file are filled alike")
run(0, *bowl, "--input", work / "beside.nc", "--grid", work / "bowl.off", "--output", work / "beside_out.ply")
check(np.allclose(read_ply(work / "beside_out.ply")[1]["heat"], out["heat"], atol=1e-4), "and written as a mesh")
h5py = None
try:
    import h5py
except ImportError:
    pass
if h5py:
    with h5py.File(work / "plain.h5", "w") as f:
        f["heat"] = heat
        f["heat"].attrs["units"] = np.bytes_("K")
    run(0, *bowl, "--input", work / "plain.h5", "--grid", work / "bowl.off", "--output", work / "plain_out.nc")
    with netCDF4.Dataset(work / "plain_out.nc") as f:
        check(np.allclose(f["heat"][:], out["heat"], atol=1e-5), "plain HDF5 beside an OFF file is filled alike")
write_off(work / "fewer.off", points[:-1].tolist(), [t for t in faces if 143 not in t])
run(3, *bowl, "--input", work / "beside.nc", "--grid", work / "fewer.off", "--output", work / "x.nc", says=["143 vertices of the mesh", "heat"])
run(2, *bowl, "--input", work / "bowl_history.nc", "--grid", work / "bowl.off", "--output", work / "x.ply", says=["one field", ".nc"])

# What makes a mesh unsound is named, and repaired on demand.
broken = [*points.tolist(), points[5].tolist(), [9.0, 9.0, 9.0]]
more = [*faces[:-1], tuple(144 if c == 5 else c for c in faces[-1]), faces[-1], (faces[0][0], faces[0][1], faces[0][0])]
more[faces.index(next(t for t in faces if 5 in t))] = tuple(144 if c == 5 else c for c in next(t for t in faces if 5 in t))
write_ply(work / "broken.ply", broken, more, plain_floats([*heat, heat[5], 1.0]))
run(3, "inspect", work / "broken.ply", "--variable", "heat", says=["vertex 144", "--repair"])
run(3, *bowl, "--input", work / "broken.ply", "--output", work / "x.ply", says=["vertex 144", "--repair"])
text = run(0, "inspect", work / "broken.ply", "--variable", "heat", "--repair")[0]
check(all(part in text for part in ("1 vertices were merged", "(144)", "1 vertices without a triangle", "(145)", "1 triangles without area", "1 triangles of the vertices of another")), f"what a repair did: {text}")
run(0, *bowl, "--input", work / "broken.ply", "--output", work / "repaired.ply", "--repair")
check(np.allclose(read_ply(work / "repaired.ply")[1]["heat"], out["heat"], atol=1e-5), "a repaired mesh is filled as the sound one")
run(2, *bowl, "--input", work / "beside.nc", "--output", work / "x.nc", "--repair", says="no mesh file to repair")
write_off(work / "broken.off", broken, more)
run(3, *bowl, "--input", work / "beside.nc", "--grid", work / "broken.off", "--output", work / "x.nc", "--repair", says="renumber")

check(not list(work.glob(".*")) and not list(work.glob("x.*")) and not list(work.glob("*checkpoint*")), f"nothing is left behind: {sorted(p.name for p in work.iterdir())}")
finish()
