"""Which images the commands use: the paper's mixes, all prepared folders, never a test image that was trained on."""

import json
import shutil

import pytest
from small import QUICK, assert_one_line, train_arguments, write_dataset

from mmsnet_lite.__main__ import main
from mmsnet_lite.data.specs import MIXES

UNET = [*QUICK, "--model", "unet"]


@pytest.fixture(autouse=True)
def _no_root(monkeypatch):
    monkeypatch.delenv("MMSNET_DATA", raising=False)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Both mixes, tiny, in `data`, and a run on Mix1, which trained on one of ISIC 2017's test images; read only."""
    folder = tmp_path_factory.mktemp("mixes")
    for name in dict.fromkeys(MIXES["mix1"] + MIXES["mix2"]):
        stems = [f"ISIC_000000{i}" for i in range(6)] if name.startswith("isic") else [f"{name}{i}" for i in range(6)]
        if name == "isic2017":
            stems = [*(f"ISIC_000001{i}" for i in range(4)), "ISIC_0000002", "ISIC_0000018"]
        write_dataset(folder / "data", name, stems[:4], stems[4:])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MMSNET_DATA", str(folder / "data"))
        patched.chdir(folder)
        assert main(["train", "--mix", "mix1", *UNET, "--sampler", "balanced", "--augment", "full"]) == 0
    return folder


def test_a_mix_is_remembered_by_name(mixed):
    run = mixed / "runs/unet-mix1-64-seed0"
    config = json.loads((run / "config.json").read_text())
    source = {"root": str(mixed / "data"), "datasets": list(MIXES["mix1"]), "test_datasets": [], "mix": "mix1"}
    assert config["source"] == source
    assert (config["settings"]["sampler"], config["settings"]["augment"]) == ("balanced", "full")
    assert list(json.loads((run / "test.json").read_text())["datasets"]) == list(MIXES["mix1"])


def test_missing_folders_of_a_mix_are_all_named_with_the_command(mixed, tmp_path, capsys):
    for name in ("kvasir", "busi"):
        shutil.copytree(mixed / "data" / name, tmp_path / "my data" / name)
    root = str(tmp_path / "my data")
    assert main(["train", "--mix", "mix1", "--data", root, *UNET, "--run", str(tmp_path / "run")]) == 2
    command = f"python -m mmsnet_lite prepare origa isic2018 --data '{root}'"
    assert_one_line(capsys, f"mix1 needs origa, kvasir, busi, isic2018; {root} lacks origa, isic2018: run `{command}`")
    assert not (tmp_path / "run").exists()


def test_a_mix_needs_a_root_and_no_datasets(capsys, tmp_path):
    assert main(["train", "--mix", "mix2"]) == 2
    assert_one_line(capsys, "--mix mix2 needs the folder they are in; give --data ROOT or set MMSNET_DATA")
    assert main(["train", "--mix", "mix2", "--datasets", "busi"]) == 2
    assert_one_line(capsys, "--mix and --datasets name different images")
    assert main(["train", "--mix", "mixlite", "--data", str(tmp_path)]) == 2
    assert_one_line(capsys, "--mix mixlite is drawn, not read from --data")
    assert main(["train", "--data", str(tmp_path), "--datasets", ","]) == 2
    assert_one_line(capsys, "--datasets names none; give A,B, or leave it out for all")


def test_evaluation_on_trained_images_is_refused_or_leaves_them_out(mixed, capsys):
    """Mix1 trains on ISIC 2018, whose images ISIC 2017 tests on."""
    command = ["evaluate", "--run", str(mixed / "runs/unet-mix1-64-seed0"), "--mix", "mix2"]
    assert main(command) == 2
    leak = r"1 of 8 test images also trained on: isic2017/ISIC_0000002 \(in isic2018\); .*--drop-trained"
    assert_one_line(capsys, leak)
    assert main([*command, "--drop-trained"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 test images are trained on and left out, 7 remain"
    assert [line.split()[0] for line in lines[2:6]] == list(MIXES["mix2"])


def test_evaluation_with_nothing_left_is_refused(mixed, tmp_path, capsys):
    write_dataset(tmp_path, "isic2018", ["x"], ["ISIC_0000000", "ISIC_0000001"])
    command = ["evaluate", "--run", str(mixed / "runs/unet-mix1-64-seed0"), "--data", str(tmp_path)]
    assert main([*command, "--datasets", "isic2018", "--drop-trained"]) == 2
    assert_one_line(capsys, "all 2 test images are trained on; name others")


def test_evaluation_says_when_the_trained_images_are_out_of_reach(mixed, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(mixed / "runs/unet-mix1-64-seed0", run)
    config = json.loads((run / "config.json").read_text())
    config["source"]["root"] = str(tmp_path / "gone")
    (run / "config.json").write_text(json.dumps(config))
    command = ["evaluate", "--run", str(run), "--data", str(mixed / "data"), "--datasets", "tn3k"]
    assert main(command) == 0
    assert "not compared with the images that the run was trained on: mix1 needs" in capsys.readouterr().out
    assert main([*command, "--drop-trained"]) == 2
    assert_one_line(capsys, "mix1 needs origa")


def test_a_mix_under_another_root_keeps_its_name(mixed, capsys):
    run = str(mixed / "runs/unet-mix1-64-seed0")
    assert main(["evaluate", "--run", run, "--data", str(mixed / "nowhere")]) == 2
    assert_one_line(capsys, "mix1 needs .* lacks origa, kvasir, busi, isic2018: run `python -m mmsnet_lite prepare")


def test_a_root_alone_stands_for_all_prepared_folders(root, tmp_path, capsys):
    write_dataset(root, "other", ("g", "h"), ("i", "j"))
    (root / "other/splits/train.txt").unlink()
    (root / "downloads").mkdir()
    run = tmp_path / "run"
    assert main(["train", "--data", str(root), *UNET, "--run", str(run)]) == 0
    assert "training + test images: left 4 + 2, right 4 + 2, other 0 + 2" in capsys.readouterr().out
    source = json.loads((run / "config.json").read_text())["source"]
    assert (source["datasets"], source["test_datasets"]) == (["left", "right"], ["left", "other", "right"])
    assert set(json.loads((run / "test.json").read_text())["datasets"]) == {"left", "right", "other"}
    assert main(["evaluate", "--run", str(run)]) == 0
    assert "other" in capsys.readouterr().out


def test_a_root_without_what_is_needed_is_one_line(root, tmp_path, capsys):
    for name in ("left", "right"):
        (root / name / "splits/train.txt").unlink()
    assert main(["train", "--data", str(root), *UNET]) == 2
    assert_one_line(capsys, rf"no folder in {root} lists a split 'train'")
    (tmp_path / "empty").mkdir()
    assert main(["train", "--data", str(tmp_path / "empty"), *UNET]) == 2
    assert_one_line(capsys, "empty holds no prepared dataset")
    assert main(["train", "--data", str(tmp_path / "nowhere"), *UNET]) == 2
    assert_one_line(capsys, "nowhere does not exist; give the folder")


@pytest.mark.parametrize("option", ["sampler", "augment"])
def test_unknown_names_are_refused(root, tmp_path, option, capsys):
    assert main(train_arguments(root, tmp_path / "run", f"--{option}", "odd")) == 2
    assert_one_line(capsys, f"{option} 'odd' is unknown; choose one of")


def test_frames_of_one_group_are_held_out_together(root, tmp_path, capsys):
    for name in ("left", "right"):
        (root / name / "splits/groups.csv").write_text("stem,group\na,1\nb,1\nc,1\nd,1\n")
    assert main(train_arguments(root, tmp_path / "run")) == 2
    assert_one_line(capsys, "all 4 training images of left belong together")
