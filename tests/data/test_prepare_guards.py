"""What `prepare` refuses, and what it makes again: a root holds a finished dataset or says what is missing."""

import numpy as np
import pytest
from filelock import FileLock
from layouts import build, encoded, prepare_with

from mmsnet_lite.data.prepare import prepare
from mmsnet_lite.errors import InputError


def test_a_second_run_in_the_same_root_waits_its_turn(tmp_path):
    spec = build("kvasir", 4, 2).place(tmp_path)
    with FileLock(tmp_path / "downloads" / "prepare.lock"), pytest.raises(InputError, match="another prepare is at"):
        prepare(spec, tmp_path, size=12)
    assert not list(tmp_path.glob("kvasir*"))
    assert prepare(spec, tmp_path, size=12).name == "kvasir"


def test_a_root_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(InputError, match=r"file/downloads cannot be written \(Not a directory\)"):
        prepare(build("kvasir", 4, 2).spec(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_a_folder_that_lacks_a_file_is_not_called_prepared(tmp_path):
    folder = prepare_with(tmp_path, {}).path
    (folder / "images/clinicdb_149.png").unlink()
    with pytest.raises(InputError, match="was prepared with images = 5, but 6 is wanted; delete it"):
        prepare_with(tmp_path, {})


def test_masks_that_are_mostly_empty_are_refused(tmp_path):
    layout = build("tn3k", 4, 2)
    dark = {
        name: encoded(np.ones((20, 24), np.uint8), "JPEG") if "-mask" in name else data
        for name, data in next(iter(layout.archives.values())).items()
    }
    (archive,) = layout.archives
    with pytest.raises(InputError, match=r"6 of 6 masks of tn3k are empty; these are not the published masks"):
        prepare_with(tmp_path, dark, "tn3k", archive)
    assert not (tmp_path / "tn3k").exists()


def test_an_archive_in_an_archive_is_named(tmp_path):
    layout = build("busi", 4, 2)
    (archive,) = layout.archives
    inner = dict.fromkeys(layout.archives[archive]) | {"archive/Dataset_BUSI.zip": b"PK"}
    with pytest.raises(InputError, match=r"holds none of the images; if it holds archives"):
        prepare_with(tmp_path, inner, "busi", archive)
