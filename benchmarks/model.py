"""What do MSFG and a training step cost? Ratios to peers that run beside them.

    python benchmarks/model.py [--only pooling,block,step,small,b4] [--turns N] [--on cpu,cuda,...] [--out FILE]

pooling  frequency pooling alone, 8 x 64 x 56 x 56, K = 32, forward and backward, against every product materialised
block    the whole MSFG, 8 x 64 x 88 x 88, S = 3, against the same
step     a training step of MMSNet with mit-b0 (128 px, batch 16) at K = 32 against K = 1, and MSFG's share of it
small    a training step of MMSNet with mit-nano, tuned in full, at 224 px against U-Net (16 channels) at 128, batch 16
b4       a training step of MMSNet with mit-b4 (352 px, r = 1, batch 2) against transformers' SegFormer, tuned in full

Each contestant runs in processes of its own, which take turns: N each, one warm-up call and then `CALLS` timed ones,
one thread. (Those of `step` take turns within one process, N times `CALLS`: their difference is small.) Times are
medians over all, with quartiles, and a ratio is the median over the turns of neighbours; memory is the process's peak
(Linux), with what it held before the first call beside it. Weights are random. With a CUDA device b4 runs there too, in
bfloat16 autocast, with and without torch.compile, and at batch 8 and 32; `--on` chooses. Rows not asked for stay in the
file, benchmarks/results/model.json unless told otherwise.
"""

import argparse
import copy
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results/model.json"
sys.path += [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]  # the tests hold the naive form

from frequency import seconds  # noqa: E402
from guidance import dct_images, naive_components, naive_msfg  # noqa: E402

from mmsnet_lite.baselines.unet import UNet, UNetConfig  # noqa: E402
from mmsnet_lite.build import environment  # noqa: E402
from mmsnet_lite.frequency import frequency_indices  # noqa: E402
from mmsnet_lite.model import MMSNet, MMSNetConfig  # noqa: E402
from mmsnet_lite.model.msfg import MSFG, FrequencyChannelAttention  # noqa: E402
from mmsnet_lite.training.losses import segmentation_loss  # noqa: E402

CALLS = {"pooling": 7, "block": 3, "step": 5, "small": 2, "b4": 2}
PAIRS = {  # ours first, then what it is compared with
    "pooling": ("ours", "naive"),
    "block": ("ours", "naive"),
    "small": ("MMSNet, 224 px", "U-Net, 128 px"),
    "b4": ("MMSNet", "SegFormer, fully tuned"),
}
BARS = {
    "pooling": {"extra peak memory": 1 / 8},
    "block": {"peak memory": 0.6, "time": 0.7},
    "step": {"time": 1.2},
    "small": {"time": 1, "peak memory": 1},
    "b4": {"peak memory": 0.7, "time": 0.9},
}
PLACES = {  # of b4: title of the row, device, compiled, batch
    "cpu": ("b4", "cpu", False, 2),
    "cuda": ("b4, CUDA", "cuda", False, 2),
    "compiled": ("b4, CUDA, compiled", "cuda", True, 2),
    "cuda-8": ("b4, CUDA, batch 8", "cuda", False, 8),
    "cuda-32": ("b4, CUDA, batch 32", "cuda", False, 32),
}
Step = Callable[[], object]


def pooling(name: str) -> Step:
    """Forward and backward of the three pools, K = 32."""
    x = torch.randn(8, 64, 56, 56, requires_grad=True)
    attention, images = FrequencyChannelAttention(64, 32, 56), dct_images(32, 56)

    def step() -> None:
        if name == "naive":
            pools = torch.stack([z.mean(2) for z in naive_components(x, images)])
        else:
            pools = attention.pools(x)
        pools.square().sum().backward()
        x.grad = None

    return step


def block(name: str) -> Step:
    """Forward and backward of one MSFG of three scales."""
    x = torch.randn(8, 64, 88, 88, requires_grad=True)
    msfg = MSFG(64)

    def step() -> None:
        (naive_msfg(msfg, x) if name == "naive" else msfg(x)).square().mean().backward()
        msfg.zero_grad()
        x.grad = None

    return step


class HubSegformer(nn.Module):
    """transformers' own SegFormer, as fine-tuning it in full is usually done; logits at full size."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import SegformerForSemanticSegmentation

        from mmsnet_lite.model.encoder import encoder_spec

        config = encoder_spec("mit-b4").transformers_config()
        config.decoder_hidden_size = 768
        self.model = SegformerForSemanticSegmentation(config)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (b 3 h w) to logits (b 1 h w)."""
        return F.interpolate(self.model(x).logits, scale_factor=4, mode="bilinear")


def trainer(net: nn.Module, size: int, batch: int, device: str = "cpu", compiled: bool = False) -> Step:
    """A training step as `mmsnet_lite.training` makes it: forward, loss, backward, AdamW."""
    cuda = device == "cuda"
    net = net.to(device).train()
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=5e-4)
    run = torch.compile(net) if compiled else net
    x = torch.randn(batch, 3, size, size, device=device)
    target = (torch.rand(batch, 1, size, size, device=device) > 0.7).float()

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=cuda):
            out = run(x)
        logits = out if isinstance(out, Tensor) else out.logits
        segmentation_loss(logits.float(), target).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def small(name: str) -> Step:
    """A training step of the networks that README's table of equal time compares."""
    if name == "U-Net, 128 px":
        return trainer(UNet(UNetConfig()), 128, 16)
    return trainer(MMSNet(MMSNetConfig(encoder="mit-nano", width=32, tune="full")), 224, 16)


def b4(name: str, place: str) -> Step:
    """A training step at the paper's size."""
    net = MMSNet(MMSNetConfig(encoder="mit-b4", r=1)) if name == "MMSNet" else HubSegformer()
    _, device, compiled, batch = PLACES[place]
    return trainer(net, 352, batch, device, compiled)


def guidance_step(net: MMSNet) -> Step:
    """Forward and backward of the four MSFG of a small network's step, alone."""
    blocks = copy.deepcopy(net.decoder.guide).train()
    maps = [torch.randn(16, 64, 128 // stride, 128 // stride, requires_grad=True) for stride in (4, 8, 16, 32)]

    def step() -> None:
        for guide, x in zip(blocks, maps, strict=True):
            guide(x).square().mean().backward()

    return step


def memory(field: str) -> float:
    """VmRSS or VmHWM of this process in MiB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def work(row: str, name: str, place: str) -> dict:
    """Run one contestant in this process: its times and its peak memory."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.filterwarnings("ignore", "Dynamo detected a call")
    cuda = place != "cpu"
    run = b4(name, place) if row == "b4" else {"pooling": pooling, "block": block, "small": small}[row](name)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory("VmRSS")
    taken = []
    for i in range(1 + CALLS[row] * (5 if cuda else 1)):
        elapsed = seconds(run, cuda)
        if i:
            taken.append(elapsed)
    peak = torch.cuda.max_memory_allocated() / 2**20 if cuda else memory("VmHWM")
    return {"seconds": taken, "before": before, "peak": peak}


def compare(row: str, turns: int, place: str = "cpu") -> dict:
    """Let the two contestants of a row take turns, each in a fresh process."""
    found: dict[str, list[dict]] = {name: [] for name in PAIRS[row]}
    for turn in range(turns):
        for name in PAIRS[row] if turn % 2 else PAIRS[row][::-1]:
            words = [sys.executable, __file__, "--work", row, name, place]
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    ours, peer = (found[name] for name in PAIRS[row])
    taken = {name: sum((turn["seconds"] for turn in part), []) for name, part in found.items()}

    def ratios_of(value: Callable[[dict], float]) -> list[float]:
        return [value(a) / value(b) for a, b in zip(ours, peer, strict=True)]

    times = ratios_of(lambda turn: statistics.median(turn["seconds"]))
    ratios = {"time": round(statistics.median(times), 3)}
    ratios["peak memory"] = round(statistics.median(ratios_of(lambda turn: turn["peak"])), 3)
    if place == "cpu":
        extra = ratios_of(lambda turn: turn["peak"] - turn["before"])
        ratios["extra peak memory"] = round(statistics.median(extra), 3)
    result = {
        "ratio": ratios,
        "ratio of time, range over the turns": [round(min(times), 3), round(max(times), 3)],
        "bars": {name: round(bar, 3) for name, bar in BARS[row].items()},
        "milliseconds, median": {name: round(1e3 * statistics.median(t), 1) for name, t in taken.items()},
        "milliseconds, quartiles": {
            name: [round(1e3 * q, 1) for q in statistics.quantiles(t, n=4)[::2]] for name, t in taken.items()
        },
        "peak memory, MiB": {name: round(statistics.median(t["peak"] for t in part)) for name, part in found.items()},
        "turns": turns,
        "calls a turn": CALLS[row] * (1 if place == "cpu" else 5),
    }
    if row == "b4":
        batch = PLACES[place][3]
        result["images a second"] = {name: round(batch / statistics.median(t), 2) for name, t in taken.items()}
    if place == "cpu":
        result["memory before the first call, MiB"] = {
            name: round(statistics.median(turn["before"] for turn in part)) for name, part in found.items()
        }
    return result


def compare_steps(turns: int) -> dict:
    """Training steps at K = 32 and K = 1 and MSFG alone, in one process, by turns: the difference is small.

    Times are this thread's on the processor, so that other work on the machine does not hide the difference.
    """
    counts = (32, 1)
    nets = {k: MMSNet(MMSNetConfig(encoder="mit-b0", frequencies=k)) for k in counts}
    alone = {k: guidance_step(net) for k, net in nets.items()}
    steps = {k: trainer(net, 128, 16) for k, net in nets.items()}
    taken: dict[int, list[tuple[float, float]]] = {k: [] for k in counts}  # the step, MSFG alone
    for i in range(1 + turns * CALLS["step"]):
        for k in counts if i % 2 else counts[::-1]:
            marks = [time.process_time()]
            for run in (steps[k], alone[k]):
                run()
                marks.append(time.process_time())
            if i:
                a, b, c = marks
                taken[k].append((b - a, c - b))
    ratios = [a[0] / b[0] for a, b in zip(taken[32], taken[1], strict=True)]
    return {
        "ratio": {"time": round(statistics.median(ratios), 3)},
        "ratio of time, quartiles": [round(q, 3) for q in statistics.quantiles(ratios, n=4)[::2]],
        "ratio of the least times": round(min(t[0] for t in taken[32]) / min(t[0] for t in taken[1]), 3),
        "bars": BARS["step"],
        "milliseconds, median": {f"K = {k}": round(1e3 * statistics.median(t[0] for t in taken[k]), 1) for k in counts},
        "MSFG's share of the step": {
            f"K = {k}": round(statistics.median(t[1] / t[0] for t in taken[k]), 3) for k in counts
        },
        "calls": len(ratios),
    }


def largest_difference() -> dict[str, float]:
    """Of the pools and of their gradient, ours against the naive form, on the benchmark's shape."""
    torch.manual_seed(0)
    x, images = torch.randn(8, 64, 56, 56, requires_grad=True), dct_images(32, 56)
    pools = (
        FrequencyChannelAttention(64, 32, 56).pools(x),
        torch.stack([z.mean(2) for z in naive_components(x, images)]),
    )
    gradients = [torch.autograd.grad(part.square().sum(), x)[0] for part in pools]
    assert len(frequency_indices(32, 56)) == 32
    return {
        "of the pools": (pools[0] - pools[1]).abs().max().item(),
        "of the gradient": (gradients[0] - gradients[1]).abs().max().item(),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Cost of MSFG and of training steps, as ratios to peers.")
    parser.add_argument("--only", default=",".join(CALLS), help="rows, separated by commas")
    parser.add_argument("--turns", type=int, default=5, help="processes of each contestant")
    here = list(PLACES) if torch.cuda.is_available() else ["cpu"]
    parser.add_argument(
        "--on", default=",".join(here), help="where b4 runs, separated by commas (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        print(json.dumps(work(*args.work)))
        return
    where = args.on.split(",")
    if not set(where) <= set(here):
        parser.error(f"--on {args.on}: here is {', '.join(here)}")
    torch.set_num_threads(1)
    described = environment()  # before this file's own result makes the checkout differ from its commit
    result = json.loads(args.out.read_text(encoding="utf-8")) if args.out.exists() else {}
    for row in args.only.split(","):
        found = {}
        if row == "step":
            found[row] = compare_steps(args.turns)
        elif row == "b4":
            found = {PLACES[place][0]: compare(row, args.turns, place) for place in where}
        else:
            found[row] = compare(row, args.turns)
        if row == "pooling":
            found[row]["largest difference"] = largest_difference()
        for part in found.values():
            part["environment"] = described | {
                "command": f"python benchmarks/model.py --only {row} --turns {args.turns}"
            }
            part["date"] = date.today().isoformat()
        result |= found
        args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(found, indent=2), flush=True)


if __name__ == "__main__":
    main()
