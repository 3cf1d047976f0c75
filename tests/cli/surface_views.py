"""Surfaces in space as shaded views: what lies behind is hidden, each place has its colour, imputed surfaces have all their panels."""
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np = require("netCDF4", "numpy")
from support.png import read_png

WIDTH = 600


def write_ply(path, vertices, triangles, columns):
    path.write_text(f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\n" + "".join(f"property double {c}\n" for c in "xyz") +
                    "".join(f"property double {name}\n" for name in columns) + f"element face {len(triangles)}\n"
                    "property list uchar int vertex_indices\nend_header\n" +
                    "".join(" ".join(map(repr, map(float, (*v, *(columns[c][k] for c in columns))))) + "\n" for k, v in enumerate(vertices)) +
                    "".join("3 %d %d %d\n" % tuple(t) for t in triangles))


def read_view(path, width=WIDTH):
    """The picture above its colour bar, and the bar's colours from end to end."""
    picture = read_png(path)
    cut = round(140 * width / 1600)
    below = picture[-cut:]
    row = below[int(np.median(np.nonzero(np.ptp(below, axis=2).any(1))[0]))]
    inside = np.nonzero(np.ptp(row, axis=1) > 25)[0]
    return picture[:-cut], row[inside[0] + 3:inside[-1] - 2]


def share(picture, colour):
    """Share of the coloured pixels whose colour is this one, under any light: the light scales all three alike."""
    tinted = picture[np.ptp(picture, axis=2) > 40].astype(float)
    turn = tinted / np.linalg.norm(tinted, axis=1, keepdims=True) @ (np.array(colour) / np.linalg.norm(colour))
    return float((turn > np.cos(np.radians(4))).mean())


# Three triangles one behind the other: the first hides the second, beside which the third lies in the open.
front = [(0, 0, 1), (2, 0, 1), (0, 2, 1)]
behind = [(0.2, 0.2, 0), (1.2, 0.2, 0), (0.2, 1.2, 0)]
beside = [(3, 0, 0), (5, 0, 0), (3, 2, 0)]
vertices, triangles = front + behind + beside, [(0, 1, 2), (3, 4, 5), (6, 7, 8)]
write_ply(work / "three.ply", vertices, triangles, {"heat": [0] * 3 + [1] * 3 + [0.5] * 3})
view = ("--range", "0,1", "--palette", "sequential", "--width", WIDTH)
run(0, "plot", work / "three.ply", "-o", work / "front.png", *view)
picture, bar = read_view(work / "front.png")
DARK, GREEN, YELLOW = bar[0], bar[len(bar) // 2], bar[-1]
check(share(bar[None], GREEN) < 0.3, f"the colours of the bar's ends and middle differ: {DARK}, {GREEN}, {YELLOW}")
check(share(picture, DARK) > 0.4 and share(picture, GREEN) > 0.4, f"what is in sight has its colours: {share(picture, DARK)}, {share(picture, GREEN)}")
check(share(picture, YELLOW) == 0, "what is hidden does not appear")
left = np.nonzero(np.ptp(picture, axis=2) > 40)[1].min()
middle = picture[:, :left + (picture.shape[1] - 2 * left) // 2]
check(share(middle, GREEN) == 0 and share(middle, DARK) > 0.97, "the first is at the left")
run(0, "plot", work / "three.ply", "-o", work / "back.png", *view, "--towards", "0,0,-1")
picture = read_view(work / "back.png")[0]
# A quarter of the first one's area, which shows all round it.
check(0.08 < share(picture, YELLOW) < 0.2 and share(picture, DARK) > 0.25, f"from behind it hides a part of the first: {share(picture, YELLOW)}")
run(0, "plot", work / "three.ply", "-o", work / "turned.png", *view, "--up", "1,0,0")
check(read_png(work / "turned.png").shape[0] > 1.5 * read_png(work / "front.png").shape[0], "what is up decides the picture's shape")
write_ply(work / "gap.ply", vertices, triangles, {"heat": [0] * 3 + [1] * 3 + [np.nan] * 3})
run(0, "plot", work / "gap.ply", "-o", work / "gap.png", *view)
picture = read_view(work / "gap.png")[0]
check(share(picture, DARK) > 0.97 and share(picture, GREEN) == 0, "a triangle without values has no colour")
grey = (np.ptp(picture, axis=2) == 0) & (picture[:, :, 0] > 100) & (picture[:, :, 0] < 250)
check(grey[:, picture.shape[1] // 2:].sum() > 2000, "it is grey")

run(2, "plot", work / "three.ply", "-o", work / "x.png", "--projection", "mollweide", says=["three.ply", "--towards"])
run(2, "plot", work / "three.ply", "-o", work / "x.png", "--towards", "0,1,0", says="'up' another direction")
run(2, "plot", work / "three.ply", "-o", work / "x.png", "--towards", "1,2", says="three numbers")
run(3, "plot", work / "x.ply", "-o", work / "x.png", says="x.ply")

# A series on a UGRID mesh: a bowl whose value is its time.
u, v = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9), indexing="ij")
bowl = np.stack([u.ravel(), v.ravel(), 0.3 * (u**2 + v**2).ravel()], 1)
faces = [t for i in range(8) for j in range(8) for k in [9 * i + j] for t in ((k, k + 9, k + 10), (k, k + 10, k + 1))]
with netCDF4.Dataset(work / "bowl.nc", "w") as f:
    for name, size in (("time", 3), ("node", 81), ("face", len(faces)), ("three", 3)):
        f.createDimension(name, size)
    f.createVariable("mesh", "i4").setncatts({"cf_role": "mesh_topology", "topology_dimension": 2, "node_coordinates": "x y z", "face_node_connectivity": "faces"})
    f.createVariable("faces", "i4", ("face", "three")).start_index = 0
    f["faces"][:] = faces
    for k, axis in enumerate("xyz"):
        f.createVariable(axis, "f8", ("node",))[:] = bowl[:, k]
    f.createVariable("time", "f8", ("time",)).units = "days since 2000-01-01"
    f["time"][:] = np.arange(3)
    f.createVariable("heat", "f4", ("time", "node")).setncatts({"units": "K", "mesh": "mesh", "location": "node"})
    f["heat"][:] = np.repeat([[0.0], [0.5], [1.0]], 81, 1)
run(0, "plot", work / "bowl.nc", "-o", work / "bowl.png", "--time", "2000-01-01:2000-01-03", "--palette", "sequential", "--width", WIDTH,
    "--towards", "0.3,0.2,1")
for k, colour in enumerate((DARK, GREEN, YELLOW)):
    got = share(read_view(work / f"bowl_{k + 1:04}.png")[0], colour)
    check(got > 0.95, f"time {k} has its colour on one scale for all: {got}")

# An imputed mesh file has a column for each member.
heat = bowl[:, 0] + bowl[:, 1]
gap = (np.abs(bowl[:, 0]) < 0.4) & (np.abs(bowl[:, 1]) < 0.4)
write_ply(work / "holed.ply", bowl, faces, {"heat": np.where(gap, np.nan, heat)})
run(0, "impute", "--method", "matern", "--input", work / "holed.ply", "--output", work / "filled.ply", "--members", 3, "--write-members", "--quiet")


def runs(full):
    return int((np.diff(np.concatenate([[0], full.astype(int)])) == 1).sum())


for members, expected in (("0", 3), ("1,2,3", 6)):
    run(0, "plot", work / "filled.ply", "-o", work / "filled.png", "--members", members, "--width", WIDTH)
    inked = read_view(work / "filled.png")[0].min(2) < 250
    rows = inked.mean(1) > 0.5  # a row of views, squares seen from above, fills most of the width
    views = runs(rows) * runs(inked[rows].mean(0) > 0.5)
    check(views == expected, f"observed, filled, spread and members {members}: {views} views")
run(2, "plot", work / "filled.ply", "-o", work / "x.png", "--members", "4", says=["member 4", "the file has 3"])
run(3, "plot", work / "filled.ply", "-o", work / "x.png", "--variable", "heat_member_9", says="heat_member")

broken = vertices + [vertices[0]]
write_ply(work / "broken.ply", broken, [(9, 1, 2), *triangles[1:]], {"heat": [0] * 3 + [1] * 3 + [0.5] * 3 + [0]})
run(3, "plot", work / "broken.ply", "-o", work / "x.png", says="--repair")
run(0, "plot", work / "broken.ply", "-o", work / "repaired.png", "--repair", *view, says="repair:")
check((read_png(work / "repaired.png") == read_png(work / "front.png")).all(), "a repaired mesh is drawn as the sound one")
check(not list(work.glob("x.png")), "refused pictures are not written")
finish()
