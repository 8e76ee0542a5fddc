"""The encoder and the network on transformers 4, whose SegFormer is laid out otherwise than in 5."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from mmsnet_lite import MMSNet, MMSNetConfig

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """The environment of an interpreter with transformers 4; these tests themselves run on 5."""
    folder = tmp_path_factory.mktemp("transformers4")
    packages = ["transformers>=4.57,<5", "huggingface_hub>=0.34,<1", "tokenizers>=0.22,<0.23"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), *packages]
    subprocess.run(pip, check=True, timeout=600)
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    version = [sys.executable, "-c", "import transformers; print(transformers.__version__)"]
    assert subprocess.run(version, env=environment, capture_output=True, text=True, timeout=120).stdout.startswith("4.")
    return environment


def test_model_tests_pass_on_transformers_4(four):
    tests = [f"tests/model/test_{name}.py" for name in ("encoder", "mmsnet", "hub")]
    pytest_run = [sys.executable, "-m", "pytest", "-q", *tests, "-k", "not overfits"]
    done = subprocess.run(pytest_run, cwd=ROOT, env=four, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_network_saved_on_one_version_loads_on_the_other(four, tmp_path):
    model, x = MMSNet(MMSNetConfig(encoder="mit-nano", width=32, frequencies=4)).eval(), torch.randn(1, 3, 64, 64)
    model.save_pretrained(tmp_path / "five")
    torch.save(x, tmp_path / "x.pt")
    script = (
        "import torch\n"
        "from mmsnet_lite import MMSNet\n"
        "model = MMSNet.from_pretrained('five')\n"
        "with torch.no_grad():\n"
        "    torch.save(model(torch.load('x.pt')).logits, 'y.pt')\n"
        "model.save_pretrained('four')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=four, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    back = MMSNet.from_pretrained(tmp_path / "four")
    with torch.no_grad():
        assert_close(torch.load(tmp_path / "y.pt"), model(x).logits, atol=1e-5, rtol=0)
    ours, theirs = back.state_dict(), model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
