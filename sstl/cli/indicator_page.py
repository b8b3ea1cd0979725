"""``python -m sstl.cli.indicator_page docs/indicators.md`` makes the table of indicators anew from the registry."""

import sys
from pathlib import Path

from sstl.core.indicators.page import replaced
from sstl.core.indicators.registry import REGISTRY


def main(path: Path) -> None:
    """Write the page with its table made anew."""
    page = path.read_text(encoding="utf-8")
    path.write_text(replaced(page, REGISTRY.values()), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
