"""`manifill evaluate` through operators: what is measured, all scores by NumPy, the same members as `reconstruct`; methods that do not take it; halves and boxes."""
import csv
import json
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.png import read_png
from support.program import check, finish, require, run, work

netCDF4, np, ndimage = require("netCDF4", "numpy", "scipy.ndimage")
ROWS, COLUMNS = 16, 20
random = np.random.default_rng(11)
row, column = np.mgrid[0:ROWS, 0:COLUMNS]


def picture():
    a, b, c = random.uniform(0, 2 * np.pi, 3)
    return 0.5 + 0.15 * (np.sin(row / 3 + a) + np.cos(column / 4 + b) + np.sin((row - column) / 2.5 + c))


def write(path, fields):
    with netCDF4.Dataset(path, "w") as f:
        for name, length in zip(("time", "row", "column"), fields.shape):
            f.createDimension(name, length)
        f.createVariable("time", "f8", ("time",)).units = "years since 1-1-1"
        f["time"][:] = np.arange(len(fields))
        f.createVariable("grey", "f8", ("time", "row", "column"))[:] = fields


write(work / "history.nc", np.stack([picture() for _ in range(40)]))
write(work / "truth.nc", np.stack([picture() for _ in range(3)]))
run(0, "train", "prior", "--input", work / "history.nc", "--output", work / "model.h5", "--set", "backbone.season_bins=1", "--set", "backbone.mean_harmonics=0", "--quiet")

config = work / "job.toml"
config.write_text(f"""
[evaluate]
input = "{work}/truth.nc"
model = "{work}/model.h5"
methods = ["nearest", "gaussian", "matern", "noise2score"]
withhold = ["half", "box"]
hidden = [0.3]
noise = [0.0, 0.05]
members = 9
worst = 1
resamples = 50
write_members = true
[matern]
range = 4.0
sd = 0.2
nugget_sd = 0.01

[[method]]
name = "pigdm"
label = "pigdm, 5 steps"
set = ["pigdm.steps=5"]

[[measurement]]
operators = ["coarsen"]
coarsen.factor = [2]

[[measurement]]
operators = ["gaussian_blur"]
gaussian_blur.width = 1.2

[[measurement]]
operators = ["motion_blur", "coarsen"]
motion_blur.length = 3
motion_blur.angle = 30
coarsen.factor = [4]

[[measurement]]
operators = []
""")
names = ["coarsen factor=2", "gaussian_blur width=1.2", "motion_blur length=3 angle=30 + coarsen factor=4", "as it is"]
methods = ["nearest", "gaussian", "matern", "noise2score", "pigdm, 5 steps"]
variables = ["nearest", "gaussian", "matern", "noise2score", "pigdm_5_steps"]
out = work / "out"
said = "".join(run(0, "evaluate", config, "-o", out))
found = json.loads((out / "scores.json").read_text())
settings, cases = found["settings"], found["cases"]
check([s["kind"] for s in settings] == [n for n in ["half", "box", *names] for _ in range(2)], f"settings are named by their operators: {[s['kind'] for s in settings]}")
check([s["measurement"] for s in settings] == [None] * 4 + [k for k in (1, 2, 3, 4) for _ in range(2)], "and say which section they are")
check(len(cases) == 12 * 3, f"{len(cases)} cases: each measurement with each noise")
file = netCDF4.Dataset(out / "members.nc")
file.set_auto_mask(False)
truth, observed, weight = (file[name][:].astype(float) for name in ("truth", "observed", "weight"))
members = {name: file[f"grey_{variable}"][:].astype(float) for name, variable in zip(methods, variables)}


def blocks(fields, size):
    """Means of blocks, as large as the fields."""
    means = fields.reshape(len(fields), ROWS // size, size, COLUMNS // size, size).mean((2, 4))
    return means.repeat(size, 1).repeat(size, 2)


def of(kind, noise):
    return [k for k, case in enumerate(cases) if settings[case["setting"]]["kind"] == kind and settings[case["setting"]]["noise"] == noise]


# What is measured: exactly, and with noise that is one number for a value.
exact = {names[0]: (lambda x: blocks(x, 2), 1e-12), names[3]: (lambda x: x, 0),
         # SciPy cuts the kernel at another pixel, where it is below 4e-4 of its middle.
         names[1]: (lambda x: np.stack([ndimage.gaussian_filter(f, 1.2, mode="reflect") for f in x]), 4e-4)}
for kind, (operator, tolerance) in exact.items():
    at = of(kind, 0.0)
    difference = np.abs(observed[at] - operator(truth[at])).max()
    check(difference <= tolerance, f"{kind}: what is measured is {difference} off")
    at = of(kind, 0.05)
    noise = observed[at] - operator(truth[at])
    if kind == names[0]:
        check((noise.reshape(3, 8, 2, 10, 2).std((2, 4)) < 1e-12).all(), "a coarse value is laid over its block")
        noise = noise[:, ::2, ::2]
    # Of n values the standard deviation is known to 1 / sqrt(2 n): four of these.
    check(abs(noise.std() / 0.05 - 1) < 4 / np.sqrt(2 * noise.size), f"{kind}: noise of {noise.std():.4f}")
at = of(names[2], 0.0)
coarse = observed[at].reshape(3, 4, 4, 5, 4)
check(coarse.std((2, 4)).max() < 1e-12 and np.abs(coarse.mean((2, 4)) - truth[at].reshape(3, 4, 4, 5, 4).mean((2, 4))).max() < 0.05, "operators act one after the other, the last makes the values")

# All known cells are scored, and every score is that of the members that are written.
for index, name in enumerate(methods):
    lines = found["methods"][index]["cases"]
    for k, line in enumerate(lines):
        kind = settings[cases[k]["setting"]]["kind"]
        if line["not_applicable"]:
            check(np.isnan(members[name][k]).all() and line["crps"] is None, f"{name}, case {k}: nothing where it does not apply")
            continue
        w = weight[k].ravel()
        check((w > 0).all() if kind in names else (w > 0).sum() < w.size, f"{kind}: scored cells")
        x, y = members[name][k].reshape(9, -1)[:, w > 0], truth[k].ravel()[w > 0]
        w = w[w > 0]
        spread = np.abs(x[:, None] - x[None]).sum((0, 1)) / (2 * 9 * 8)
        crps = (w * (np.abs(x - y).mean(0) - spread)).sum() / w.sum()
        square = (w * (x.mean(0) - y)**2).sum() / w.sum()
        check(abs(line["weight"] - w.sum()) < 1e-9 and abs(line["crps"] - crps) < 1e-9 and abs(line["square"] - square) < 1e-9, f"{name}, {kind}, case {k}: {line['crps']}, by Python {crps}")
        if kind in names and settings[cases[k]["setting"]]["noise"] > 0:
            check(np.abs(x - truth[k].ravel()).min(0).max() > 1e-3, f"{name}, {kind}: no truth is given away")

# The Gaussian posterior of a coarse image is what `reconstruct` makes of a file of it.
at = of(names[0], 0.05)
write(work / "coarse.nc", observed[at][:, ::2, ::2])
run(0, "reconstruct", "--model", work / "model.h5", "-i", work / "coarse.nc", "-o", work / "fine.nc", "--operators", "coarsen", "--set", "measurement.coarsen.factor=2", "--noise", "0.05",
    "--members", "9", "--write-members", "--quiet")
with netCDF4.Dataset(work / "fine.nc") as f:
    fine = f["grey_member"]
    # Members in the file's precision, whatever the order of its dimensions.
    fine = np.moveaxis(fine[:].astype(float), fine.dimensions.index("realization"), 1).reshape(3, 9, ROWS, COLUMNS)
difference = np.abs(fine - members["gaussian"][at]).max()
check(difference < 1e-4, f"members are those of reconstruct: {difference}")
error = {name: [np.sqrt(np.mean((members["gaussian"][of(name, n)].mean(1) - truth[of(name, n)])**2)) for n in (0.0, 0.05)] for name in names}
blur = [np.sqrt(np.mean((observed[of(name, 0.05)] - truth[of(name, 0.05)])**2)) for name in names]
check(all(e[1] < 0.6 * b for e, b in zip(error.values(), blur)), f"the posterior is nearer to the truth than what was measured: {error}, {blur}")

# What a method does not take is said, and the others go on.
takes = {"nearest": {"half", "box", "as it is"}, "gaussian": {"half", "box", *names}, "matern": {"half", "box"}, "noise2score": {"as it is"}, "pigdm, 5 steps": {"half", "box", *names}}
for method in found["methods"]:
    taken = {settings[case["setting"]]["kind"] for case, line in zip(cases, method["cases"]) if not line["not_applicable"]}
    check(taken == takes[method["name"]], f"{method['name']} takes {taken}")
    for stratum in method["strata"]:
        own = [line for case, line in zip(cases, method["cases"]) if settings[case["setting"]]["kind"] == stratum["kind"]]
        if stratum["stratum"] == "all" and stratum["kind"] != "all":
            check(stratum["not_applicable"] == sum(bool(line["not_applicable"]) for line in own), f"{method['name']}, {stratum['kind']}: cases that do not apply")
check(found["methods"][4]["evaluations"] == 5, "variants go through operators too")
reasons = {line["not_applicable"] for line in found["methods"][0]["cases"]} - {None}
check(len(reasons) == 1 and "the model's own points" in reasons.pop(), "with the method's own reason")
check(any(w.startswith(f"nearest: no members for 18 of 36 cases ({'; '.join(names[:3])}): the method nearest fills") for w in found["warnings"]) and "no members" in said, f"a warning says so: {found['warnings']}")
with open(out / "scores.csv") as f:
    table = {(r["method"], r["kind"], r["stratum"], r["value"]): r for r in csv.DictReader(f)}
line = table["nearest", names[2], "all", "all"]
check(line["crps"] == "" and line["fields"] == "0" and line["not_applicable"] == "6", f"and the table: {line}")
html = (out / "report.html").read_text()
check("<td>no members</td>" in html and "nearest: no members, the method nearest fills from" in html and "18 of 36 cases" in html, "and the report")

# The difference from the first method is over the cases that both take, by area.
# A method that runs away on its cases does not end the job of the others.
wild = ["evaluate", config, "--quiet", "--set", "evaluate.worst=0", "--set", "method[1].name=dps", "--set", "method[1].set=[dps.zeta=1e6,dps.steps=20]"]
run(0, *wild, "-o", work / "wild", "--methods", "gaussian", says=["no members for", "ran away"])
away = json.loads((work / "wild/scores.json").read_text())["methods"]
check([line["crps"] for line in away[0]["cases"]] == [line["crps"] for line in found["methods"][1]["cases"]], "the others are scored")
check(all(line["crps"] is None and "ran away" in line["not_applicable"] for line in away[1]["cases"]), "with its reason in every case")

for index, name in enumerate(methods[1:], 1):
    pairs = [(a["weight"], b["crps"] - a["crps"]) for a, b in zip(found["methods"][0]["cases"], found["methods"][index]["cases"]) if a["crps"] is not None and b["crps"] is not None]
    wanted = sum(w * d for w, d in pairs) / sum(w for w, _ in pairs)
    got = found["methods"][index]["strata"][0]["intervals"]["crps_less_first"]["mean"]
    check(abs(got - wanted) < 1e-9, f"{name}: {got} from the first method, by Python {wanted}")
    own = table[name, names[0], "all", "all"]["crps_less_first"]
    check(own == "", f"no difference from a method that does not apply: {own}")

# Halves and boxes.
hidden = np.isnan(observed)
sides = [np.s_[:8, :], np.s_[8:, :], np.s_[:, :10], np.s_[:, 10:]]
for k in of("half", 0.0):
    check(any(hidden[k][side].all() and hidden[k].sum() == 160 for side in sides), f"case {k}: one half is hidden")
for k in of("box", 0.05):
    rows, columns = np.flatnonzero(hidden[k].any(1)), np.flatnonzero(hidden[k].any(0))
    check(hidden[k].sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1), f"case {k}: what is hidden is one box")
    # Nine rows of 10.7 columns: 11.
    check(hidden[k].sum() == 99, f"case {k}: {hidden[k].sum()} of 320 cells for 30 %")

# Pictures by setting, and quality against speed.
pictures = {p.name for p in (out / "pictures").iterdir()}
wanted = {f"samples_{word}_noise_{noise}.png" for word in ("coarsen_factor_2", "gaussian_blur_width_1.2", "motion_blur_length_3_angle_30_coarsen_factor_4", "as_it_is", "half_50", "box_30") for noise in ("0", "0.05")}
check(wanted | {"speed.png"} <= pictures, f"pictures of every setting: {sorted(pictures)}")
tall, low = (read_png(out / "pictures" / f"samples_{word}_noise_0.05.png").shape[0] for word in ("as_it_is", "coarsen_factor_2"))
check(tall > low, f"a row for each method that applies: {tall} and {low} pixels high")
check("ms a sample" in html and "evaluations a sample" in html, "time and evaluations stand in the table")

# The configuration that is written gives the same again, and holds what was used.
again = work / "again"
resolved = (out / "config.toml").read_text()
check("[measurement.coarsen]" in resolved and "truncate" not in resolved, "options of operators that are used, no others")
run(0, "evaluate", out / "config.toml", "--quiet", "-o", again, "--set", "evaluate.worst=0")
check((out / "scores.json").read_bytes() == (again / "scores.json").read_bytes(), "the same scores from the configuration that is written")

# Measurements alone; refusals.
no = work / "no"
run(0, "evaluate", config, "--quiet", "-o", work / "alone", "--set", "evaluate.withhold=[]", "--methods", "gaussian", "--set", "evaluate.worst=0")
alone = json.loads((work / "alone/scores.json").read_text())
same = [k for k, case in enumerate(cases) if settings[case["setting"]]["measurement"]]
check([s["kind"] for s in alone["settings"]] == [n for n in names for _ in range(2)], "nothing is withheld where nothing is to be")
check([line["crps"] for line in alone["methods"][0]["cases"]] == [found["methods"][1]["cases"][k]["crps"] for k in same], "a setting's scores do not depend on the others")
run(2, "evaluate", "-i", work / "truth.nc", "--model", work / "model.h5", "-o", no, "--set", "evaluate.withhold=[]", says=["nothing is to be withheld", "[[measurement]]"])
run(2, "evaluate", config, "--quiet", "-o", no, "--set", "evaluate.withhold=[]", "--methods", "matern", "--set", "method[1].name=dineof", "--set", "method[1].set=[]", says=["no method has members", "operator"])
run(2, "evaluate", config, "--quiet", "-o", no, "--set", "measurement[1].operators=coarse", says="Did you mean 'coarsen'?")
run(2, "evaluate", config, "--quiet", "-o", no, "--set", "measurement[2].gaussian_blur.width=0", says="gaussian_blur.width")
check(not no.exists() or not list(no.iterdir()), "nothing is left of what was refused")
finish()
