"""Numbers of made-up things that pass every format and check digit, and cannot be mistaken for real ones."""

from sstl.models.identifiers import iso6346_check_digit

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def container(seed: int, serial: int) -> str:
    """Return a container number with a right check digit; the owner code ``SY?`` is the corridor's own."""
    prefix = f"SY{_LETTERS[seed % 26]}U{serial % 1_000_000:06d}"
    return f"{prefix}{iso6346_check_digit(prefix)}"


def wrong_container(right: str) -> str:
    """Return the number with another, wrong check digit."""
    return f"{right[:10]}{(int(right[10]) + 1) % 10}"


def unit_load_device(seed: int, serial: int) -> str:
    """Return the number of an air ULD; owner ``XX`` stands for no airline."""
    return f"AK{_LETTERS[seed % 26]}{serial % 100_000:05d}XX"


def mrn(seed: int, serial: int, *, year: int, country: str) -> str:
    """Return a movement reference number."""
    return f"{year % 100:02d}{country}SY{seed % 1000:03d}{serial % 100_000_000:08d}{serial % 10}"


def imo(serial: int) -> str:
    """Return an IMO number with a right check digit; real ones do not begin with 0."""
    digits = f"0{serial % 100_000:05d}"
    return f"{digits}{sum(int(char) * (7 - i) for i, char in enumerate(digits)) % 10}"


def air_waybill(serial: int) -> str:
    """Return a master air waybill with a right check digit; no airline has prefix 000."""
    number = serial % 10_000_000
    return f"000-{number:07d}{number % 7}"
