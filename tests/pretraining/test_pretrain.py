"""Pretraining: it continues exactly, writes what others load, and what is shipped has learnt to see."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close
from transformers import SegformerModel

from mmsnet_lite import MMSNet, MMSNetConfig
from mmsnet_lite.__main__ import main
from mmsnet_lite.data import dataset
from mmsnet_lite.errors import InputError
from mmsnet_lite.model import MiTEncoder
from mmsnet_lite.model.checkpoints import OWN
from mmsnet_lite.pretraining import PretrainSettings, draw_scenes, pretrain
from mmsnet_lite.pretraining.pretrain import MEAN, STD, Naming, naming_loss

TINY = PretrainSettings(steps=4, batch=2, lr=1e-3)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Progress is kept every other step, and few scenes score."""
    monkeypatch.setitem(pretrain.__globals__, "KEEP_EVERY", 2)
    monkeypatch.setitem(pretrain.__globals__, "PROBED", 16)


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path):
    def stop(step, _):
        if step == 3:
            raise KeyboardInterrupt

    pretrain("mit-nano", TINY, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        pretrain("mit-nano", TINY, tmp_path / "cut", on_step=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.partial.pt", "whole"]
    steps = []
    pretrain("mit-nano", TINY, tmp_path / "cut", on_step=lambda step, _: steps.append(step))
    assert steps == [3, 4]
    whole, cut = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    assert not (tmp_path / "cut.partial.pt").exists()


def test_the_folder_loads_here_and_in_transformers(tmp_path):
    record = pretrain("mit-nano", TINY, tmp_path / "own")
    assert json.loads((tmp_path / "own/card.json").read_text()) == record
    assert all(tensor.dtype == torch.float16 for tensor in load_file(tmp_path / "own/model.safetensors").values())
    ours = MiTEncoder("mit-nano", str(tmp_path / "own")).eval()
    theirs = SegformerModel.from_pretrained(tmp_path / "own").float().eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_close(ours(x)[-1], theirs(x).last_hidden_state, atol=1e-5, rtol=0)


def test_the_global_generator_is_left_alone(tmp_path):
    state = torch.get_rng_state()
    pretrain("mit-nano", TINY, tmp_path / "own")
    assert torch.equal(torch.get_rng_state(), state)


def test_bad_input_is_refused_and_nothing_is_lost(tmp_path):
    pretrain("mit-nano", TINY, tmp_path / "own")
    before = (tmp_path / "own/model.safetensors").read_bytes()
    with pytest.raises(InputError, match="exists; name another folder"):
        pretrain("mit-nano", TINY, tmp_path / "own")
    assert (tmp_path / "own/model.safetensors").read_bytes() == before
    with pytest.raises(InputError, match="'mit-b9' is unknown"):
        pretrain("mit-b9", TINY, tmp_path / "new")
    torch.save({"settings": {"encoder": "mit-b0"}}, tmp_path / "new.partial.pt")
    with pytest.raises(InputError, match=r"new\.partial\.pt is of .*remove it"):
        pretrain("mit-nano", TINY, tmp_path / "new")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "at least 1 step"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"seed": -1}, "choose 0 to 65535"),
        ({"size": 96}, "most steps see half of it"),
    ],
)
def test_settings_refuse(options, message):
    with pytest.raises(InputError, match=message):
        PretrainSettings(**options)


def test_scenes_are_normalised_as_every_image_is():
    assert (MEAN, STD) == (dataset.MEAN, dataset.STD)


def test_the_rate_warms_up_and_falls_to_nothing():
    settings = PretrainSettings(steps=100, lr=1.0)
    rates = [settings.lr_at(step) for step in range(100)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[5] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0, abs=1e-3)
    assert rates[5:] == sorted(rates[5:], reverse=True)


def test_the_loss_counts_every_label():
    """A network that names everything rightly has next to no loss; one wrong label of each kind costs."""
    scenes = draw_scenes(2, 64, torch.Generator().manual_seed(0))

    outline, slope, direction = (
        torch.nn.functional.one_hot(target[:, 2::4, 2::4].clamp(min=0), classes).movedim(-1, 1) * 40.0 - 20
        for target, classes in ((scenes.outline, 6), (scenes.slope, 3), (scenes.direction, 5))
    )
    objects = torch.where(scenes.outline[:, None, 2::4, 2::4] >= 0, 20.0, -20.0)
    depth = scenes.depth[:, None, 2::4, 2::4]
    right = (objects, outline, slope, direction, depth)
    assert naming_loss(right, scenes) < 1e-6
    for i in range(5):
        wrong = [score + 1 if i == j == 4 else -score if i == j else score for j, score in enumerate(right)]
        assert naming_loss(tuple(wrong), scenes) > 1


def test_the_command_pretrains(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MMSNET_STATIC", "1")
    words = ["pretrain", "--out", str(tmp_path / "own"), "--steps", "2", "--batch", "2"]
    assert main(words) == 0
    assert "mit-nano after 2 steps" in capsys.readouterr().out
    assert main(words) == 2
    assert "exists; name another folder" in capsys.readouterr().err


def test_what_is_shipped_is_small_and_has_its_card():
    folder = OWN / "mit-nano"
    assert (folder / "model.safetensors").stat().st_size <= 4e6
    card = json.loads((folder / "card.json").read_text())
    assert card["settings"]["encoder"] == "mit-nano"
    assert {"steps", "batch", "size", "lr", "seed"} < card["settings"].keys()
    assert card["seconds"] > 0
    assert 0 < card["probe"]["object IoU"] < 1
    assert sum(p.numel() for p in MiTEncoder("mit-nano", "own").parameters()) <= 1e6


def test_mmsnet_starts_from_what_is_shipped():
    model = MMSNet(MMSNetConfig(encoder="mit-nano", pretrained="own"))
    shipped = MiTEncoder("mit-nano", str(OWN / "mit-nano")).state_dict()
    for key, tensor in model.encoder.state_dict().items():
        assert torch.equal(tensor, shipped[key])
    assert not any(p.requires_grad for p in model.encoder.parameters())


def test_an_encoder_without_weights_of_our_own_says_how_to_make_them():
    with pytest.raises(InputError, match="'mit-b5' has no weights of our own.*pretrain --encoder mit-b5"):
        MiTEncoder("mit-b5", "own")


def object_iou(encoder):
    """IoU of objects on held-out scenes, of a linear read-out of the four maps by ridge regression on other scenes."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def read(seed):
        scenes = draw_scenes(48, 128, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            maps = encoder((scenes.images - mean) / std)
        size = maps[1].shape[2:]
        x = torch.cat([torch.nn.functional.interpolate(m, size=size, mode="bilinear") for m in maps], 1)
        x = x.movedim(1, -1).flatten(0, 2).double()
        return torch.cat([x, torch.ones(len(x), 1)], 1), (scenes.outline >= 0)[:, 4::8, 4::8].flatten()

    (x, y), (held_x, held_y) = read(2**41), read(2**41 + 1)
    solution = torch.linalg.solve(x.T @ x + len(x) * 1e-3 * torch.eye(x.shape[1]), x.T @ y.double())
    found = held_x @ solution > 0.5
    return ((found & held_y).sum() / (found | held_y).sum()).item()


def test_what_is_shipped_sees_objects_that_random_weights_do_not():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        random = object_iou(MiTEncoder("mit-nano").eval())
    assert object_iou(MiTEncoder("mit-nano", "own").eval()) > random + 0.15


def test_naming_trains_every_weight():
    net = Naming(MiTEncoder("mit-nano")).train()
    scenes = draw_scenes(2, 64, torch.Generator().manual_seed(0))
    naming_loss(net(scenes.images), scenes).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []
