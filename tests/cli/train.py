"""Training as users run it: options chosen on held-out years, score network, flow, stop and resume, pictures."""
import re
import shutil
import signal
import sys

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, interrupt, require, run, work

netCDF4, np = require("netCDF4", "numpy")

# Six years of a travelling wave with noise on a small global grid.
data = work / "wave.nc"
with netCDF4.Dataset(data, "w") as f:
    for name, values, units in (("lat", np.arange(-70.0, 71.0, 20.0), "degrees_north"), ("lon", np.arange(0.0, 360.0, 30.0), "degrees_east"),
                                ("time", np.arange(72) * 30.4375 + 15, "days since 1990-01-01")):
        f.createDimension(name, len(values))
        f.createVariable(name, "f8", (name,))[:] = values
        f[name].units = units
    f["time"].calendar = "standard"
    v = f.createVariable("t", "f4", ("time", "lat", "lon"))
    v.units = "K"
    random = np.random.default_rng(3)
    phase = np.radians(np.arange(0.0, 360.0, 30.0))
    amplitude = random.normal(size=(72, 2, 1, 1))
    shape = np.cos(np.radians(np.arange(-70.0, 71.0, 20.0)))[None, :, None]
    v[:] = 280 + shape * (amplitude[:, 0] * np.cos(phase) + amplitude[:, 1] * np.sin(phase)) + 0.1 * random.normal(size=(72, 8, 12))

prior = work / "prior.h5"
backbone = ["train", "prior", "--input", data, "--output", prior, "--set", "backbone.mean_harmonics=1", "--set", "backbone.rank=30", "--set", "train.validation_years=[1994]"]
text = "".join(run(0, *backbone, "--set", "select.taper_km=[3000,20000]", "--set", "select.cases=12", says="is chosen"))
check("select.taper_km: 20000 is chosen" in text, f"the wave asks for the wider taper:\n{text}")
run(2, "train", "prior", "--input", data, "--output", prior, "--set", "select.taper_km=[3000,20000]", says="validation_years")
run(2, *backbone, "--set", "select.window=[0,-1]", says="backbone.window")
run(2, *backbone, "--set", "select.inflation=[0]", says="backbone.inflation")
run(2, *backbone, "--set", "backbone.tapre_km=3", says="backbone.taper_km")

# Several realizations of one file: each is a series of its own, and is not another level of the same field.
both = work / "two.nc"
with netCDF4.Dataset(both, "w") as f, netCDF4.Dataset(data) as one:
    for name in ("time", "lat", "lon"):
        f.createDimension(name, len(one[name]))
        f.createVariable(name, "f8", (name,))[:] = one[name][:]
        f[name].setncatts({k: one[name].getncattr(k) for k in one[name].ncattrs()})
    f.createDimension("realization", 2)
    v = f.createVariable("t", "f4", ("realization", "time", "lat", "lon"))
    v.units = "K"
    v[:] = np.stack([one["t"][:], one["t"][:] + 10])
series = ["train", "prior", "--input", both, "--output", work / "two.h5", "--set", "backbone.mean_harmonics=1"]
run(0, *series, says="72 fields")
run(0, *series, "--set", "train.series=[0]", says="144 fields")
# Ten kelvin apart about their mean: a standard deviation of five.
said = "".join(run(0, *series, "--set", "train.series=[2,1]", says="144 fields"))
check("standard deviation of anomalies 5." in said, f"both levels are in the anomalies:\n{said}")
run(2, *series, "--set", "train.series=[3]", says="1 to 2")
run(2, *series, "--set", "train.series=[0.5]", says="1 to 2")

score = ["--set", "train.score=true", "--set", "score.steps=40", "--set", "score.validate_every=10", "--set", "score.width=8", "--set", "score.dilations=[1]", "--set", "backbone.taper_km=20000"]
run(0, *backbone, *score, says="score network")
check((work / "prior.h5.score.png").stat().st_size > 1000, "the score network's training curve is drawn")
run(0, "sample", "--model", prior, "-n", "3", "-o", work / "draws.nc", says="with the score network")

flow = ["train", "flow", "--prior", prior, "--set", "train.validation_years=[1994]", "--set", "flow.cases=48", "--set", "flow.validation_cases=16",
        "--set", "flow.folds=2", "--set", "flow.width=8", "--set", "flow.dilations=[1]", "--set", "flow.couplings=2", "--set", "flow.batch=8"]
whole = work / "whole.h5"
run(0, *flow, "--output", whole, "--set", "flow.steps=60", says="validation CRPS")
check((work / "whole.h5.png").stat().st_size > 1000, "the flow's training curve is drawn")
header, *rows = (work / "whole.h5.csv").read_text().splitlines()
check(header.startswith("step,") and header.endswith(",validation_score"), f"the flow's training log is there: {header}")
check(all(0.0 < float(row.rsplit(",", 1)[1]) < 10.0 for row in rows), f"with the score that weights are chosen by:\n{rows}")
check(not (work / "whole.h5.checkpoint").exists(), "a finished training leaves no checkpoint")
run(0, *flow, "--output", work / "anew.h5", "--set", "flow.steps=2", "--resume", says="starts anew")
run(2, "train", "flow", "--prior", prior, "--output", whole, says="validation")

# A flow may start from another of the same network; fewer fields may be kept than were learned from.
again = work / "again.h5"
start = [*flow, "--output", again, "--set", f"train.start={whole}", "--set", "flow.steps=0"]
run(0, *start, "--set", "train.keep_fields=20", says="validation CRPS")
with netCDF4.Dataset(whole) as a, netCDF4.Dataset(again) as b:
    for name, v in a["flow/parameter"].variables.items():
        check(np.array_equal(v[:], b["flow/parameter"][name][:]), f"{name} is that of the flow it started from")
    check(b["backbone/fields"].shape[0] == 20, f"20 fields are kept: {b['backbone/fields'].shape}")
    check(np.isin(b["backbone/index"][:], a["backbone/index"][:]).all(), "they are those of the prior")
run(0, "impute", "--model", again, "--input", data, "--output", work / "again.nc", "--members", "2")
# Layers that it has not are the identity before they are trained.
more = work / "more.h5"
run(0, *start, "--output", more, "--set", "train.keep_fields=20", "--set", "flow.vecchia=true", "--set", "flow.couplings=4")
run(0, "impute", "--model", more, "--input", data, "--output", work / "more.nc", "--members", "2")
with netCDF4.Dataset(work / "again.nc") as a, netCDF4.Dataset(work / "more.nc") as b:
    # To single precision of values about 280.
    check(np.abs(a["t_spread"][:] - b["t_spread"][:]).max() < 1e-4 and np.abs(a["t"][:] - b["t"][:]).max() < 1e-3, "new layers change nothing")
run(0, *start, "--output", work / "neighbours.h5", "--set", "flow.vecchia=true", "--set", "flow.weight_differences=1", "--set", "flow.masks=box,half",
    "--set", "flow.steps=5", says="validation CRPS")
run(2, *start, "--set", "flow.hold=true", "--set", "flow.steps=5", says="no objective")
# Cases of other fields than the model's, by its backbone as it is: of a wave three times as high, which it expects to be lower.
wild = work / "wild.nc"
shutil.copy(data, wild)
with netCDF4.Dataset(wild, "a") as f:
    f["t"][:] = 280 + 3 * (f["t"][:] - 280)
other = [*start, "--output", work / "other.h5", "--set", "flow.steps=2"]
factor = [float(re.search(r"factor on the spread ([0-9.]+)", "".join(run(0, *other, *more)))[1]) for more in ([], ["--set", f"train.fields={wild}"])]
check(factor[1] > 1.5 * factor[0], f"spread is calibrated on fields that vary more: {factor}")
with netCDF4.Dataset(prior) as a, netCDF4.Dataset(work / "other.h5") as b:
    check(np.array_equal(a["backbone/fields"][:], b["backbone/fields"][:]), "the model's own fields stay")
run(2, *other, "--set", f"train.fields={both}", "--set", "train.validation_years=[1890]", says="no year is held out")
with netCDF4.Dataset(wild, "a") as f:
    f["t"].units = "degC"
run(3, *other, "--set", f"train.fields={wild}", says=["units", "'degC'", "'K'"])
with netCDF4.Dataset(wild, "a") as f:
    f["lat"][0] = -65
run(3, *other, "--set", f"train.fields={wild}", says=["its grid", "wild.nc"])
run(2, *flow, "--output", again, "--set", "flow.hold=true", says="train.start")
run(2, *start, "--set", "flow.masks=boxes", says="flow.masks")
refusal = run(2, *start, "--set", "flow.width=12", "--set", "flow.cases=1000", says="of another network")[1]
check("simulated" not in refusal, "another network is refused before cases are simulated for it")
run(2, *start, "--set", "flow.base=standard", says=["flow.base", whole.name])
# The spread of another unit is learned in steps, and wrong without one.
run(2, *start, "--set", "flow.base=exact_posterior", says=["flow.base", whole.name])
run(2, *start, "--set", "flow.base=exact_posterior", "--set", "flow.steps=2", "--set", "flow.hold=true", "--set", "flow.vecchia=true", says="flow.base")
run(0, *start, "--output", work / "exact.h5", "--set", "flow.base=exact_posterior", "--set", "flow.steps=2", says="validation CRPS")
with netCDF4.Dataset(work / "exact.h5") as f:
    check(f.getncattr("flow/base") == "exact_posterior", "the model says which base its spread is in units of")
run(2, *start, "--set", "flow.affine=false", says="flow.affine")
run(2, *flow, "--output", again, "--set", "flow.dilations=[0.5]", says=["dilation of 0.5", "flow.dilations"])
# Objectives that come in later count from the start where no other reaches the weights.
run(0, *flow, "--output", work / "alone.h5", "--set", "flow.steps=5", "--set", "flow.weight_crps=0", says="validation CRPS")
run(2, *flow, "--output", again, "--set", "flow.steps=5", "--set", "flow.weight_energy=0", "--set", "flow.affine=false", says="reaches the flow's network")
run(2, *start, "--set", f"train.start={prior}", says="holds no flow")
run(2, *flow, "--output", again, "--set", "flow.symmetric=true", says="square images")

# U-Nets in place of windows.
unet = [*flow, "--output", work / "unet.h5", "--set", "flow.network=unet", "--set", "flow.steps=20"]
run(0, *unet, "--set", "flow.widths=[8,8]", "--set", "flow.coupling_widths=[4]",
    "--set", "flow.bands=2", "--set", "flow.fields_per_mask=5", says="validation CRPS")
run(0, "impute", "--model", work / "unet.h5", "--input", data, "--output", work / "unet.nc", "--members", "2")
# Attention that a flow takes on changes nothing before it is trained.
run(0, *flow, "--output", work / "attentive.h5", "--set", f"train.start={work / 'unet.h5'}", "--set", "flow.network=unet", "--set", "flow.widths=[8,8]",
    "--set", "flow.coupling_widths=[4]", "--set", "flow.bands=2", "--set", "flow.attention=2", "--set", "flow.steps=0")
run(0, "impute", "--model", work / "attentive.h5", "--input", data, "--output", work / "attentive.nc", "--members", "2")
with netCDF4.Dataset(work / "unet.nc") as a, netCDF4.Dataset(work / "attentive.nc") as b:
    check(np.abs(a["t"][:] - b["t"][:]).max() < 1e-3, "new attention changes nothing")
run(2, *unet, "--set", "flow.widths=[8,8,8]", says="2 coarser grids do not fit 8 x 12")

# A sweep of the prior by the score network of another model: members differ from those without, and pass through a model file.
still = work / "still.h5"
run(0, *backbone, "--set", f"train.output={still}", "--set", "backbone.mean_harmonics=0", "--set", "backbone.scale_harmonics=0", "--set", "backbone.season_bins=1")
still_flow = [*flow[:3], still, *flow[4:], "--set", "flow.couplings=0"]
run(0, *still_flow, "--output", work / "plain.h5", "--set", "flow.steps=4")
swept = [*still_flow, "--output", work / "swept.h5", "--set", "flow.prior_sweep=true", "--set", "flow.steps=4", "--set", f"train.start={work / 'plain.h5'}"]
run(2, *swept, "--set", "flow.weight_crps=0", says=["need a prior with a score network", "flow.prior_sweep"])
run(2, *swept, "--set", f"train.score={prior}", says=["closed-form CRPS", "flow.weight_crps = 0"])
run(2, *swept, "--set", "flow.weight_crps=0", "--set", f"train.score={still}", says=["still.h5", "no score network"])
run(2, *flow, "--output", work / "swept.h5", "--set", "flow.prior_sweep=true", "--set", "flow.weight_crps=0", says="know no seasons")
run(0, *swept, "--set", "flow.weight_crps=0", "--set", f"train.score={prior}", says=["validation CRPS", "score 0."])

# A stop leaves a checkpoint and no model; --resume finishes.
part = work / "part.h5"
long = [*flow, "--output", part, "--set", "flow.steps=100000", "--set", "flow.minutes=0.2", "--set", "flow.patience=100000"]
code, said = interrupt(signal.SIGTERM, (work / "part.h5.checkpoint").exists, *long)
check(code == 75 and "--resume" in said, f"a stopped training exits with 75: {code}\n{said}")
check(not part.exists() and (work / "part.h5.checkpoint").exists(), "a stopped training leaves its checkpoint and no model")
run(3, *long, "--resume", "--set", "flow.noise_highest=0.5", says="other options")
run(0, *long, "--resume", says="resumed at step")
check(part.exists(), "a resumed training writes its model")

gappy = work / "gappy.nc"
with netCDF4.Dataset(data) as f, netCDF4.Dataset(gappy, "w") as g:
    for name, d in f.dimensions.items():
        g.createDimension(name, len(d) if name != "time" else 6)
    for name, v in f.variables.items():
        w = g.createVariable(name, v.dtype, v.dimensions, fill_value=-999.0 if name == "t" else None)
        w.setncatts({k: v.getncattr(k) for k in v.ncattrs()})
        values = v[:6] if "time" in v.dimensions else v[:]
        if name == "t":
            values[:, 2:5, 3:8] = np.ma.masked
        w[:] = values
for name in ("plain", "swept"):
    run(0, "impute", "--model", work / f"{name}.h5", "--input", gappy, "--output", work / f"{name}.nc", "--members", "3", "--write-members")
with netCDF4.Dataset(work / "plain.nc") as f, netCDF4.Dataset(work / "swept.nc") as g:
    check(np.abs(f["t_member"][:] - g["t_member"][:]).max() > 1e-3, "the sweep changes members")
for method in ("flow", "gaussian"):
    run(0, "impute", "--model", part, "--input", gappy, "--output", work / f"{method}.nc", "--method", method, "--diagnostics", "--refine", "2")
    rows = (work / f"{method}.nc.diagnostics.csv").read_text().splitlines()
    check(len(rows) == 1 + 6 * 32 and "log_weight" in rows[0], f"diagnostics of {method}: {len(rows)} rows")

# A generator of DAVI joins the model beside its flow, and draws in one evaluation.
davi = ["train", "davi", "--prior", part, "--set", "train.validation_years=[1994]", "--set", "davi.cases=48", "--set", "davi.validation_cases=16",
        "--set", "davi.folds=2", "--set", "davi.batch=8", "--set", "davi.draws=4", "--set", "davi.fields_per_mask=4", "--set", "davi.masks=blocks,scattered"]
generator = work / "generator.h5"
run(0, *davi, "--output", generator, "--set", "davi.steps=10", says="of the Gaussian posterior")
check((work / "generator.h5.png").stat().st_size > 1000, "the generator's training curve is drawn")
header, *rows = (work / "generator.h5.csv").read_text().splitlines()
check(header.startswith("step,seconds,chi_square,divergence,") and len(rows) >= 2 and rows[-1].startswith("10,"), f"the generator's log:\n{rows}")
check(not (work / "generator.h5.checkpoint").exists(), "a finished training leaves no checkpoint")
run(2, *davi, "--output", generator, "--set", "davi.level_lowest=3", "--set", "davi.level_highest=2", says="level_lowest")
run(2, *davi, "--output", generator, "--set", "davi.level_lowes=3", says="davi.level_lowest")
run(2, *davi, "--output", generator, "--set", "davi.masks=boxes", says="davi.masks")
impute = ["impute", "--input", gappy, "--set", "impute.overwrite=true", "--output", work / "davi.nc", "--members", "4", "--write-members"]
run(0, *impute, "--model", generator, "--method", "davi", "--refine", "1")
with netCDF4.Dataset(work / "davi.nc") as f, netCDF4.Dataset(gappy) as g:
    members = f["t_member"][:]
    gap = np.ma.getmaskarray(g["t"][:])
    check(not np.ma.is_masked(members) and np.ptp(members, axis=0)[gap].min() > 1e-4, "members differ where cells are missing")
run(0, *impute, "--model", generator, "--method", "flow")
run(2, *impute, "--model", part, "--method", "davi", says="manifill train davi")
run(2, *impute, "--model", generator, "--method", "davi", "--diagnostics", says="no density")

half = work / "half.h5"
long = [*davi, "--output", half, "--set", "davi.steps=100000", "--set", "davi.minutes=0.2", "--set", "davi.patience=100000"]
code, said = interrupt(signal.SIGTERM, (work / "half.h5.checkpoint").exists, *long)
check(code == 75 and "--resume" in said, f"a stopped training exits with 75: {code}\n{said}")
run(3, *long, "--resume", "--set", "davi.batch=4", says="other options")
run(0, *long, "--resume", says="resumed at step")
check(half.exists(), "a resumed training writes its model")

finish()
