"""Networks on a disk and on a hub: every bit comes back, and nothing else is taken for a network."""

import json
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hub import serving
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

from mmsnet_lite import MMSNet, MMSNetConfig
from mmsnet_lite.errors import InputError
from mmsnet_lite.training import predict_image

EVERYTHING = {"levels": (2, 2, 3), "tuning_stages": (2, 4), "gate": (1.0, 0.25), "pool": "rms", "msfg_scales": 2}


def varied(**options):
    """A nano network all of whose numbers differ from their first values, buffers of batch norm too."""
    model = MMSNet(MMSNetConfig(encoder="mit-nano", width=32, frequencies=4, **options))
    for value in model.state_dict().values():
        if value.is_floating_point():
            value += 0.05 * torch.rand_like(value)
    return model.eval()


@pytest.fixture
def saved(tmp_path):
    """A network and the folder it was saved to."""
    model = varied(**EVERYTHING)
    model.save_pretrained(tmp_path / "net")
    return model, tmp_path / "net"


@pytest.fixture
def offline(monkeypatch):
    """Whoever asks the network fails."""

    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    "options", [{}, EVERYTHING, {"tune": "full"}, {"tune": "frozen"}, {"fep": "fft", "r": 4}], ids=str
)
def test_what_is_saved_comes_back_to_the_bit(options, tmp_path, offline):
    model = varied(**options)
    generator = torch.random.get_rng_state()
    model.save_pretrained(tmp_path / "net")
    loaded = MMSNet.from_pretrained(tmp_path / "net")
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert loaded.config == model.config
    assert str(loaded) == str(model)  # modules and their settings, such as drop-path
    assert not loaded.training
    trains = [[name for name, p in m.named_parameters() if p.requires_grad] for m in (model, loaded)]
    assert trains[0] == trains[1] != []
    ours, theirs = loaded.state_dict(), model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(loaded(x).logits, model(x).logits)
    image = (torch.rand(50, 70, 3) * 255).byte().numpy()
    assert (predict_image(loaded, image, 64) == predict_image(model, image, 64)).all()


def test_a_loaded_network_trains(saved):
    model = MMSNet.from_pretrained(saved[1]).train()
    model(torch.randn(2, 3, 64, 64)).logits.sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in model.parameters())


def test_the_encoders_source_is_remembered_and_not_asked(saved, tmp_path, offline):
    model, _ = saved
    model.config = replace(model.config, pretrained="nvidia/mit-b0")
    model.save_pretrained(tmp_path / "tuned")
    loaded = MMSNet.from_pretrained(tmp_path / "tuned")
    assert loaded.config.pretrained == "nvidia/mit-b0"
    assert torch.equal(loaded.encoder.stages[0].norm.weight, model.encoder.stages[0].norm.weight)
    card = ModelCard.load(tmp_path / "tuned" / "README.md")
    assert card.data.license_name == "nvidia-source-code-license"
    assert "non-commercial" in card.text


def test_the_card_says_what_it_is_and_how_to_load_it(saved):
    model, folder = saved
    card = ModelCard.load(folder / "README.md")
    assert (card.data.library_name, card.data.pipeline_tag) == ("mmsnet-lite", "image-segmentation")
    assert card.data.license is None
    assert "NVIDIA" not in card.text
    assert "no medical device" in card.text
    assert "levels = (2, 2, 3)" in card.text
    code = card.text.split("```python\n")[1].split("```")[0]
    found = {"image": (torch.rand(40, 40, 3) * 255).byte().numpy()}
    exec(code.replace("size=352", "size=64"), found)
    assert (found["probability"] == predict_image(model, found["image"], 64)).all()


def test_half_precision_is_saved_and_comes_back_as_float32(saved, tmp_path):
    saved[0].half().save_pretrained(tmp_path / "half")
    loaded = MMSNet.from_pretrained(tmp_path / "half")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.decoder.predict.weight, saved[0].decoder.predict.weight.float())


def test_push_then_load_by_name(saved, tmp_path, monkeypatch):
    """The hub's upload is replaced by a copy, which a server then offers under the name."""
    model, _ = saved
    calls = []

    class Api:
        def __init__(self, token=None):
            calls.append(token)

        def create_repo(self, repo_id, private, exist_ok):
            calls.append((repo_id, private))
            return SimpleNamespace(repo_id=repo_id)

        def upload_folder(self, *, repo_id, folder_path, commit_message, **_):
            shutil.copytree(folder_path, tmp_path / "repository")
            return f"https://hub/{repo_id}/commit/{commit_message}"

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Api)
    address = model.push_to_hub("clinic/mmsnet", private=True, token="secret", commit_message="first")
    assert address == "https://hub/clinic/mmsnet/commit/first"
    assert calls == ["secret", ("clinic/mmsnet", True)]
    assert "MMSNet.from_pretrained('clinic/mmsnet')" in (tmp_path / "repository" / "README.md").read_text()
    x = torch.randn(1, 3, 64, 64)
    torch.save(x, tmp_path / "x.pt")
    script = (
        "import sys, torch\n"
        "from mmsnet_lite import MMSNet\n"
        "model = MMSNet.from_pretrained('clinic/mmsnet', revision='main')\n"
        "with torch.no_grad():\n"
        "    torch.save(model(torch.load(sys.argv[1])).logits, sys.argv[2])\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "x.pt"), str(tmp_path / "y.pt")]
    with serving(tmp_path / "repository", tmp_path / "cache") as environment:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        assert torch.equal(torch.load(tmp_path / "y.pt"), model(x).logits)


def test_a_name_that_the_hub_does_not_give_is_refused(monkeypatch):
    def fail(*_, **__):
        raise OSError("no connection\nand a long story")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(InputError, match=r"^a/b is no folder here, .*\(OSError: no connection\); name a folder"):
        MMSNet.from_pretrained("a/b")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(saved, name):
    (saved[1] / name).unlink()
    with pytest.raises(InputError, match=rf"net has no {name}; name a folder that save_pretrained wrote"):
        MMSNet.from_pretrained(saved[1])


def test_a_damaged_file_is_refused(saved):
    file = saved[1] / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"model\.safetensors is damaged .*save the network again"):
        MMSNet.from_pretrained(saved[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda values: values | {"gabor": 3, "mmsnet_lite_version": "9.0"},
            "mmsnet-lite 9.0 wrote it, .* knows no gabor",
        ),
        (lambda values: {"model_type": "segformer"}, "is no MMSNet's: it lacks mmsnet_lite_version"),
        (lambda values: values | {"r": 5}, "r = 5 does not divide"),
        (lambda values: values | {"dropout": "much"}, "cannot be used"),
        (lambda values: [values], "cannot be used"),
        (lambda values: values | {"width": 16}, r"does not belong to the config\.json beside it: .* such as decoder\."),
        (lambda values: values | {"encoder": "mit-b0"}, r"does not belong to the config\.json beside it"),
        (lambda values: values | {"encoder": "mit-b2", "tune": "frozen"}, r"does not belong to the config\.json"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(saved, change, message):
    file = saved[1] / "config.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(InputError, match=message):
        MMSNet.from_pretrained(saved[1])
    file.write_text("{")
    with pytest.raises(InputError, match=r"config\.json cannot be used"):
        MMSNet.from_pretrained(saved[1])


@pytest.mark.parametrize("part", ["encoder.block.1.0.mlp.dense1.weight", "mfa.stages.1.up.bias"])
def test_weights_that_are_incomplete_too_many_or_of_another_shape_are_refused(saved, part):
    file = saved[1] / "model.safetensors"
    tensors = load_file(file)
    for changed in (
        {name: t for name, t in tensors.items() if name != part},
        tensors | {part.replace("weight", "gate").replace("bias", "gate"): torch.zeros(1)},
        tensors | {part: torch.zeros(3)},
    ):
        save_file(changed, file)
        with pytest.raises(InputError, match=r"model\.safetensors.*(does not belong|lacks|no MiT|cannot be read)"):
            MMSNet.from_pretrained(saved[1])
