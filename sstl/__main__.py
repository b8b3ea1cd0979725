"""``python -m sstl``: the same as the ``sstl`` command."""

from sstl.cli import main

main(prog_name="sstl")
