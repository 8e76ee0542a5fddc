"""What lesson 07 says in words is what the stored results say: each sentence stands beside its condition.

Numbers of measurements are printed by the lesson's cells from those results, and stand nowhere in its prose.
"""

import re

import pytest
from lessons import FOLDER, read

from mmsnet_lite.course.explore.ablations import excludes_zero, localised, results

PROSE = "\n\n".join(cell.source for cell in read(FOLDER / "07_ablations.ipynb").cells if cell.cell_type == "markdown")
# 0.05, 0.95, 0.975, 0.8: levels of tests; 0.5, 0.1, 0.9: what a figure means; the quiz's inventions
CONSTANTS = {"0.05", "0.95", "0.975", "0.8", "0.5", "0.1", "0.9", "0.006", "0.01"}
KINDS = ("mixlite", "real")
ROWS = ("mmsnet", "no-fep", "no-msfg", "mfa", "msfg", "plain")


def effect(contrast, kind="mixlite", place="mean"):
    """A contrast of the summary, whatever group it is in."""
    return next(group[contrast][place] for group in results()[kind]["groups"].values() if contrast in group)


def difference(*args):
    return effect(*args)["difference"]


def images(kind="mixlite"):
    return results()[kind]["images"]


def mean(row, figure, modality, kind="mixlite"):
    values = localised(row, figure, kind)[modality]
    return sum(values) / len(values)


def alone(network):
    return f"{network}-single - {network}"


def the_mix_costs_unet():
    return all(difference(alone("unet"), "mixlite", m) > 0 for m in images())


def pretrained_networks_lose_nothing():
    return all(difference(alone(network)) <= 0 for network in ("mmsnet", "segformer"))


def real_mix_is_better_because_of_fundus():
    for network in ("unet", "segformer", "mmsnet"):
        by = {m: difference(alone(network), "real", m) for m in images("real")}
        if difference(alone(network), "real") >= 0 or min(by, key=by.get) != "fundus":
            return False
    return True


def segformer_loses_no_more():
    found = effect("(segformer-single + mmsnet) - (segformer + mmsnet-single)")
    return found["interval"][0] <= 0


def unet_loses_more():
    return effect("(unet-single + mmsnet) - (unet + mmsnet-single)")["interval"][0] > 0


def msfg_carries():
    others = ("no-fep - mmsnet", "msfg - mmsnet")
    return all(
        difference("no-msfg - mmsnet", kind) < min(difference(other, kind) for other in others)
        and all(excludes_zero(effect("no-msfg - mmsnet", kind, m)) for m in images(kind))
        for kind in KINDS
    )


def averages_do_as_well():
    return not excludes_zero(effect("sfg-ssg - mmsnet")) and abs(difference("sfg-ssg - mmsnet")) < 0.01


def mfa_helps_more_without_msfg():
    with_msfg = [-difference("msfg - mmsnet", kind) for kind in KINDS]
    without = [difference("mfa - plain", kind) for kind in KINDS]
    return all(0 < a < b for a, b in zip(with_msfg, without, strict=True))


def fep_is_open():
    found = [effect("no-fep - mmsnet", kind) for kind in KINDS]
    return all(not excludes_zero(each) and abs(each["difference"]) < each["detectable"] for each in found)


def fourier_is_not_below():
    return difference("fft - mmsnet") > 0


def full_tuning_gains():
    trained = {row: results()["mixlite"]["rows"][row]["trained"] for row in ("tuned", "mmsnet")}
    return difference("tuned - mmsnet") > 0 and trained["tuned"] > 2 * trained["mmsnet"]


def the_last_stage_knows_little_without_mfa():
    modalities = [(kind, m) for kind in KINDS for m in images(kind)]
    low = all(mean(row, "features 4", m, kind) < 0.6 for kind, m in modalities for row in ("msfg", "plain"))
    return low and sum(mean("mmsnet", "features 4", m, k) > mean("msfg", "features 4", m, k) for k, m in modalities) > 6


def msfg_alone_finds_the_disc():
    return all(mean("msfg", f"guidance {s}", "fundus", kind) > 0.9 for s in (1, 2, 3) for kind in KINDS)


def fep_leaves_edges_as_they_are():
    for m in images():
        with_fep, without = (localised(row, "edge width")[m] for row in ("mmsnet", "no-fep"))
        if abs(sum(with_fep) / len(with_fep) - sum(without) / len(without)) > max(with_fep) - min(with_fep):
            return False
    return True


def edges_are_wide_without_msfg():
    pairs = [
        (mean("no-msfg", "edge width", m, k), mean("mmsnet", "edge width", m, k)) for k in KINDS for m in images(k)
    ]
    return all(a > 1.2 * b for a, b in pairs)


def one_map_says_the_same_of_every_network():
    values = {m: [mean(row, "guidance 4", m) for row in ("mmsnet", "no-fep", "msfg")] for m in images()}
    return all(max(each) - min(each) < 0.02 for each in values.values())


SENTENCES = (
    ("On MixLite the mix costs **U-Net** something in every modality.", the_mix_costs_unet),
    ("both on a pretrained encoder, lose nothing by it on average.", pretrained_networks_lose_nothing),
    ("nearly all of that comes from the fundus images", real_mix_is_better_because_of_fundus),
    ("U-Net's minus MMSNet's is above 0 on MixLite", unet_loses_more),
    ("does not lose more than MMSNet there", segformer_loses_no_more),
    ("Nothing else that can be taken out costs as much, on MixLite and on real images.", msfg_carries),
    ("MSFG does as well as with all its frequencies", averages_do_as_well),
    ("**MFA helps** by a smaller amount, and more when MSFG is missing.", mfa_helps_more_without_msfg),
    ("**FEP is not told apart from nothing**", fep_is_open),
    ("rather the other way round", fourier_is_not_below),
    ("with more than twice the trained parameters", full_tuning_gains),
    ("is at chance or below it, and with MFA mostly above", the_last_stage_knows_little_without_mfa),
    ("In row `msfg` the maps after MSFG lie on the disc almost perfectly.", msfg_alone_finds_the_disc),
    ("is the same with and without FEP, up to the difference of two seeds", fep_leaves_edges_as_they_are),
    ("Edges are blurred where *MSFG* is missing.", edges_are_wide_without_msfg),
    ("is the map that says the same of every network", one_map_says_the_same_of_every_network),
)


@pytest.mark.parametrize(("sentence", "holds"), SENTENCES, ids=lambda each: getattr(each, "__name__", ""))
def test_a_sentence_is_what_the_results_say(sentence, holds):
    assert sentence in PROSE
    assert holds(), f"the results no longer say: {sentence}"


def test_prose_holds_no_measured_number():
    decimals = set(re.findall(r"\d+\.\d+", PROSE))
    assert decimals <= CONSTANTS
    assert set(re.findall(r"\d+ ?%", PROSE)) <= {"95 %", "5 %"}
