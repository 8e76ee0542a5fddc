"""Checkpoints: whole or not at all, and only for the network they belong to."""

import pytest
import torch
from small import TinyNet

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import load_training, load_weights, read_weights, save_training, save_weights


def test_round_trip_keeps_every_bit(tmp_path):
    model = TinyNet()
    save_weights(tmp_path / "w.safetensors", model.state_dict(), {"epoch": 3})
    tensors, note = read_weights(tmp_path / "w.safetensors")
    assert note == {"epoch": 3}
    assert all(torch.equal(tensors[name], value) for name, value in model.state_dict().items())


def test_a_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": torch.ones(2)})

    def fail(tensors, file, **_):
        file.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr("mmsnet_lite.training.checkpoint.save_file", fail)
    with pytest.raises(OSError, match="no space"):
        save_weights(path, {"a": torch.zeros(2)})
    assert torch.equal(read_weights(path)[0]["a"], torch.ones(2))


def test_optimiser_moments_survive(tmp_path):
    model = TinyNet()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(2, 3, 8, 8)).logits.sum().backward()
    optimizer.step()
    save_training(tmp_path / "t.safetensors", model, optimizer, {"history": []})
    other = TinyNet()
    fresh = torch.optim.AdamW(other.parameters())
    assert load_training(tmp_path / "t.safetensors", other, fresh) == {"history": []}
    for a, b in zip(optimizer.state_dict()["state"].values(), fresh.state_dict()["state"].values(), strict=True):
        assert all(torch.equal(a[key], b[key]) for key in ("step", "exp_avg", "exp_avg_sq"))


def test_weights_of_another_shape_are_refused_and_nothing_is_loaded(tmp_path):
    save_weights(tmp_path / "w.safetensors", TinyNet(8).state_dict())
    model = TinyNet(4)
    before = model.net[0].weight.clone()
    with pytest.raises(InputError, match=r"w\.safetensors belongs to another configuration: \d+ tensors differ"):
        load_weights(model, read_weights(tmp_path / "w.safetensors")[0], tmp_path / "w.safetensors")
    assert torch.equal(model.net[0].weight, before)


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_weights(tmp_path / "none.safetensors")
    save_weights(tmp_path / "w.safetensors", {"a": torch.ones(1000)})
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged"):
        read_weights(tmp_path / "w.safetensors")
