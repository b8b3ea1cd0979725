"""Tables as plain lines, as wide as they are: nothing is cut off on a pipe."""

from collections.abc import Sequence

from rich.cells import cell_len


def aligned(rows: Sequence[Sequence[str]], numbers: Sequence[bool]) -> str:
    """Return rows as lines whose columns stand one below the other, those of numbers to the right."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (
            " " * (width - cell_len(text)) + text
            if number
            else text + " " * (width - cell_len(text))
            for text, width, number in zip(row, widths, numbers, strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"
