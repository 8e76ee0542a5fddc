"""The encoder and the network on transformers 4, whose SegFormer is laid out otherwise than in 5."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_model_tests_pass_on_transformers_4(tmp_path):
    packages = ["transformers>=4.57,<5", "huggingface_hub>=0.34,<1", "tokenizers>=0.22,<0.23"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path), *packages]
    subprocess.run(pip, check=True, timeout=600)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    version = [sys.executable, "-c", "import transformers; print(transformers.__version__)"]
    assert subprocess.run(version, env=environment, capture_output=True, text=True, timeout=120).stdout.startswith("4.")
    tests = ["tests/model/test_encoder.py", "tests/model/test_mmsnet.py", "-k", "not overfits"]
    pytest_run = [sys.executable, "-m", "pytest", "-q", *tests]
    done = subprocess.run(pytest_run, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]
