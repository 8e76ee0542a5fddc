"""A lesson's header and bootstrap cell as they are stamped, its time as it is kept, and the table made of headers."""

import nbformat
import pytest

from mmsnet_lite.course.publish import BOOTSTRAP, run_time, stamp, table, with_time

HEADER = """# 03 · Edges: what they are

**Claim.** An edge is 1.5 px wide, in two of three cases. It has a direction too. More of it.

**Time:** 40 min, *{time} s to run on 2 CPU cores*; on a GPU not measured yet. **Opens:** `a.py`.

<!-- colab -->"""


def notebook():
    cells = [nbformat.v4.new_markdown_cell(HEADER), nbformat.v4.new_code_cell(BOOTSTRAP)]
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(f"x = {BOOTSTRAP!r}  # <!-- colab -->")])


@pytest.mark.parametrize(
    ("stated", "measured", "kept"),
    [
        ("about 30", 39.9, "about 30"),  # a third more, and a third less, is noise
        ("30", 20.1, "30"),
        ("30", 40.1, "about 45"),
        ("about 30", 19.9, "about 20"),
        ("about 10", 25.0, "about 25"),
        ("about 35", 0.2, "about 5"),
    ],
)
def test_a_time_is_renewed_when_it_is_wrong_by_more_than_a_third(stated, measured, kept):
    assert with_time(HEADER.format(time=stated), measured) == HEADER.format(time=kept)


def test_a_time_that_was_written_stays_when_the_same_is_measured_again():
    for measured in range(1, 200):
        once = with_time(HEADER.format(time="999"), measured)
        assert run_time(once) - measured in range(5)
        assert with_time(once, measured) == once


def test_a_cell_without_a_time_stays():
    assert run_time("x = 35  # s to run") is None
    assert with_time("x = 35  # s to run", 1.0) == "x = 35  # s to run"


def test_the_stamp_writes_the_badge_and_the_address_and_nothing_else():
    stamped = notebook()
    stamp(stamped, "solutions/03.ipynb", "ada/notes")
    header, bootstrap, other = (cell.source for cell in stamped.cells)
    before, line = header.rsplit("\n", 1)
    assert before == HEADER.rsplit("\n", 1)[0]
    assert line.startswith("<!-- colab --> <a href=")
    assert '"https://colab.research.google.com/github/ada/notes/blob/main/notebooks/solutions/03.ipynb"' in line
    assert bootstrap == BOOTSTRAP.replace('REPOSITORY = ""', 'REPOSITORY = "https://github.com/ada/notes"')
    assert other == notebook().cells[2].source
    stamp(stamped, "solutions/03.ipynb", "")
    assert [cell.source for cell in stamped.cells] == [cell.source for cell in notebook().cells]


def test_the_table_has_title_first_sentence_and_time():
    headers = {"03_edges.ipynb": HEADER.format(time="about 40"), "07_x.ipynb": "# 07 · X\n", "Untitled.ipynb": "x = 1"}
    rows = table(headers, "").splitlines()[2:]
    claim = "An edge is 1.5 px wide, in two of three cases"
    assert rows == [f"| [03 Edges](notebooks/03_edges.ipynb) | {claim} | about 40 s |"]
    assert 'github/ada/notes/blob/main/notebooks/03_edges.ipynb"' in table(headers, "ada/notes")
