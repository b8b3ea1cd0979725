"""All benchmarks, one after the other: ``python -m bench [--quick] [NAME ...]``."""

import subprocess
import sys

from bench.lab import ROOT, arguments, say

NAMES = ("fold", "stage", "chain", "latency", "restore", "memory", "lanes")
TIMEOUT_S = 900


def main() -> int:
    """Run the benchmarks asked for, each in a process of its own."""
    parser = arguments(__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="default: all of them")
    options = parser.parse_args()
    failed = []
    for name in options.names or NAMES:
        command = [sys.executable, "-m", f"bench.{name}", *(["--quick"] if options.quick else [])]
        try:
            done = subprocess.run(command, cwd=ROOT, timeout=TIMEOUT_S, check=False).returncode
        except subprocess.TimeoutExpired:
            say(f"{name}: not done after {TIMEOUT_S} s")
            done = 1
        if done:
            failed.append(name)
    if failed:
        say(f"\nfailed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
