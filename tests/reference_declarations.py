"""Figures of the customs declarations computed straight from the file with numpy, without a line of the product.

What the chain publishes of their replay is compared with these. Times are minutes after lodgement, as
docs/customs-declarations.md says; the draws are computed from the key as docs/selection.md says.
"""

import csv
import gzip
import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[1]
FILE = ROOT / "tests" / "data" / "customs-declarations" / "df_syn_valid_eng.csv.gz"
COUNTS = ROOT / "sstl" / "intake" / "declaration_counts.csv"
MODES = {"10": "SEA", "20": "RAIL", "30": "ROAD", "40": "AIR", "50": "POST"}
SECRET = b"customs declarations replay, no secret"

Numbers = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


def rows(file: Path = FILE) -> list[dict[str, str]]:
    """Return the rows of the file."""
    with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def scores() -> tuple[dict[str, float], float]:
    """Return the score of each HS code of the training split, and that of all others."""
    with COUNTS.open(encoding="ascii", newline="") as lines:
        counted = [
            (r["hs6"], int(r["declarations"]), int(r["fraud"])) for r in csv.DictReader(lines)
        ]
    share = sum(fraud for _, _, fraud in counted) / sum(n for _, n, _ in counted)
    return {hs6: (fraud + 20 * share) / (n + 20) for hs6, n, fraud in counted}, share


def drawn(row: dict[str, str], lane: str, rate: float) -> bool:
    """Tell whether the key of its lane and day draws a declaration."""
    text = f"sstl-random-key.1\n{lane}\n{row['Date']}\n"
    key = hmac.digest(SECRET, text.encode(), hashlib.sha256)
    number = hmac.digest(key, f"KCS:{row['Declaration ID']}".encode(), hashlib.sha256)
    return int.from_bytes(number, "big") < rate * 2**256


def lane_of(row: dict[str, str]) -> str:
    """Return the lane of a declaration."""
    return f"kcs:{row['Country of Departure']}-kcs:KR-{MODES[row['Mode of Transport']]}"


@dataclass
class Reference:
    """Columns of declarations of some lanes, the first so many of them in the order of the file."""

    lanes: npt.NDArray[np.str_]
    ids: npt.NDArray[np.int64]
    fraud: Truths
    targeted: Truths
    drawn: Truths
    score: Numbers
    revenue: Numbers

    @classmethod
    def of(cls, wanted: set[str] | None, most: int, rate: float) -> "Reference":
        """Return declarations; ``wanted`` None: of every lane."""
        known = [row for row in rows() if row["Mode of Transport"] in MODES]
        chosen = [row for row in known if wanted is None or lane_of(row) in wanted][:most]
        by_code, other = scores()
        score = np.array([by_code.get(row["HS6 Code"], other) for row in chosen])
        return cls(
            lanes=np.array([lane_of(row) for row in chosen]),
            ids=np.array([int(row["Declaration ID"]) for row in chosen]),
            fraud=np.array([row["Fraud"] == "1" for row in chosen]),
            targeted=score >= 0.3,
            drawn=np.array([drawn(row, lane_of(row), rate) for row in chosen]),
            score=score,
            revenue=np.array(
                [round(float(r["Item Price"]) * float(r["Tax Rate"]) / 100) for r in chosen]
            ).astype(float),
        )

    @property
    def controlled(self) -> Truths:
        """Selected by score or drawn."""
        return self.targeted | self.drawn

    @property
    def clearance_minutes(self) -> npt.NDArray[np.int64]:
        """From the accepted declaration to the release."""
        controlled = 2 + 60 + self.ids % 480 + 30 + self.ids % 90 + 15
        return np.where(self.controlled, controlled, 2 + 10 + self.ids % 60)

    @property
    def control_minutes(self) -> npt.NDArray[np.int64]:
        """How long a control takes, where there is one."""
        return 30 + self.ids % 90

    def by_lane(self) -> Counter[str]:
        """Return how many declarations each lane has."""
        return Counter(self.lanes.tolist())
