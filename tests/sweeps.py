"""Moving the live controls of an explorer; its source also runs in the kernels of test_live_widgets."""


def sweep(explorer):
    """Move every control through its positions, one control after another; returns the number of drawings."""
    moves = 0
    for name, control in explorer.controls.items():
        for option in [*control.options, control.start]:
            moves += explorer.widgets[name].value != option
            explorer.widgets[name].value = option
    return moves
