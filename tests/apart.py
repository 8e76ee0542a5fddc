"""What the tests of training run in processes of their own: python apart.py killed|several DATA FOLDER."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from small import TinyNet

from mmsnet_lite.data import Mix, folder_parts, split_validation
from mmsnet_lite.training import TrainSettings, evaluate, loop, make_accelerator, train
from mmsnet_lite.training import checkpoint as checkpoints
from mmsnet_lite.training.checkpoint import LAST, load_model
from mmsnet_lite.training.processes import share_buffers

KILLED = TrainSettings(epochs=40, batch=2, lr=1e-2, augment="full")
SEVERAL = TrainSettings(epochs=20, batch=4, lr=1e-2)  # of six images: a step an epoch


class Exact(TinyNet):
    """TinyNet in double precision and without dropout: what differs between two ways of computing is the ways."""

    def __init__(self):
        super().__init__()
        self.net[3].p = 0.0
        self.double()

    def forward(self, x):
        return super().forward(x.double())


def mixes(data):
    """Six images to train on, two to validate."""
    kept, held = split_validation(folder_parts(Path(data), ["left", "right"], "train"), 0.25)
    return Mix(kept, 64), Mix(held, 64)


def network(kind=TinyNet):
    """The same start weights every time."""
    torch.manual_seed(3)
    return kind()


def same(a, b):
    """Whether two networks hold the very same weights."""
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def write_slowly(path, data):
    """Stand in for `write_bytes`, so that a kill often meets a half-written checkpoint."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            file.write(part)
            file.flush()
            time.sleep(0.01)
    os.replace(temporary, path)


def killed(data, folder):
    """Train once as it is, once killed ten times and continued; print how many kills met a half-written checkpoint."""
    torch.set_num_threads(1)
    checkpoints.write_bytes = write_slowly
    train_mix, validation_mix = mixes(data)

    def start(run):
        run.mkdir(exist_ok=True)
        child = os.fork()  # this process has computed nothing yet, so that its child can
        if child:
            return child
        resume = (run / LAST).exists() or (run / "previous.safetensors").exists()
        train(network(), train_mix, validation_mix, KILLED, run=run, resume=resume, save_every=0)
        os._exit(0)

    clock = time.monotonic()
    assert os.waitpid(start(folder / "whole"), 0)[1] == 0
    seconds = time.monotonic() - clock
    draw, cut, half_written = random.Random(0), folder / "cut", 0
    for kill in range(10):
        child = start(cut)
        time.sleep(draw.uniform(0, seconds / 12))
        while kill % 2 and not (cut / f"new.{LAST}.tmp").exists():
            time.sleep(0.001)  # every second kill waits for a checkpoint to be half-written
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, "it had ended before it was killed"
        half_written += (cut / f"new.{LAST}.tmp").exists()
    assert os.waitpid(start(cut), 0)[1] == 0
    print(json.dumps({"half_written": half_written, "seconds": round(seconds, 1)}))


def several(data, folder):
    """As one of several processes: train, train half and stop, score a fixed checkpoint."""
    accelerator = make_accelerator()
    if accelerator.is_main_process:
        for name in ("whole", "half"):
            (folder / name).mkdir()
    train_mix, validation_mix = mixes(data)
    options = {"accelerator": accelerator}
    history = train(network(Exact), train_mix, validation_mix, SEVERAL, run=folder / "whole", **options)
    model = network()
    load_model(folder / "fixed.safetensors", model)
    scores = evaluate(model, train_mix, batch=4)
    unlike = network(Exact).train()
    unlike(torch.full((1, 3, 8, 8), accelerator.process_index + 1.0))
    statistics = [accelerator.gather(unlike.net[1].running_mean[None]).tolist()]
    share_buffers(accelerator, unlike)
    statistics.append(accelerator.gather(unlike.net[1].running_mean[None]).tolist())
    if accelerator.is_main_process:
        found = {"statistics": statistics, "losses": [record["loss"] for record in history], "scores": scores.to_json()}
        (folder / "found.json").write_text(json.dumps(found | {"processes": accelerator.num_processes}))

    left = [10]

    def stop_after_ten(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return evaluate(*args, **kwargs)

    loop.evaluate = stop_after_ten
    try:
        train(network(Exact), train_mix, validation_mix, SEVERAL, run=folder / "half", **options)
    except KeyboardInterrupt:
        accelerator.wait_for_everyone()
    accelerator.end_training()
    os._exit(0)  # gloo's threads sometimes abort an interpreter that tears itself down


if __name__ == "__main__":
    {"killed": killed, "several": several}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
