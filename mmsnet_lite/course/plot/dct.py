"""The figure of lesson 03: what is told apart against K."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from mmsnet_lite.course.plot.figure import blank, frame

_LINES = ({"color": "black", "ls": "-"}, {"color": "0.45", "ls": "--"}, {"color": "0.45", "ls": ":"})


def accuracy_curves(counts: Sequence[int], curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Accuracy against K, one pair of axes a question, one line a reader (at most three); chance is marked."""
    figure = blank(3.6 * len(curves), 2.9)
    cells = figure.subplots(1, len(curves), squeeze=False, sharey=True).ravel()
    for axes, (question, lines) in zip(cells, curves.items(), strict=True):
        axes.axhline(0.5, color="0.8", lw=1)
        for (name, values), style in zip(lines.items(), _LINES, strict=False):
            axes.plot(counts, values, marker="o", ms=4, label=name, **style)
        axes.set_title(question, fontsize=9)
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts], fontsize=8)
        axes.set(ylim=(0.42, 1.03))
        frame(axes, "K", size=9)
    cells[0].set_ylabel("told apart (accuracy)", fontsize=9)
    cells[0].text(counts[-1], 0.49, "chance", fontsize=8, color="0.5", ha="right", va="top")
    cells[-1].legend(frameon=False, fontsize=8, loc="upper left")
    figure.tight_layout(pad=0.5)
    return figure
