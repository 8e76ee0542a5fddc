"""What lesson 07 says in words is what the stored results say: each sentence stands beside its condition.

Numbers of measurements are printed by the lesson's cells from those results, and stand nowhere in its prose.
"""

import re

import numpy as np
import pytest
from lessons import FOLDER, read
from scipy.stats import t, ttest_1samp

from mmsnet_lite.analysis.ablations import GROUPS, effects
from mmsnet_lite.course.explore.ablations import differences, excludes_zero, localised, results, scores

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
    found = {m: effect(alone("unet"), "mixlite", m) for m in images()}
    seen = {m for m, each in found.items() if excludes_zero(each)}
    return all(each["difference"] > 0 for each in found.values()) and seen == found.keys() - {"dermoscopy"}


def pretrained_networks_lose_nothing():
    for network in ("mmsnet", "segformer"):
        mean, fundus, ultrasound = (effect(alone(network), place=p) for p in ("mean", "fundus", "ultrasound"))
        won = fundus["interval"][0] > 0 > ultrasound["interval"][1]
        if mean["difference"] > 0 or not won or fundus["difference"] > -ultrasound["difference"]:
            return False
    return True


def real_mix_is_better_because_of_fundus():
    for network in ("unet", "segformer", "mmsnet"):
        by = {m: difference(alone(network), "real", m) for m in images("real")}
        if difference(alone(network), "real") >= 0 or by["fundus"] > sum(by.values()) / 2:
            return False
    return True


def real_mmsnet_is_better_alone_on_colonoscopy():
    return effect(alone("mmsnet"), "real", "colonoscopy")["interval"][0] > 0


def real_mmsnet_loses_more_on_colonoscopy():
    losses = (f"({n}-single + mmsnet) - ({n} + mmsnet-single)" for n in ("unet", "segformer"))
    return all(effect(loss, "real", "colonoscopy")["interval"][1] < 0 for loss in losses)


def segformer_loses_no_more():
    found = effect("(segformer-single + mmsnet) - (segformer + mmsnet-single)")
    return found["interval"][0] <= 0


def unet_alone_has_another_learning_rate():
    for kind in KINDS:
        rates = {row: each["settings"]["lr"] for row, each in results()[kind]["rows"].items()}
        if {row for row, rate in rates.items() if rate != rates["mmsnet"]} != {"unet", "unet-single"}:
            return False
    return True


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
    found, block = effect("sfg-ssg - mmsnet"), abs(difference("no-msfg - mmsnet"))
    by_student = abs(found["difference"]) + t.ppf(0.975, df=2) * found["spread"] / np.sqrt(3)
    return not excludes_zero(found) and max(found["detectable"], by_student) < block / 4


def only_the_narrowest_adaptor_is_worse():
    return [r for r in ("r8", "r4", "r2") if effect(f"{r} - mmsnet")["interval"][1] < 0] == ["r8"]


def mfa_helps_more_without_msfg():
    with_msfg = [-difference("msfg - mmsnet", kind) for kind in KINDS]
    without = [difference("mfa - plain", kind) for kind in KINDS]
    return all(0 < a < b for a, b in zip(with_msfg, without, strict=True))


def fep_is_open():
    found = [effect("no-fep - mmsnet", kind) for kind in KINDS]
    return all(not excludes_zero(each) and abs(each["difference"]) < each["detectable"] for each in found)


def single_stars():
    cases = (("sfg-ssg", "mixlite", "dermoscopy"), ("no-fep", "real", "dermoscopy"), ("fft", "mixlite", "colonoscopy"))
    for row, kind, only in cases:
        found = {place: effect(f"{row} - mmsnet", kind, place) for place in ("mean", *images(kind))}
        gains = found[only]["difference"] > 0
        if [place for place, each in found.items() if excludes_zero(each)] != [only] or gains != (row == "fft"):
            return False
    return True


def seed_0_alone_finds_fep():
    whole, without = (scores(row, seeds=[0]) for row in ("mmsnet", "no-fep"))
    return effects([without], [whole])["mean"].interval[1] < 0 and not excludes_zero(effect("no-fep - mmsnet"))


def bonferroni_leaves_three():
    by_seed = {}
    for contrast in {each.name: each for group in GROUPS.values() for each in group}.values():
        if contrast.name != "mmsnet - no-fep":  # the mirror image of another
            by_seed[contrast.name] = np.mean([part.mean(1) for part in differences(contrast).values()], axis=0)
    passed = {name for name, each in by_seed.items() if ttest_1samp(each, 0).pvalue < 0.05 / len(by_seed)}
    asked = t.ppf(1 - 0.025 / len(by_seed), df=2) / np.sqrt(3)  # of mean / spread
    return passed == {"msfg - plain", "mfa - plain", "plain - mmsnet"} and 10 < asked < 20


def unet_is_above():
    real, mixlite = (results()[kind]["rows"] for kind in ("real", "mixlite"))
    alone_is_best = all(mixlite["unet-single"]["dsc"] > mixlite[row]["dsc"] for row in ("mmsnet", "mmsnet-single"))
    return real["unet"]["dsc"] > real["mmsnet"]["dsc"] and alone_is_best


def full_tuning_gains():
    trained = {row: results()["mixlite"]["rows"][row]["trained"] for row in ("tuned", "mmsnet")}
    dermoscopy, colonoscopy = (effect("tuned - mmsnet", place=place) for place in ("dermoscopy", "colonoscopy"))
    gains = all(each["interval"][0] > 0 for each in (dermoscopy, colonoscopy))
    more = colonoscopy["difference"] > dermoscopy["difference"]
    return gains and more and trained["tuned"] > 2 * trained["mmsnet"]


def the_last_stage_knows_little_without_mfa():
    places = [(m, kind) for kind in KINDS for m in images(kind)]
    low, high = ([mean(row, "features 4", *p) for row in of for p in places] for of in (ROWS[4:], ROWS[:3]))
    return max(low) < 0.6 and np.mean(np.array(high) > 0.5) > 0.75


def but_so_it_does_with_mfa():
    with_mfa = ("sfg-ssg", "mfg-ssg", "sfg-msg", "fft", "wavelet", "r8", "r4", "r2", "k16", *ROWS[:4])
    found = np.array([localised(row, "features 4")[m] for row in with_mfa for m in images()])
    return 0.4 < (found > 0.5).mean() < 0.6 and (found == 0.5).mean() > 0.2


def msfg_alone_finds_the_disc():
    return all(mean("msfg", f"guidance {s}", "fundus", kind) > 0.9 for s in (1, 2, 3) for kind in KINDS)


def fep_leaves_edges_as_they_are():
    for m in images():
        with_fep, without = (localised(row, "edge width")[m] for row in ("mmsnet", "no-fep"))
        if abs(sum(with_fep) / len(with_fep) - sum(without) / len(without)) > max(with_fep) - min(with_fep):
            return False
    return True


def real_edges_say_both():
    by = {m: mean("no-fep", "edge width", m, "real") / mean("mmsnet", "edge width", m, "real") for m in images("real")}
    return by["colonoscopy"] > 1.05 and by["ultrasound"] < 0.95


def edges_are_wide_without_msfg():
    pairs = [
        (mean("no-msfg", "edge width", m, k), mean("mmsnet", "edge width", m, k)) for k in KINDS for m in images(k)
    ]
    lower = all(difference("no-msfg - mmsnet", kind) < 0 for kind in KINDS)
    return lower and all(a > 1.2 * b for a, b in pairs)


def one_map_says_the_same_of_every_network():
    values = {m: [mean(row, "guidance 4", m) for row in ("mmsnet", "no-fep", "msfg")] for m in images()}
    return all(max(each) - min(each) < 0.02 for each in values.values())


SENTENCES = (
    ("in every modality, though on dermoscopy too little to tell it from nothing.", the_mix_costs_unet),
    ("lose nothing by it on average: a little on fundus, and they win more", pretrained_networks_lose_nothing),
    ("most of that comes from the fundus images", real_mix_is_better_because_of_fundus),
    ("MMSNet on colonoscopy is an exception: alone it is better.", real_mmsnet_is_better_alone_on_colonoscopy),
    ("What U-Net loses, minus what MMSNet loses, is above 0 on MixLite.", unet_loses_more),
    ("it is MMSNet that loses more (one seed)", real_mmsnet_loses_more_on_colonoscopy),
    ("is not seen to lose more than MMSNet there", segformer_loses_no_more),
    ("the encoder, its pretraining and a learning rate, none of them U-Net's.", unet_alone_has_another_learning_rate),
    ("by seed 0 alone, FEP would have been a finding", seed_0_alone_finds_fep),
    ("that MSFG helps a bare decoder, that MFA does, and that the parts together do", bonferroni_leaves_three),
    ("it asks for a difference more than ten times its spread", bonferroni_leaves_three),
    ("No other single module costs as much when it is taken out, on MixLite and on real images.", msfg_carries),
    ("If these add anything, it is a small part of what the block does (`found from`).", averages_do_as_well),
    ("only the narrowest, $r = 8$, is seen to be worse on average", only_the_narrowest_adaptor_is_worse),
    ("**MFA helps** by a smaller amount, and more when MSFG is missing.", mfa_helps_more_without_msfg),
    ("**FEP is not told apart from nothing**", fep_is_open),
    ("on dermoscopy, for FEP on real dermoscopy, for Fourier on colonoscopy.", single_stars),
    ("with more than twice the trained parameters, gains on dermoscopy", full_tuning_gains),
    ("and on colonoscopy it gains more", full_tuning_gains),
    ("is above MMSNet on the real mix and, trained alone, on MixLite", unet_is_above),
    ("is near chance or below it, and in the table's rows with MFA mostly", the_last_stage_knows_little_without_mfa),
    ("over all such rows on MixLite about half of the figures", but_so_it_does_with_mfa),
    ('In row `msfg` the maps of "guidance 2" lie on the disc almost perfectly.', msfg_alone_finds_the_disc),
    ("on MixLite the same with and without FEP, up to the difference of two seeds", fep_leaves_edges_as_they_are),
    ("it is wider without FEP on colonoscopy and narrower on ultrasound (one seed)", real_edges_say_both),
    ("Edges are wider where *MSFG* is missing, in networks that score lower as well.", edges_are_wide_without_msfg),
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
