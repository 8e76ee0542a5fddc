"""What all explorers share: a static figure first, and live controls below it where a reader can move them."""

import functools
import html
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets
from IPython.display import display
from matplotlib.figure import Figure

from mmsnet_lite.course.plot import png, show
from mmsnet_lite.course.profile import live

Draw = Callable[..., tuple[Figure, str]]


class Choice(NamedTuple):
    """A control with one position for each of `options`, starting at `start`."""

    label: str
    options: Sequence[Any]
    start: Any

    def widget(self) -> ipywidgets.SelectionSlider:
        """The live control."""
        return ipywidgets.SelectionSlider(
            options=[(str(each), each) for each in self.options],  # named: bare pairs would be taken apart
            value=self.start,
            description=self.label,
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "460px", "max_width": "100%"},  # leaves room for words at the right
        )


class Explorer:
    """A figure whose settings can be moved.

    As the last expression of a cell it shows the figure at the controls' starts and, unless MMSNET_STATIC=1, the
    controls below it; a moved control draws the figure anew under them, with its alternative text.

    Args:
        draw: a plain function from the controls' values (by keyword) to a figure and its alternative text.
        controls: one `Choice` for each keyword of `draw`.
    """

    def __init__(self, draw: Draw, **controls: Choice) -> None:
        self.draw, self.controls = draw, controls
        self.widgets: dict[str, ipywidgets.SelectionSlider] = {}
        self.picture: ipywidgets.HTML | None = None
        if live():
            self.picture = ipywidgets.HTML()
            self.widgets = {name: control.widget() for name, control in controls.items()}
            for widget in self.widgets.values():
                widget.observe(self._redraw, names="value")

    def _ipython_display_(self) -> None:
        show(*self.draw(**{name: control.start for name, control in self.controls.items()}))
        if self.picture is not None:
            display(ipywidgets.VBox([*self.widgets.values(), self.picture]))

    def _redraw(self, _change: object) -> None:
        """Draw below the controls; an error is shown there too, because a browser hides those of callbacks."""
        assert self.picture is not None
        try:
            figure, alt = self.draw(**{name: widget.value for name, widget in self.widgets.items()})
        except Exception as error:
            self.picture.value = f"<pre>{html.escape(f'{type(error).__name__}: {error}')}</pre>"
            raise
        source = f"data:image/png;base64,{png(figure)}"
        self.picture.value = f'<img alt="{html.escape(alt)}" src="{source}" style="max-width: 100%">'


def controls(**choices: Choice) -> Callable[[Draw], Callable[[], Explorer]]:
    """Turn a function that draws into one that makes its explorer, with these controls."""

    def wrap(draw: Draw) -> Callable[[], Explorer]:
        @functools.wraps(draw)
        def make() -> Explorer:
            return Explorer(draw, **choices)

        return make

    return wrap
