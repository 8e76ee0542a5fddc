"""Fixtures that several rooms' tests share."""

import pytest
import torch
from small import train_arguments, write_dataset

from mmsnet_lite.__main__ import main


@pytest.fixture(autouse=True)
def _seeded():
    """Random inputs repeat whatever runs before; the code under test takes its seeds as arguments."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _own_cache_and_no_bars(tmp_path_factory):
    """Decoded images are cached in a folder of the tests', not in the user's."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MMSNET_CACHE", str(tmp_path_factory.mktemp("cache")))
        patched.setenv("MMSNET_STATIC", "1")
        yield


@pytest.fixture
def one_thread():
    """Torch works on one thread: two wait for one another in small operations, and processor time counts that."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def root(tmp_path):
    """A data root with two prepared datasets, `left` and `right`: four training and two test images each."""
    write_dataset(tmp_path / "data", "left")
    write_dataset(tmp_path / "data", "right", ending="jpg")
    return tmp_path / "data"


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A folder with a data root, `data`, and a finished run on it, `run`; read only."""
    folder = tmp_path_factory.mktemp("cli")
    for name in ("left", "right"):
        write_dataset(folder / "data", name)
    assert main(train_arguments(folder / "data", folder / "run")) == 0
    return folder
