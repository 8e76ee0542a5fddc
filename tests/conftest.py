"""Fixtures that several rooms' tests share."""

import pytest
from small import write_dataset


@pytest.fixture
def root(tmp_path):
    """A data root with two prepared datasets, `left` and `right`: four training and two test images each."""
    write_dataset(tmp_path / "data", "left")
    write_dataset(tmp_path / "data", "right", ending="jpg")
    return tmp_path / "data"
