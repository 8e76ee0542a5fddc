"""What all explorers share: no widget in static mode; live, a moved control draws anew and an error is seen."""

import base64

import ipywidgets
import pytest
from sweeps import sweep

from mmsnet_lite.course.explore import Choice, Explorer, explorer
from mmsnet_lite.course.plot import blank


def draw(pair, number):
    """A figure whose alt text says which values it was drawn for."""
    if number == 13:
        raise ArithmeticError("no <thirteen>")
    return blank(1, 1), f"pair {pair} & number {number}"


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, in order: alt texts of static figures, and boxes of widgets."""
    seen = []
    monkeypatch.setattr(explorer, "show", lambda figure, alt: seen.append(alt))
    monkeypatch.setattr(explorer, "display", seen.append)
    return seen


@pytest.fixture
def make(monkeypatch):
    """Make an explorer with the static switch on or off."""

    def explorer_of(static, numbers=(1, 2, 3)):
        monkeypatch.setenv("MMSNET_STATIC", "1" if static else "0")
        pairs = Choice("pair", [(2, 3), (3, 3)], (3, 3))  # values that ipywidgets would take for (name, value)
        return Explorer(draw, pair=pairs, number=Choice("n", numbers, numbers[0]))

    return explorer_of


def test_static_mode_shows_the_figure_at_the_starts_and_creates_no_widget(make, shown, monkeypatch):
    monkeypatch.setattr(ipywidgets.Widget, "__init__", lambda *_, **__: pytest.fail("a widget was created"))
    it = make(static=True)
    it._ipython_display_()
    assert shown == ["pair (3, 3) & number 1"]


def test_live_mode_shows_the_figure_first_and_then_a_control_for_each_keyword(make, shown):
    it = make(static=False)
    it._ipython_display_()
    assert shown[0] == "pair (3, 3) & number 1"
    controls = shown[1].children[:-1]
    assert [(control.description, control.value) for control in controls] == [("pair", (3, 3)), ("n", 1)]
    assert [value for _, value in controls[0].options] == [(2, 3), (3, 3)]
    assert shown[1].children[-1] is it.picture


def test_a_moved_control_draws_the_picture_anew_with_its_alt_text(make):
    it = make(static=False)
    assert it.picture.value == ""
    it.widgets["number"].value = 2
    first = it.picture.value
    assert first.startswith('<img alt="pair (3, 3) &amp; number 2" src="data:image/png;base64,')
    assert base64.b64decode(first.split("base64,")[1].split('"')[0]).startswith(b"\x89PNG")
    it.widgets["pair"].value = (2, 3)
    assert 'alt="pair (2, 3) &amp; number 2"' in it.picture.value


def test_an_error_in_draw_is_shown_in_the_picture_and_raised(make):
    it = make(static=False, numbers=(1, 13))
    with pytest.raises(ArithmeticError, match="no <thirteen>"):
        it.widgets["number"].value = 13
    assert it.picture.value == "<pre>ArithmeticError: no &lt;thirteen&gt;</pre>"
    it.widgets["number"].value = 1
    assert it.picture.value.startswith("<img")  # and the next position is drawn as usual


def test_sweep_visits_every_position_and_comes_back(make):
    it = make(static=False)
    seen = []
    it.draw = lambda **values: seen.append(values) or draw(**values)
    moves = sweep(it)
    assert moves == len(seen) == 2 + 3  # away and back; two steps and back
    assert {values["pair"] for values in seen} == {(2, 3), (3, 3)}
    assert {values["number"] for values in seen} == {1, 2, 3}
    assert seen[-1] == {"pair": (3, 3), "number": 1}


def test_sweep_meets_a_draw_that_fails(make):
    with pytest.raises(ArithmeticError, match="thirteen"):
        sweep(make(static=False, numbers=(1, 13)))


def test_shown_twice_it_still_has_one_set_of_controls(make, shown):
    it = make(static=False)
    it._ipython_display_()
    it._ipython_display_()
    assert shown[1].children == shown[3].children
