"""Training: learns, repeats itself, resumes exactly, refuses what it must."""

import json
from dataclasses import replace

import apart
import pytest
import torch
from apart import same
from small import TinyNet

from mmsnet_lite.errors import InputError
from mmsnet_lite.training import TrainSettings, evaluate, train
from mmsnet_lite.training.checkpoint import load_model

SETTINGS = TrainSettings(epochs=4, batch=2, lr=1e-2)


@pytest.fixture
def mixes(root):
    return apart.mixes(root)


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TinyNet()


def test_training_learns_and_leaves_the_global_generator_alone(mixes):
    model, state = network(), torch.random.get_rng_state()
    history = train(model, *mixes, TrainSettings(epochs=15, batch=2, lr=3e-2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert history[-1]["loss"] < history[0]["loss"]
    assert evaluate(model, mixes[1]).mean["dsc"] > 0.9


def test_two_runs_give_the_same_weights(mixes):
    models = network(), network()
    histories = [train(model, *mixes, SETTINGS) for model in models]
    assert same(*models)
    assert [r["loss"] for r in histories[0]] == [r["loss"] for r in histories[1]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("home", ["cpu", "cuda"])
def test_cuda_trains_and_scores_and_the_model_comes_home(mixes, home):
    model = network().to(home)
    for work in (lambda: train(model, *mixes, SETTINGS), lambda: evaluate(model, mixes[1])):
        work()
        assert {each.device.type for each in model.state_dict().values()} == {home}


@pytest.mark.parametrize("options", [{}, {"sampler": "balanced", "augment": "full"}])
def test_resumed_run_equals_the_uninterrupted_one(mixes, tmp_path, monkeypatch, options):
    settings = replace(SETTINGS, **options)
    whole = network()
    history = train(whole, *mixes, settings)

    (tmp_path / "run").mkdir()
    calls = []

    def count_and_evaluate(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return evaluate(*args, **kwargs)

    monkeypatch.setattr("mmsnet_lite.training.loop.evaluate", count_and_evaluate)
    with pytest.raises(KeyboardInterrupt):
        train(network(), *mixes, settings, run=tmp_path / "run")
    monkeypatch.undo()
    resumed = network(seed=5)  # start weights must not matter: everything comes from the checkpoint
    continued = train(resumed, *mixes, settings, run=tmp_path / "run", resume=True)
    assert same(whole, resumed)
    assert [r["loss"] for r in continued] == [r["loss"] for r in history]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]


def test_best_checkpoint_is_the_epoch_with_the_highest_validation_dsc(mixes, tmp_path):
    model = network()
    history = train(model, *mixes, SETTINGS, run=tmp_path)
    best = network(seed=9)
    note = load_model(tmp_path / "best.safetensors", best)
    scores = [record["validation_dsc"] for record in history]
    assert note["epoch"] == scores.index(max(scores)) + 1
    assert evaluate(best, mixes[1]).mean["dsc"] == pytest.approx(max(scores), abs=1e-9)


def test_the_sampler_decides_what_is_trained_on_and_the_augmentation_what_it_looks_like(mixes):
    """Both names change the first epoch's loss; the proportional sampler with flips is the default."""
    losses = {}
    for sampler in ("proportional", "balanced"):
        for augment in ("none", "flips", "full"):
            settings = TrainSettings(epochs=1, batch=2, sampler=sampler, augment=augment, seed=4)
            losses[sampler, augment] = train(network(), *mixes, settings)[0]["loss"]
    assert len(set(losses.values())) == 6
    assert (
        train(network(), *mixes, TrainSettings(epochs=1, batch=2, seed=4))[0]["loss"] == losses["proportional", "flips"]
    )


def test_cosine_runs_from_lr_to_min_lr():
    settings = TrainSettings(lr=1.0, min_lr=0.2)
    assert settings.lr_at(0, 10) == 1.0
    assert settings.lr_at(5, 10) == pytest.approx(0.6)
    assert settings.lr_at(10, 10) == pytest.approx(0.2)


def test_divergence_in_the_last_step_keeps_the_checkpoint_before_it(mixes, tmp_path, monkeypatch):
    """The loss of an epoch's last step is finite, the weights after it are not: nothing may be written."""
    before = []

    def diverge(record):
        before.append((tmp_path / "last.safetensors").read_bytes())
        monkeypatch.setattr(TrainSettings, "lr_at", lambda self, step, steps: 1e38)

    with pytest.raises(InputError, match="not finite"):
        train(network(), *mixes, TrainSettings(epochs=2, batch=6), run=tmp_path, on_epoch=diverge)
    assert (tmp_path / "last.safetensors").read_bytes() == before[0]


def test_metrics_file_comes_back_from_the_checkpoint(mixes, tmp_path):
    train(network(), *mixes, TrainSettings(epochs=1, batch=2), run=tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").unlink()
    train(network(), *mixes, TrainSettings(epochs=1, batch=2), run=tmp_path, resume=True)
    assert (tmp_path / "metrics.jsonl").read_text() == lines


def test_bar_shows_loss_and_throughput(mixes, capsys):
    train(network(), *mixes, TrainSettings(epochs=1, batch=2), progress=True)
    bar = capsys.readouterr().err
    assert "epoch 1/1" in bar
    assert "loss=" in bar
    assert "image/s" in bar


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs = 0"),
        ({"batch": 0}, "batch = 0"),
        ({"lr": 0.0}, "lr = 0.0"),
        ({"lr": 1e-7}, "lr = 1e-07"),
        ({"lr": float("inf")}, "lr = inf"),
        ({"seed": -1}, "seed = -1"),
        ({"sampler": "even"}, "sampler 'even' is unknown; choose one of proportional, balanced"),
        ({"augment": "all"}, "augment 'all' is unknown; choose one of flips, full, none"),
    ],
)
def test_settings_refuse(options, message):
    with pytest.raises(InputError, match=message):
        TrainSettings(**options)
