"""The summary command: its counts add up to the network's, its shapes and K are those of a real pass."""

import pytest
import torch
from small import assert_one_line

from mmsnet_lite.__main__ import main
from mmsnet_lite.build import build_model


def table(capsys, *arguments):
    """What `summary` prints: name of the row -> (trainable, frozen, the rest of the line)."""
    assert main(["summary", *arguments]) == 0
    rows = {}
    for line in capsys.readouterr().out.splitlines()[2:]:
        trainable, frozen, *rest = line[12:].split()
        rows[line[:12].strip()] = (int(trainable.replace(",", "")), int(frozen.replace(",", "")), " ".join(rest))
    return rows


@pytest.mark.parametrize(
    "options",
    [
        ["--encoder", "mit-b4", "--r", "1"],
        ["--encoder", "mit-b0", "--no-mfa"],
        ["--no-msfg", "--fep", "fft", "--tune", "mfa"],
        ["--model", "segformer"],
        ["--model", "lora"],
        ["--model", "unet"],
    ],
    ids=" ".join,
)
def test_rows_add_up_to_all(options, capsys):
    rows = table(capsys, *options, "--size", "64")
    *parts, (name, total) = rows.items()
    assert name == "all"
    assert [sum(part[i] for _, part in parts) for i in (0, 1)] == list(total[:2])


def test_the_papers_network(capsys):
    rows = table(capsys, "--encoder", "mit-b4", "--r", "1")
    assert rows["all"] == (7_514_867, 60_842_688, "1 x 352 x 352")
    assert rows["encoder 3"][2] == "320 x 22 x 22"
    assert rows["mfa 3"][2] == "320 x 22 x 22 a prompt before each of 27"
    assert rows["msfg 4"][2] == "64 x 11 x 11 K by scale: 32, 32, 32"


def test_shapes_and_frequencies_are_those_of_a_real_pass(capsys):
    """At 128 px the last stage is 4 x 4, so that its grid holds 16 components at most."""
    rows = table(capsys, "--frequencies", "32", "--size", "128", "--tune", "mfa")
    model = build_model("mmsnet", {"encoder": "mit-nano", "width": 32}).eval()
    with torch.no_grad():
        seen = model.explain(torch.randn(1, 3, 128, 128))
    assert rows["fep"][2].startswith("3 x 128 x 128")
    for s in range(4):
        shape = " x ".join(map(str, seen.features[s].shape[1:]))
        assert rows[f"encoder {s + 1}"][2] == rows[f"mfa freq. {s + 1}"][2] == shape
        assert rows[f"msfg {s + 1}"][2].startswith(" x ".join(map(str, seen.guidance[s].output.shape[1:])))
    assert rows["msfg 3"][2].endswith("K by scale: 32, 32, 32")  # 8 x 8, which no scale halves
    assert rows["msfg 4"][2].endswith("K by scale: 16, 16, 16")


def test_a_checkpoint_is_read_and_a_size_that_does_not_fit_refused(capsys):
    assert main(["summary", "--pretrained", "/no/such/folder"]) == 2
    assert_one_line(capsys, ".*cannot be read")
    assert main(["summary", "--size", "100"]) == 2
    assert_one_line(capsys, ".*resize to 96x96")
