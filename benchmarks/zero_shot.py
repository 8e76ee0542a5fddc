"""What does a U-Net that has seen nothing but MixLite find in real images?

    python benchmarks/zero_shot.py ROOT

ROOT holds the prepared folders drishti, kvasir, busi and isic2017; their test splits are scored, and nothing is chosen
on them: the best epoch is chosen on MixLite. Beside the network stand two guesses that look at no image: everything,
and the mean MixLite mask of the modality, cut where it fits MixLite best. Writes benchmarks/results/zero_shot.json;
without ROOT, as in `make bench`, it measures nothing.
"""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import torch
from real_fingerprint import MODALITIES as FOLDERS
from real_fingerprint import root_given

from mmsnet_lite.build import build_model, environment
from mmsnet_lite.data import Mix, folder_parts, mixlite_parts, split_validation
from mmsnet_lite.data.synthetic import MODALITIES, VERSION
from mmsnet_lite.training import TrainSettings, evaluate, train
from mmsnet_lite.training.checkpoint import write_text

SIZE, IMAGES, SEEDS = 96, 200, (0, 1)
SETTINGS = {"epochs": 8, "batch": 8, "lr": 1e-3, "augment": "full"}
RESULT = Path(__file__).parent / "results/zero_shot.json"


def dsc(prediction: torch.Tensor, masks: torch.Tensor) -> float:
    """Mean DSC of one mask (h w) against many (n h w), all of 0 and 1."""
    overlap = (prediction * masks).sum((1, 2))
    return (2 * overlap / (prediction.sum() + masks.sum((1, 2))).clamp(min=1)).mean().item()


def guesses(drawn: Mix, real: Mix) -> dict[str, dict[str, float]]:
    """DSC on real masks of two guesses that look at no image, by modality."""
    found: dict[str, dict[str, float]] = {}
    for modality in MODALITIES:
        ours, theirs = (
            torch.stack([sample["mask"][0].float() for sample in mix if sample["modality"] == modality])
            for mix in (drawn, real)
        )
        mean = ours.mean(0)
        cut = max(np.linspace(0.02, 0.98, 49), key=lambda level: dsc((mean >= level).float(), ours))
        found[modality] = {
            "everything": round(dsc(torch.ones_like(mean), theirs), 4),
            "mean MixLite mask": round(dsc((mean >= cut).float(), theirs), 4),
        }
    return found


def main() -> None:
    """Train for each seed, score, write."""
    if (root := root_given(__doc__)) is None:
        return
    parts = folder_parts(root, list(FOLDERS), "test")
    real = Mix([replace(part, modality=FOLDERS[part.dataset]) for part in parts], SIZE)
    scores: dict[str, list[dict[str, float]]] = {"real": [], "mixlite": []}
    for seed in SEEDS:
        train_parts, held = split_validation(mixlite_parts("train", SIZE, seed, {"train": IMAGES}), 0.05, seed)
        drawn, held_out = Mix(train_parts, SIZE), Mix(held, SIZE)
        unseen = Mix(mixlite_parts("test", SIZE, seed, {"test": 40}), SIZE)
        model = build_model("unet", {}, seed)
        best, weights = -1.0, {}

        def keep(record: dict, model: torch.nn.Module = model) -> None:
            nonlocal best, weights
            print(record, flush=True)
            if record["validation_dsc"] > best:
                best, weights = record["validation_dsc"], {k: v.clone() for k, v in model.state_dict().items()}

        train(model, drawn, held_out, TrainSettings(seed=seed, **SETTINGS), on_epoch=keep)
        model.load_state_dict(weights)
        for name, mix in (("real", real), ("mixlite", unseen)):
            rows = evaluate(model, mix).to_json()["modalities"]
            scores[name].append({modality: round(rows[modality]["dsc"], 4) for modality in MODALITIES})
            print(name, scores[name][-1], flush=True)
    about = environment()
    result = {
        "command": "python benchmarks/zero_shot.py ROOT",
        "date": date.today().isoformat(),
        "commit": about["commit"],
        "versions": about["versions"],
        "threads": about["threads"],
        "trained on": f"{IMAGES} images a modality of {VERSION}, seeds {SEEDS}, {SIZE} px, U-Net, {SETTINGS}",
        "tested on": {FOLDERS[part.dataset]: f"{part.dataset}, {len(part.stems)} test images" for part in parts},
        "dsc": {
            name: {
                modality: {
                    "mean": round(float(np.mean([row[modality] for row in rows])), 3),
                    "spread": round(float(np.ptp([row[modality] for row in rows])), 3),
                    "seeds": [row[modality] for row in rows],
                }
                for modality in MODALITIES
            }
            for name, rows in scores.items()
        },
        "guesses": guesses(drawn, real),
    }
    write_text(RESULT, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
