"""`manifill evaluate` as a job: what it writes, the same numbers from the same seed, stop and resume, refusals, a report that stands by itself."""
import csv
import json
import os
import re
import signal
import sys
from html.parser import HTMLParser
from pathlib import Path

sys.dont_write_bytecode = True  # nothing compiled is left in the source tree
from support.program import check, finish, interrupt, require, run, work

netCDF4, np = require("netCDF4", "numpy")

source = Path(os.environ["MANIFILL_SOURCE"])
truth = source / "sample_data/demo/wind_truth.nc"
model = source / "sample_data/models/fnoc_wind.flow.h5"
config = work / "job.toml"
config.write_text(f"""
[evaluate]
input = "{truth}"
model = "{model}"
methods = ["gaussian", "flow"]
withhold = ["gaps", "blocks_scattered", "folds"]
gaps = "{source}/sample_data/demo/wind_gappy.nc"
hidden = [0.3, 0.7]
noise = [0.0, 0.5]
folds = 2
cases = 2
times = "::3"
members = 6
worst = 2
resamples = 100
regions = ["Pacific: -60 60 120 -80", "Atlantic: -60 60 -80 20"]
""")
evaluate = ["evaluate", config, "--quiet"]


def files(folder):
    return sorted(p.name for p in folder.iterdir())


# What is written.
first = work / "first"
run(0, *evaluate, "-o", first)
check(files(first) == ["config.toml", "pictures", "report.html", "scores.csv", "scores.json", "timings.json"], f"what is written: {files(first)}")
other = work / "other"
run(0, *evaluate, "-o", other, "--seed", "2", "--methods", "gaussian", "--set", "evaluate.worst=0", "--withhold", "gaps")
found, changed = (json.loads((folder / "scores.json").read_text()) for folder in (first, other))
check(found["methods"][0]["cases"][0]["crps"] != changed["methods"][0]["cases"][0]["crps"], "another seed gives others")
# Scattered masks of one seed, noise and members of another: what is withheld stays, what is said of it does not.
scattered = ["--methods", "gaussian", "--withhold", "scattered", "--set", "evaluate.noise=[0.5]", "--set", "evaluate.hidden=[0.5]", "--set", "evaluate.worst=0", "--write-members"]
seeds = {"plain": ["--seed", "1"], "same": ["--seed", "2", "--set", "evaluate.mask_seed=1"], "other": ["--seed", "2"]}
seen = {}
for name, chosen in seeds.items():
    run(0, *evaluate, "-o", work / f"seeds_{name}", *scattered, *chosen)
    with netCDF4.Dataset(work / f"seeds_{name}/members.nc") as f:
        seen[name] = np.ma.filled(f["observed"][:], np.nan), np.ma.filled(f["weight"][:], np.nan), np.ma.filled(f["uwnd_gaussian"][:], np.nan)
check(np.array_equal(seen["plain"][1], seen["same"][1]) and not np.array_equal(seen["plain"][1], seen["other"][1]), "mask_seed decides what is withheld, seed where it does not say")
for k, what in ((0, "noise"), (2, "members")):
    known = ~np.isnan(seen["plain"][k])
    check(np.array_equal(known, ~np.isnan(seen["same"][k])) and np.median(np.abs(seen["plain"][k] - seen["same"][k])[known]) > 0.1, f"{what} differ by seed")
# More noise than methods are told: what is observed fits them less, and they do worse.
told = []
for factor in (1, 4):
    folder = work / f"noise_{factor}"
    run(0, *evaluate, "-o", folder, "--methods", "gaussian", "--withhold", "gaps", "--set", "evaluate.noise=[1.0]", "--set", f"evaluate.noise_factor={factor}", "--set", "evaluate.worst=0")
    told.append(json.loads((folder / "scores.json").read_text())["methods"][0]["cases"])
for stated, misstated in zip(*told):
    check(misstated["chi_square"] > 2 * stated["chi_square"] and misstated["crps"] > stated["crps"], f"misstated noise is seen: {stated}, {misstated}")
settings = found["settings"]
check(len(settings) == 2 * (1 + 2 + 2) and len(found["cases"]) == 20, f"{len(settings)} settings, {len(found['cases'])} cases")
check(found["regions"] == ["Pacific", "Atlantic"], f"regions as they are named: {found['regions']}")
check(all(len(m["cases"]) == 20 and all(c["weight"] > 0 for c in m["cases"]) for m in found["methods"]), "every case is scored for every method")
weights = [[c["weight"] for c in m["cases"]] for m in found["methods"]]
check(weights[0] == weights[1], "all methods see the same masks")
hidden = {s["hidden"]: np.mean([m["weight"] for m, c in zip(found["methods"][0]["cases"], found["cases"]) if settings[c["setting"]] == s]) for s in settings if s["kind"] == "blocks_scattered"}
check(hidden[0.7] > hidden[0.3] > 0.25, f"more is hidden where more is asked for: {hidden}")
timings = json.loads((first / "timings.json").read_text())
check([t["name"] for t in timings] == ["gaussian", "flow"] and all(t["sample_ms"] > 0 and len(t["cases_s"]) == 20 for t in timings), "times are kept apart")
with open(first / "scores.csv") as f:
    table = list(csv.DictReader(f))
strata = [(r["kind"], r["stratum"], r["value"]) for r in table if r["method"] == "flow"]
check(len(set(strata)) == len(strata) and len(table) == 2 * len(strata), "a row for each method, kind and stratum")
for wanted in (("all", "all", "all"), ("gaps", "noise", "0.5"), ("blocks_scattered", "hidden", "70 %"), ("folds", "region", "Pacific"), ("all", "season", "SON")):
    check(wanted in strata, f"the table has {wanted}")
for row, stratum in zip(table, [s for m in found["methods"] for s in m["strata"]]):
    check(abs(float(row["crps"]) - stratum["scores"]["crps"]) < 1e-9 and float(row["crps_low"]) <= float(row["crps"]) <= float(row["crps_high"]), f"CSV and JSON agree on {row}")


# The report stands by itself: pictures within, nothing from elsewhere, nothing that runs.
class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.pictures, self.captions, self.links = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs["href"]] if "href" in attrs else []
        if tag == "img":
            self.pictures.append(attrs["src"])
            self.captions.append(attrs["alt"])


html = (first / "report.html").read_text()
page = Page()
page.feed(html)
sections = ["scores", "cost", "maps", "ranks", "spread", "coverage", "spectrum", "hidden", "noise", "region", "season", "diversity", "failures", "settings"]
check([i for i in page.ids if i in sections] == sections, f"every section is there: {page.ids}")
check(all(p.startswith("data:image/png;base64,iVBOR") for p in page.pictures), "pictures are PNG within the page")
pictures = files(first / "pictures")
check(len(page.pictures) == len(pictures) and pictures.count("report.html") == 0, f"{len(page.pictures)} pictures on the page, {pictures}")
# Gaps and folds by two noises, blocks by two shares too; two failures by two methods; speed, ranks, spread, coverage, spectrum, hidden, noise, region, season, diversity.
check(len(page.pictures) == 2 + 2 + 4 + 4 + 10, f"pictures of every section: {len(page.pictures)}")
check(all("m s⁻¹" in c for c in page.captions if "CRPS" in c or "spread" in c.lower().split()[:2]), f"captions have units: {page.captions}")
check(all(link.startswith("#") and link[1:] in page.ids for link in page.links), f"links stay on the page: {page.links}")
check(not set(page.tags) & {"script", "link", "iframe", "object", "embed", "base"}, f"nothing that loads or runs: {set(page.tags)}")
text = re.sub(r"base64,[A-Za-z0-9+/=]*", "", html)
check(not re.search(r"https?:|//[a-z]|url\(|@import", text), "no address of another place")
check("prefers-color-scheme: dark" in text, "readable in the dark")

# One job, several variants of a method: each is what a job of its own gives, under its label.
variants = work / "variants.toml"
variants.write_text(f"""
[evaluate]
input = "{truth}"
model = "{model}"
withhold = ["scattered"]
cases = 2
members = 4
worst = 1
resamples = 50
write_members = true
[[method]]
name = "pigdm"
set = ["pigdm.steps=3"]
[[method]]
name = "pigdm"
label = "pigdm, eta=0"
set = ["pigdm.steps=5", "pigdm.eta=0"]
[[method]]
name = "gaussian"
label = "refined"
set = ["evaluate.refine=2"]
""")
several, again, alone = work / "several", work / "again", work / "alone"
run(0, "evaluate", variants, "--quiet", "-o", several)
labels = ["pigdm", "pigdm, eta=0", "refined"]
found = json.loads((several / "scores.json").read_text())
check([(m["name"], m["method"]) for m in found["methods"]] == [*zip(labels, ("pigdm", "pigdm", "gaussian"))], f"methods under their labels, and no other: {[m['name'] for m in found['methods']]}")
check([m["evaluations"] for m in found["methods"]][:2] == [3, 5] and "pigdm.eta=0" in found["methods"][1]["options"], "each has options of its own")
with open(several / "scores.csv") as f:
    check(list(dict.fromkeys(r["method"] for r in csv.DictReader(f))) == labels, "labels stand in the table")
with netCDF4.Dataset(several / "members.nc") as f:
    check({"uwnd_pigdm", "uwnd_pigdm_eta_0", "uwnd_refined"} <= set(f.variables), f"labels are names of variables: {set(f.variables)}")
check("worst_pigdm_eta_0_1.png" in files(several / "pictures"), f"and of pictures: {files(several / 'pictures')}")
html = (several / "report.html").read_text()
check("pigdm.steps=5, pigdm.eta=0</li>" in html, "the report says what a variant sets")
run(0, "evaluate", several / "config.toml", "--quiet", "-o", again, "--set", "evaluate.worst=0")
for name in ("scores.json", "scores.csv"):
    check((several / name).read_bytes() == (again / name).read_bytes(), f"the configuration that is written holds the variants, and gives the same {name}")
# By the command line: `evaluate.methods` goes before the sections, an option without a section serves all.
run(0, "evaluate", "-i", truth, "--model", model, "--quiet", "-o", alone, "--methods", "gaussian", "--withhold", "scattered", "--cases", "2", "--members", "4", "--set", "evaluate.worst=0",
    "--set", "evaluate.resamples=50", "--set", "pigdm.steps=5", "--set", "method[1].name=pigdm", "--set", "method[1].label=slow", "--set", "method[1].set=pigdm.eta=0")
own = json.loads((alone / "scores.json").read_text())["methods"]
check([m["name"] for m in own] == ["gaussian", "slow"] and own[1]["cases"] == found["methods"][1]["cases"], "a variant is what the method gives by itself with its options")
no = work / "no"
for wrong, said in (("name=", "names no method"), ("name=pigmd", "Did you mean 'pigdm'?"), ("set=pigdm.stepz=3", "Did you mean"), ("set=dps.zeta=1", "no option of the method pigdm"),
                    ("set=evaluate.members=3", "no option of the method pigdm"), ("label=pigdm eta 0", "one name to files"), ("label=refined", "two methods are called 'refined'"),
                    ("label=!", "letters or digits")):
    run(2, "evaluate", variants, "--quiet", "-o", no, "--set", f"method[1].{wrong}", says=said)

# A stop keeps what is done, and the rest follows: from the configuration that is written the same numbers.
part = work / "part"
evaluate[1] = first / "config.toml"
checkpoint = part / ".manifill-checkpoint"
code, said = interrupt(signal.SIGTERM, lambda: checkpoint.exists() and checkpoint.stat().st_size > 200000, *evaluate, "-o", part)
check(code == 75 and "--resume" in said, f"a stopped evaluation exits with 75: {code}\n{said}")
check(files(part) == [".manifill-checkpoint"], f"a stopped evaluation leaves its checkpoint and no report: {files(part)}")
said = re.search(r"after (\d+) of 40 fields", said)
done = int(said[1]) if said else 0
check(0 < done < 40, f"it was stopped in between: {done}")
run(2, *evaluate, "-o", part, "--resume", "--members", "7", says=["another job", "without --resume"])
with open(checkpoint, "ab") as f:
    f.write(b"cut off")
run(0, *evaluate, "-o", part, "--resume", "--set", "evaluate.worst=0")  # what the report draws is no part of the job
for name in ("scores.json", "scores.csv"):
    check((first / name).read_bytes() == (part / name).read_bytes(), f"the same seed gives the same {name}, stopped or not")
check(".manifill-checkpoint" not in files(part), "a finished run leaves no checkpoint")

# Refusals.
run(2, *evaluate, "-o", first, says=["exists already", "--overwrite"])
run(2, *evaluate, "-o", no, "--methods", "gausian", says="Did you mean 'gaussian'?")
run(2, *evaluate, "-o", no, "--withhold", "blokcs", says="Did you mean 'blocks'?")
for share in ("0", "1.5"):
    run(2, *evaluate, "-o", no, "--set", f"evaluate.hidden=[0.5,{share}]", says=["evaluate.hidden", "above 0 and below 1"])
run(2, *evaluate, "-o", no, "--set", "evaluate.noise=[-1]", says="evaluate.noise")
run(2, *evaluate, "-o", no, "--set", "evaluate.regions=[\"Mars: 1 2 3\"]", says=["Mars", "four numbers"])
run(2, *evaluate, "-o", no, "--max-memory", "1MB", says="--max-memory")
run(2, "evaluate", "-i", truth, "-o", no, says="needs a model")
run(3, *evaluate, "-o", no, "--set", "evaluate.years=[2050]", says="evaluate.years")
run(3, *evaluate, "-o", no, "--set", "evaluate.gaps=", says="there are none")
empty = work / "empty.nc"
with netCDF4.Dataset(truth) as f, netCDF4.Dataset(empty, "w") as g:
    for name, d in f.dimensions.items():
        g.createDimension(name, len(d))
    for name, v in f.variables.items():
        w = g.createVariable(name, "f8", v.dimensions, fill_value=-9e9 if name == "uwnd" else None)
        w.setncatts({k: v.getncattr(k) for k in v.ncattrs() if k not in ("_FillValue", "scale_factor", "add_offset")})
        w[:] = np.full(v.shape, -9e9) if name == "uwnd" else v[:]
run(3, *evaluate, "-o", no, "-i", empty, says="all values are missing")
with netCDF4.Dataset(empty, "a") as g:
    g["uwnd"][0] = 1 + np.arange(35 * 72).reshape(35, 72) % 7
run(3, *evaluate, "-o", no, "-i", empty, "--set", "evaluate.times=1", "--withhold", "blocks", says="known cell to withhold")
check(not no.exists() or not files(no), f"nothing is left of what was refused: {files(no) if no.exists() else []}")
finish()
