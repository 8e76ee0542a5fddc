"""The one error the package raises for bad input."""


class InputError(ValueError):
    """Bad input from the caller: the message names the thing, the reason and the fix.

    The command line turns it into one line on stderr and exit code 2; any other exception is a defect of ours.
    """
