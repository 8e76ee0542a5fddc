"""The eight public datasets, the paper's two mixes of them, and which pictures are the same."""

from mmsnet_lite.data.specs.colonoscopy import CVC300, KVASIR
from mmsnet_lite.data.specs.dermoscopy import ISIC2017, ISIC2018
from mmsnet_lite.data.specs.fundus import ORIGA, REFUGE
from mmsnet_lite.data.specs.identity import identity, video
from mmsnet_lite.data.specs.spec import DatasetSpec, Files, Levels, Table, Threshold
from mmsnet_lite.data.specs.ultrasound import BUSI, TN3K

SPECS = {spec.name: spec for spec in (ORIGA, KVASIR, BUSI, ISIC2018, REFUGE, CVC300, TN3K, ISIC2017)}
"""The datasets by name, those of Mix1 first."""

MIXES = {"mix1": ("origa", "kvasir", "busi", "isic2018"), "mix2": ("refuge", "cvc300", "tn3k", "isic2017")}
"""The paper's mixes: names of the datasets that are trained on together."""

__all__ = ["MIXES", "SPECS", "DatasetSpec", "Files", "Levels", "Table", "Threshold", "identity", "video"]
