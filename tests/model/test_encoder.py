"""The encoder against transformers' own forward, from every kind of checkpoint."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from hub import serving
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import SegformerForImageClassification, SegformerModel

from mmsnet_lite.errors import InputError
from mmsnet_lite.model import ENCODERS, MiTEncoder
from mmsnet_lite.model.encoder import check_image_size


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A classifier's checkpoint, the layout in which NVIDIA publishes MiT weights, at nano size."""
    folder = tmp_path_factory.mktemp("mit-nano")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = SegformerForImageClassification(ENCODERS["mit-nano"].transformers_config())
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "name",
    [name if name in ("mit-nano", "mit-b0") else pytest.param(name, marks=pytest.mark.slow) for name in ENCODERS],
)
def test_features_equal_transformers(name, tmp_path):
    """Of the same random numbers; then of their checkpoint, into an encoder that started elsewhere."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        encoder = MiTEncoder(name).eval()
        torch.manual_seed(1)
        theirs = SegformerModel(ENCODERS[name].transformers_config()).eval()
        x = torch.randn(2, 3, 64, 96)
    theirs.save_pretrained(tmp_path)
    with torch.no_grad():
        expected = theirs(x, output_hidden_states=True).hidden_states
        for found in (encoder(x), MiTEncoder(name, str(tmp_path)).eval()(x)):
            for ours, reference in zip(found, expected, strict=True):
                assert_close(ours, reference, atol=1e-5, rtol=0)


def test_local_checkpoint_gives_its_own_features(checkpoint):
    encoder = MiTEncoder("mit-nano", str(checkpoint)).eval()
    theirs = SegformerForImageClassification.from_pretrained(checkpoint).eval().segformer
    x = torch.ones(1, 3, 64, 64)
    with torch.no_grad():
        assert_close(encoder(x)[-1], theirs(x).last_hidden_state, atol=1e-5, rtol=0)


def test_hub_checkpoint_is_downloaded_by_name(checkpoint, tmp_path):
    script = (
        "from mmsnet_lite.model import MiTEncoder\n"
        "encoder = MiTEncoder('mit-nano', 'nvidia/mit-nano')\n"
        "print(float(encoder.stages[0].patch_embeddings.proj.weight.detach().double().sum()))"
    )
    with serving(checkpoint, tmp_path) as environment:
        out = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120
        )
    assert out.returncode == 0, out.stderr
    expected = MiTEncoder("mit-nano", str(checkpoint)).stages[0].patch_embeddings.proj.weight.detach().double().sum()
    assert float(out.stdout) == pytest.approx(float(expected), abs=1e-9)


def test_checkpoint_of_another_encoder_is_refused(checkpoint):
    with pytest.raises(InputError, match=r"does not fit encoder 'mit-b0'.*\(16, 32, 80, 128\)"):
        MiTEncoder("mit-b0", str(checkpoint))


def test_incomplete_checkpoint_is_refused(checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    tensors = load_file(checkpoint / "model.safetensors")
    dropped = next(name for name in tensors if "proj" in name)
    del tensors[dropped]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((checkpoint / "config.json").read_text())
    with pytest.raises(InputError, match="is incomplete, it lacks"):
        MiTEncoder("mit-nano", str(tmp_path))


def test_damaged_checkpoint_is_refused(checkpoint, tmp_path):
    whole = (checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "config.json").write_text((checkpoint / "config.json").read_text())
    with pytest.raises(InputError, match=r"cannot be read \(.*; pass a local folder"):
        MiTEncoder("mit-nano", str(tmp_path))


def test_half_precision_checkpoint_gives_a_float32_encoder(checkpoint, tmp_path):
    SegformerForImageClassification.from_pretrained(checkpoint).half().save_pretrained(tmp_path)
    assert {p.dtype for p in MiTEncoder("mit-nano", str(tmp_path)).parameters()} == {torch.float32}


def test_missing_checkpoint_names_the_ways_out(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(ENCODERS["mit-nano"].transformers_config().to_dict()))
    with pytest.raises(InputError, match="cannot be read.*pretrained=None"):
        MiTEncoder("mit-nano", str(tmp_path))


def test_unknown_encoder_lists_the_known():
    with pytest.raises(InputError, match="'mit-b9' is unknown; choose one of mit-nano, mit-b0"):
        MiTEncoder("mit-b9")


@pytest.mark.parametrize(
    ("height", "width", "suggestion"), [(100, 128, "96x128"), (32, 64, "64x64"), (350, 350, "352x352")]
)
def test_size_error_suggests_one_that_fits(height, width, suggestion):
    with pytest.raises(InputError, match=suggestion):
        check_image_size(height, width)
    fits = [int(side) for side in suggestion.split("x")]
    assert check_image_size(*fits) is None


def test_a_folder_with_keys_that_no_encoder_has_is_refused(checkpoint, tmp_path):
    folder = tmp_path / "odd"
    shutil.copytree(checkpoint, folder)
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "gate.weight": torch.zeros(1)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"is no MiT encoder's, it has gate\.weight; download it again"):
        MiTEncoder("mit-nano", str(folder))


def test_checkpointing_changes_no_gradient():
    """Drop-path draws the same in the second pass; only what is kept between them differs."""
    gradients = []
    for on in (False, True):
        torch.manual_seed(0)
        encoder = MiTEncoder("mit-nano").train()
        encoder.checkpointing = on
        assert encoder.checkpointing is on
        counts = []
        for block in encoder.stages[1].blocks:
            block.register_forward_pre_hook(lambda *_: counts.append(1))  # noqa: B023
        encoder(torch.randn(2, 3, 64, 64))[-1].square().sum().backward()
        assert len(counts) == (4 if on else 2)  # of two blocks
        gradients.append([parameter.grad for parameter in encoder.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
