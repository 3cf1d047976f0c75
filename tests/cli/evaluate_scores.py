"""Every score of `manifill evaluate` computed again from the truth, weights and members that it writes, by NumPy, SciPy and scikit-image."""
import json
import os
import struct
import sys
import zlib
from pathlib import Path

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, require, run, work

netCDF4, np, scipy_special, distance, metrics = require("netCDF4", "numpy", "scipy.special", "scipy.spatial.distance", "skimage.metrics")

source = Path(os.environ["MANIFILL_SOURCE"])
EARTH = 6371.0088


def near(name, got, wanted, tolerance=1e-9):
    """Double precision on both sides: what differs is the order of sums."""
    if wanted is None or got is None:
        check(wanted is None and got is None, f"{name}: {got}, by Python {wanted}")
        return
    got, wanted = np.asarray(got, float), np.asarray(wanted, float)
    check(got.shape == wanted.shape and np.allclose(got, wanted, rtol=tolerance, atol=tolerance * max(1e-3, np.abs(wanted).max(initial=0))),
          f"{name}: {got}, by Python {wanted}")


def crps(x, y):
    """Fair: every pair of members once and again."""
    m = len(x)
    return np.abs(x - y).mean(0) - np.abs(x[:, None] - x[None]).sum((0, 1)) / (2 * m * (m - 1))


def score(x, y, w):
    """Scores of the scored cells of one field: x [member][point], y [point], w [point]."""
    at = w > 0
    x, y, w = x[:, at], y[at], w[at]
    m = len(x)
    total = w.sum()

    def mean(v):
        return (w * v).sum() / total

    error = x.mean(0) - y
    variance = x.var(0, ddof=1) * (m + 1) / m
    out = {"weight": total, "square": mean(error**2), "absolute": mean(np.abs(error)), "error": mean(error), "crps": mean(crps(x, y)), "variance": mean(variance)}
    # With 19 members the ends of these intervals are members: quantiles at k / (n + 1).
    out["covered"] = []
    for share in (0.5, 0.8, 0.9):
        low, high = np.quantile(x, [0.5 - share / 2, 0.5 + share / 2], axis=0, method="weibull")
        out["covered"].append(mean((low <= y) & (y <= high)))
    root = np.sqrt(w / total)
    to_truth = distance.cdist(x * root, (y * root)[None]).mean()
    out["diversity"] = distance.pdist(x * root).mean()
    out["energy"] = to_truth - out["diversity"] / 2
    ranks = (x < y).sum(0)
    out["ranks"] = np.bincount(ranks, weights=w, minlength=m + 1)
    out["squared"] = (w**2).sum()
    out["cells"] = np.stack([w, variance, error**2])
    return out


def gradients(fields, y, w, pairs, apart):
    """Mean absolute difference of neighbouring scored cells over their distance, units per 1000 km; the variogram score."""
    i, j = pairs[:, (w[pairs[0]] > 0) & (w[pairs[1]] > 0)]
    if len(i) == 0:
        return None, None, None
    weight = w[i] + w[j]
    far = apart[(w[pairs[0]] > 0) & (w[pairs[1]] > 0)]

    def slope(f):
        return 1000 * (weight * np.abs(f[..., i] - f[..., j]).mean(0) / far).sum() / weight.sum()

    root = np.sqrt(np.abs(fields[:, i] - fields[:, j]))
    departure = (np.sqrt(np.abs(y[i] - y[j])) - root.mean(0))**2 - root.var(0, ddof=1) / len(fields)
    return slope(y[None]), slope(fields), (weight * departure).sum() / weight.sum()


def discrepancy(x, y, w):
    """Unbiased squared MMD, Gaussian kernel of the truths' median distance, pairs left out."""
    root = np.sqrt(w / w.sum())
    x, y = x * root, y * root
    width = np.median(distance.pdist(y))
    k = [np.exp(-distance.cdist(a, b)**2 / (2 * width**2)) for a, b in ((x, x), (y, y), (x, y))]
    n = len(x)
    apart = [v.sum() - np.trace(v) for v in k]
    return (apart[0] + apart[1] - 2 * apart[2]) / (n * (n - 1))


def compare(folder, methods, variable, pairs, distances, periodic, spectrum=None, image=None):
    """All of scores.json from members.nc. Returns the JSON."""
    found = json.loads((folder / "scores.json").read_text())
    file = netCDF4.Dataset(folder / "members.nc")
    file.set_auto_mask(False)
    shape = file["truth"].shape
    truth, weight, observed = (file[name][:].reshape(shape[0], -1).astype(float) for name in ("truth", "weight", "observed"))
    places = range(truth.shape[1])
    for index, name in enumerate(methods):
        method = found["methods"][index]
        members = file[f"{variable}_{name}"][:].reshape(shape[0], -1, truth.shape[1]).astype(float)
        lines, spectra, rows = [], [], []
        for k, line in enumerate(method["cases"]):
            label = f"{name}, case {k}"
            x, y, w = members[k], truth[k], weight[k]
            own = score(x, y, w)
            for key in ("weight", "square", "absolute", "error", "crps", "variance", "covered", "energy", "diversity"):
                near(f"{label}: {key}", line[key], own[key])
            own["gradient_truth"], own["gradient_members"], own["variogram"] = gradients(x, y, w, pairs, distances)
            for key in ("gradient_truth", "gradient_members", "variogram"):
                near(f"{label}: {key}", line[key], own[key])
            at = w > 0
            squares = (w[at] * (x[:, at] - y[at])**2).sum(1) / w.sum()
            own["psnr"] = 10 * np.log10(found["range"]**2 / own["square"])
            own["psnr_members"] = np.mean(10 * np.log10(found["range"]**2 / squares))
            if image:
                own["ssim"], own["ssim_members"] = image(x.mean(0), y), np.mean([image(member, y) for member in x])
            for key in ("psnr", "psnr_members", "ssim", "ssim_members"):
                near(f"{label}: {key}", line[key], own.get(key), 1e-6 if "ssim" in key else 1e-9)
            kept = ~np.isnan(observed[k]) if found["settings"][found["cases"][k]["setting"]]["noise"] == 0 else np.zeros(len(w), bool)
            check(np.array_equal(x[:, kept], np.broadcast_to(observed[k][kept].astype("f4"), x[:, kept].shape)), f"{label}: what is observed without noise is kept")
            if periodic:  # rows with a scored cell, known as a whole
                grid = y.reshape(periodic)
                use = (w.reshape(periodic).max(1) > 0) & np.isfinite(grid).all(1)
                area = areas.reshape(periodic)[use].sum(1)

                def power(f):
                    c = np.abs(np.fft.rfft(f.reshape(*f.shape[:-1], *periodic)[..., use, :], axis=-1))**2 / periodic[1]**2
                    c[..., 1:(periodic[1] + 1) // 2] *= 2
                    return (area[:, None] * c).sum(-2) / area.sum()

                if use.any():
                    rows.append([power(y), power(x).mean(0), power(x.mean(0))])
            if spectrum:
                spectra.append([spectrum(y), np.mean([spectrum(member) for member in x], 0), spectrum(x.mean(0))])
            lines.append(own)
        # The first stratum is of all cases.
        total = sum(line["weight"] for line in lines)
        whole = method["strata"][0]["scores"]
        check(method["strata"][0]["stratum"] == "all" and whole["fields"] == len(lines), f"{name}: all cases come first")

        def cells(key):
            return sum(line["weight"] * np.asarray(line[key]) for line in lines) / total

        near(f"{name}: rmse", whole["rmse"], np.sqrt(cells("square")))
        near(f"{name}: mae", whole["mae"], cells("absolute"))
        near(f"{name}: bias", whole["bias"], cells("error"))
        near(f"{name}: crps", whole["crps"], cells("crps"))
        near(f"{name}: spread", whole["spread"], np.sqrt(cells("variance")))
        near(f"{name}: spread/skill", whole["spread_skill"], np.sqrt(cells("variance") / cells("square")))
        near(f"{name}: coverage", [whole[f"coverage{k}"] for k in (50, 80, 90)], cells("covered"))
        for key in ("energy", "diversity", "variogram", "gradient_truth", "gradient_members", "psnr", "psnr_members"):
            near(f"{name}: {key}", whole[key], np.mean([line[key] for line in lines if line[key] is not None]))
        ranks = sum(line["ranks"] for line in lines)
        share = ranks / ranks.sum()
        near(f"{name}: rank histogram", whole["rank_histogram"], share)
        near(f"{name}: rank chi-square", whole["rank_chi_square"], ((share - 1 / len(share))**2 * len(share)).sum() * ranks.sum()**2 / sum(line["squared"] for line in lines))
        # Any level between ranks: the randomised probability integral transform, averaged.
        edges = np.arange(len(share) + 1) / len(share)
        for point in whole["coverage"]:
            low, high = 0.5 - point["share"] / 2, 0.5 + point["share"] / 2
            inside = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) * len(share)
            near(f"{name}: coverage curve at {point['share']}", point["covered"], (share * inside).sum())
        w, variance, square = np.concatenate([line["cells"] for line in lines], 1)
        order = np.argsort(variance, kind="stable")
        bins = np.floor(8 * np.log2(variance[order]))
        w, variance, square = w[order], variance[order], square[order]
        groups, begin, done = [], 0, 0.0
        ends = np.append(np.flatnonzero(np.diff(bins)) + 1, len(bins))
        for end in ends:
            if done + w[begin:end].sum() >= w.sum() * (len(groups) + 1) / 12 * (1 - 1e-12) or end == len(bins):
                part = w[begin:end]
                groups.append([part.sum() / w.sum(), np.sqrt((part * variance[begin:end]).sum() / part.sum()), np.sqrt((part * square[begin:end]).sum() / part.sum())])
                done, begin = done + part.sum(), end
        near(f"{name}: error against spread", [[g["share"], g["spread"], g["rmse"]] for g in whole["spread_groups"]], groups)
        for key, own in (("spectrum", rows), ("degrees", spectra)):
            mean = np.mean(own, 0) if own else np.zeros((3, 0))
            for part, wanted in zip(("truth", "members", "mean"), mean):
                near(f"{name}: {key} of {part}", whole[key][part], wanted, 1e-8)
            if own:
                there = mean[0] > 1e-9 * mean[0].max()  # elsewhere the truth is rounding
                near(f"{name}: {key} ratio", np.array(whole[key]["ratio"])[there], (mean[1] / mean[0])[there], 1e-7)
        # By setting, over the three members that are kept.
        wanted = []
        for setting in range(len(found["settings"])):
            own = [k for k, case in enumerate(found["cases"]) if case["setting"] == setting]
            known = np.isfinite(truth[own]).all(0)
            wanted.append(np.mean([discrepancy(members[own, member][:, known], truth[own][:, known], areas[known]) for member in range(3)]))
        near(f"{name}: squared MMD", method["squared_mmd"], wanted, 1e-8)
        near(f"{name}: squared MMD of all", method["strata"][0]["squared_mmd"], np.mean(wanted), 1e-8)
        # Strata of settings, seasons and regions are summaries of their own cases.
        for stratum in method["strata"]:
            if stratum["kind"] == "all" and stratum["stratum"] in ("hidden", "noise"):
                key, factor = stratum["stratum"], 100 if stratum["stratum"] == "hidden" else 1
                number = float(stratum["value"].split()[0])
                own = [line for line, case in zip(lines, found["cases"]) if found["settings"][case["setting"]][key] is not None
                       and abs(factor * found["settings"][case["setting"]][key] - number) < 0.06]
                near(f"{name}: CRPS of {key} {number}", stratum["scores"]["crps"], sum(line["weight"] * line["crps"] for line in own) / sum(line["weight"] for line in own))
            interval = stratum["intervals"]["crps"]
            if interval["mean"] is not None:
                check(interval["low"] <= interval["mean"] <= interval["high"], f"{name}: a mean lies in its interval: {stratum['stratum']} {interval}")
                near(f"{name}: the mean of the interval", interval["mean"], stratum["scores"]["crps"])
        if index == 0:
            check(all(s["intervals"]["crps_less_first"]["mean"] in (0.0, None) for s in method["strata"]), "the first method is compared with itself")
    return found


def unit(lat, lon):
    lat, lon = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)


def grid_pairs(lat, lon):
    """Neighbours on a global grid that ends a step from the poles or less, also across them; great-circle distances; areas between cell edges."""
    number = np.arange(len(lat) * len(lon)).reshape(len(lat), len(lon))
    half = len(lon) // 2
    pairs = np.concatenate([np.stack([number.ravel(), np.roll(number, -1, 1).ravel()]), np.stack([number[:-1].ravel(), number[1:].ravel()]),
                            np.stack([number[[0, -1], :half].ravel(), number[[0, -1], half:].ravel()])], 1)
    points = unit(*np.meshgrid(lat, lon, indexing="ij")).reshape(-1, 3)
    apart = EARTH * np.arccos(np.clip((points[pairs[0]] * points[pairs[1]]).sum(1), -1, 1))
    edges = np.concatenate([[np.sign(lat[0]) * 90], (lat[1:] + lat[:-1]) / 2, [np.sign(lat[-1]) * 90]])
    area = np.repeat(np.abs(np.diff(np.sin(np.radians(edges)))), len(lon))
    return pairs, apart, area / area.sum()


# The demo's winds: two methods, blocks and folds, with noise and without.
config = work / "wind.toml"
config.write_text(f"""
[evaluate]
input = "{source}/sample_data/demo/wind_truth.nc"
model = "{source}/sample_data/models/fnoc_wind.flow.h5"
methods = ["gaussian", "flow"]
withhold = ["blocks", "folds"]
hidden = [0.3, 0.6]
noise = [0.0, 1.0]
folds = 2
cases = 3
members = 19
worst = 0
resamples = 200
write_members = true
output = "{work}/wind"
""")
run(0, "evaluate", config)
with netCDF4.Dataset(source / "sample_data/demo/wind_truth.nc") as f:
    lat, lon = np.array(f["lat"][:], float), np.array(f["lon"][:], float)
pairs, apart, areas = grid_pairs(lat, lon)
found = compare(work / "wind", ["gaussian", "flow"], "uwnd", pairs, apart, (len(lat), len(lon)))
with netCDF4.Dataset(work / "wind/members.nc") as f:
    f.set_auto_mask(False)
    weight, truth, observed = f["weight"][:], f["truth"][:], f["observed"][:]
    hidden = weight > 0
    check(np.allclose(weight[hidden], np.broadcast_to(areas.reshape(weight.shape[1:]), weight.shape)[hidden], rtol=1e-9), "weights are the areas of the cells")
    check((np.isnan(observed) == hidden).all(), "what is not observed is scored")
    regions = {"north of 30°N": lat > 30, "30°S to 30°N": np.abs(lat) <= 30, "south of 30°S": lat < -30}
    seasons = {}
    for index, name in enumerate(("gaussian", "flow")):
        members = f[f"uwnd_{name}"][:].astype(float)
        for stratum in found["methods"][index]["strata"]:
            if stratum["kind"] != "all" or stratum["stratum"] not in ("region", "season"):
                continue
            own = weight * regions[stratum["value"]][None, :, None] if stratum["stratum"] == "region" else weight * np.array([c["season"] == stratum["value"] for c in found["cases"]])[:, None, None]
            value = np.stack([crps(members[k].reshape(19, -1), truth[k].ravel()) for k in range(len(truth))]).reshape(own.shape)
            near(f"{name}: CRPS of {stratum['value']}", stratum["scores"]["crps"], (own * value).sum() / own.sum())
folds = [k for k, case in enumerate(found["cases"]) if found["settings"][case["setting"]]["kind"] == "folds" and found["settings"][case["setting"]]["noise"] == 0 and case["time"] == found["cases"][0]["time"]]
check(len(folds) == 2 and (hidden[folds[0]] ^ hidden[folds[1]]).all(), "every cell is withheld in one of the folds")
plain = {(case["time"], found["settings"][case["setting"]]["hidden"]): k for k, case in enumerate(found["cases"]) if found["settings"][case["setting"]]["noise"] == 0}
differences = np.concatenate([(observed[k] - truth[k])[~hidden[k]] for k, case in enumerate(found["cases"]) if found["settings"][case["setting"]]["noise"] == 1])
check(abs(differences.std() - 1) < 0.02 and abs(differences.mean()) < 0.02, f"noise has the standard deviation asked for: {differences.std():.4f} of {differences.size} cells")
check(all(np.array_equal(observed[k][~hidden[k]], truth[k][~hidden[k]]) for k in plain.values()), "no noise is added where none is asked for")

# Degrees: fields of a Gaussian grid, by associated Legendre functions and NumPy's quadrature.
nodes, quadrature = np.polynomial.legendre.leggauss(12)
lat, lon = np.degrees(np.arcsin(nodes))[::-1], np.arange(24) * 15.0
random = np.random.default_rng(4)
latitude, longitude = np.meshgrid(np.radians(lat), np.radians(lon), indexing="ij")
harmonics = [(l, m, scipy_special.sph_harm(m, l, longitude, np.pi / 2 - latitude)) for l in range(12) for m in range(l + 1)]
with netCDF4.Dataset(work / "globe.nc", "w") as f:
    for name, values, units in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east"), ("time", np.arange(60) * 30.4375 + 15, "days since 1990-01-01")):
        f.createDimension(name, len(values))
        f.createVariable(name, "f8", (name,))[:] = values
        f[name].units = units
    v = f.createVariable("t", "f8", ("time", "lat", "lon"))  # single precision would tie with members
    v.units = "K"
    v[:] = 280 + sum(((random.normal(size=(60, 1, 1)) + 1j * random.normal(size=(60, 1, 1))) * y / (1 + l)**1.5).real for l, m, y in harmonics)
run(0, "train", "prior", "--input", work / "globe.nc", "--output", work / "globe.h5", "--set", "train.last_year=1993", "--set", "backbone.mean_harmonics=1",
    "--set", "backbone.rank=40", "--set", "backbone.taper_km=12000")
run(0, "evaluate", "-i", work / "globe.nc", "--model", work / "globe.h5", "--methods", "gaussian", "--set", "evaluate.years=[1994]", "--cases", "4", "--members", "19",
    "--withhold", "scattered", "swaths", "--set", "evaluate.worst=1", "--write-members", "-o", work / "globe")


def by_degree(field):
    out = np.zeros(12)
    area = (quadrature[::-1] * 2 * np.pi / 24)[:, None]
    for l, m, y in harmonics:
        out[l] += (1 if m == 0 else 2) * np.abs((area * field.reshape(12, 24) * y.conj()).sum())**2 / (2 * l + 1)
    return out


pairs, apart, areas = grid_pairs(lat, lon)
found = compare(work / "globe", ["gaussian"], "t", pairs, apart, (12, 24), spectrum=by_degree)
check(len(found["methods"][0]["strata"][0]["scores"]["degrees"]["ratio"]) == 12, "degrees up to the grid's own")
check(found["steps_trained_on"] == 0, "1994 was not trained on")

# The same in Celsius: the offset of the units goes through an operator whose rows sum to 1.5, and the noise does not.
with netCDF4.Dataset(work / "globe.nc") as f, netCDF4.Dataset(work / "celsius.nc", "w") as g:
    for name, length in f.dimensions.items():
        g.createDimension(name, len(length))
    for name, v in f.variables.items():
        g.createVariable(name, "f8", v.dimensions)[:] = v[:] - 273.15 if name == "t" else v[:]
        g[name].units = "degC" if name == "t" else v.units
crps_of = {}
for name in ("globe", "celsius"):
    run(0, "evaluate", "-i", work / f"{name}.nc", "--model", work / "globe.h5", "--methods", "gaussian", "--set", "evaluate.years=[1994]", "--cases", "3", "--members", "9", "--set", "evaluate.withhold=[]",
        "--set", "evaluate.noise=[0.3]", "--set", "measurement[1].operators=kernel", "--set", "measurement[1].kernel.weights=[0.5,0.6,0.4]", "--set", "measurement[1].kernel.rows=1",
        "--set", "measurement[1].kernel.normalise=false", "--set", "evaluate.worst=0", "--write-members", "-o", work / f"{name}_kernel")
    crps_of[name] = [line["crps"] for line in json.loads((work / f"{name}_kernel/scores.json").read_text())["methods"][0]["cases"]]
with netCDF4.Dataset(work / "celsius_kernel/members.nc") as f:
    away = np.asarray(f["observed"][:]) - sum(w * np.roll(np.asarray(f["truth"][:]), k, 2) for w, k in ((0.5, -1), (0.6, 0), (0.4, 1)))
check(abs(away.std() - 0.3) < 0.03 and abs(away.mean()) < 0.03, f"a convolution with noise of 0.3: {away.mean():.3f}, {away.std():.3f}")
# Members are written and scored in single precision, of 280 K to 2e-5.
check(np.allclose(crps_of["globe"], crps_of["celsius"], rtol=0, atol=1e-4) and min(crps_of["globe"]) > 0.02, f"CRPS in kelvin and Celsius: {crps_of}")


# Images: three of grey without any model, SSIM by scikit-image.
def write_png(path, samples):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = zlib.compress(b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in samples))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 8, 0, 0, 0, 0)) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


rows, columns = 20, 26
i, j = np.mgrid[:rows, :columns]
images = []
for k in range(3):
    images.append(work / f"image{k}.png")
    write_png(images[-1], 128 + 90 * np.sin(0.3 * i + k) * np.cos(0.25 * j - 0.5 * k) + 8 * random.normal(size=(rows, columns)))
run(0, "evaluate", "-i", *images, "--methods", "matern", "--withhold", "blocks", "none", "--members", "19", "--set", "evaluate.noise=[0.05]", "--set", "evaluate.hidden=[0.4]",
    "--set", "matern.range=8", "--set", "matern.sd=0.25", "--set", "matern.nugget_sd=0.03", "--set", "evaluate.worst=1", "--write-members", "-o", work / "images")
number = np.arange(rows * columns).reshape(rows, columns)
pairs = np.concatenate([np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()]), np.stack([number[:-1].ravel(), number[1:].ravel()])], 1)
areas = np.full(rows * columns, 1 / (rows * columns))


def similarity(a, b):
    return metrics.structural_similarity(a.reshape(rows, columns), b.reshape(rows, columns), data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)


found = compare(work / "images", ["matern"], "grey", pairs, np.ones(pairs.shape[1]), None, image=similarity)
check(found["range"] == 1.0, "the range of PNG images is 1")
check(all(abs(line["weight"] - 1) < 1e-9 for line, case in zip(found["methods"][0]["cases"], found["cases"]) if found["settings"][case["setting"]]["kind"] == "none"), "denoising scores all pixels")
finish()
