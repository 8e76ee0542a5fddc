"""Checkpoints: whole or not at all, and only for the network they belong to."""

import pytest
import torch
from small import TinyNet

from mmsnet_lite.errors import InputError
from mmsnet_lite.training.checkpoint import (
    LAST,
    frozen_part,
    load_model,
    load_training,
    read_weights,
    save_model,
    save_training,
    save_weights,
)


def test_round_trip_keeps_every_bit(tmp_path):
    model = TinyNet()
    save_weights(tmp_path / "w.safetensors", model.state_dict(), {"epoch": 3})
    tensors, note = read_weights(tmp_path / "w.safetensors")
    assert note == {"epoch": 3}
    assert all(torch.equal(tensors[name], value) for name, value in model.state_dict().items())


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_rest(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": torch.ones(2)})
    (tmp_path / "w.safetensors.tmp").symlink_to("/dev/full")  # every write to it finds a full disk
    with pytest.raises(OSError, match="No space left"):
        save_weights(path, {"a": torch.zeros(2)})
    assert torch.equal(read_weights(path)[0]["a"], torch.ones(2))
    assert list(tmp_path.iterdir()) == [path]


def trained_once(model):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    model(torch.randn(2, 3, 8, 8)).logits.sum().backward()
    optimizer.step()
    return optimizer


def test_optimiser_moments_survive(tmp_path):
    model = TinyNet()
    optimizer = trained_once(model)
    note = {"history": [], "frozen": frozen_part(model)}
    save_training(tmp_path, model, optimizer, note)
    other = TinyNet()
    fresh = torch.optim.AdamW(other.parameters())
    assert load_training(tmp_path / LAST, other, fresh) == note
    before, after = optimizer.state_dict()["state"], fresh.state_dict()["state"]
    assert before.keys() == after.keys()
    for i, state in before.items():
        assert all(torch.equal(state[key], after[i][key]) for key in ("step", "exp_avg", "exp_avg_sq"))


def test_weights_of_another_shape_are_refused_and_nothing_is_loaded(tmp_path):
    file = tmp_path / "w.safetensors"
    save_model(file, TinyNet(8), {"frozen": frozen_part(TinyNet(8))})
    model = TinyNet(4)
    before = model.net[0].weight.clone()
    with pytest.raises(InputError, match=r"w\.safetensors belongs to another configuration: \d+ tensors differ"):
        load_model(file, model)
    assert torch.equal(model.net[0].weight, before)


def half_frozen(seed):
    torch.manual_seed(seed)
    model = TinyNet()
    model.net[0].requires_grad_(False)
    return model


def test_frozen_weights_are_not_stored_but_known_by_their_hash(tmp_path):
    model, same, other = half_frozen(0), half_frozen(0), half_frozen(1)
    trained_once(model)
    file = tmp_path / "w.safetensors"
    save_model(file, model, {"frozen": frozen_part(model)})
    own = set(model.state_dict())
    assert own - set(read_weights(file)[0]) == {"net.0.weight", "net.0.bias"}
    load_model(file, same)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), same.state_dict().values(), strict=True))
    before = other.net[4].weight.clone()
    with pytest.raises(InputError, match=r"beside other frozen weights .*give it the encoder checkpoint of the run"):
        load_model(file, other)
    assert torch.equal(other.net[4].weight, before)


def test_every_flipped_bit_is_found(tmp_path):
    """Anywhere: in the length, the names, the note, the checksum or the numbers."""
    file = tmp_path / "w.safetensors"
    save_weights(file, {"a": torch.arange(60.0)}, {"epoch": 3})
    whole = file.read_bytes()
    for i in range(len(whole)):
        damaged = bytearray(whole)
        damaged[i] ^= 1 << (i % 8)
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="is damaged"):
            read_weights(file)


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_weights(tmp_path / "none.safetensors")
    save_weights(tmp_path / "w.safetensors", {"a": torch.ones(1000)})
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged"):
        read_weights(tmp_path / "w.safetensors")
