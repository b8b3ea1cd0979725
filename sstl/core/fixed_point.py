"""Logarithms and roots whose last bit does not depend on machine or order.

A sum of floats depends on the order of its terms, and the C library's ``log`` differs in the last
bit between platforms. Sums are therefore integers: a logarithm is rounded once, per observation, to
a multiple of ``2 ** -LOG_BITS``; everything after that is exact until one last, stated rounding to
the nearest double.
"""

from decimal import Context, Decimal
from math import isqrt

LOG_BITS = 56
"""A logarithm in fixed point is a multiple of ``2 ** -LOG_BITS`` (1.4e-17)."""

_WIDTH = 64
"""Fraction bits of the work in between; the eight below ``LOG_BITS`` take the rounding errors."""
_ONE = 1 << _WIDTH
_COARSE = 8
_FINE = 16
_EXACT = Context(prec=50)


def _scaled(value: Decimal) -> int:
    return int(_EXACT.multiply(value, Decimal(_ONE)).to_integral_value())


def _reciprocals(size: int, bits: int, precision: int) -> tuple[tuple[int, int], ...]:
    """Return, per step of ``2 ** -bits`` above one, its reciprocal and minus the logarithm of that.

    The reciprocal is in units of ``2 ** -precision`` and rounded up, so that its product with what
    it stands for is never below one.
    """
    table = []
    for step in range(size):
        reciprocal = -(-(1 << (precision + bits)) // ((1 << bits) + step))
        ratio = _EXACT.divide(Decimal(reciprocal), Decimal(1 << precision))
        table.append((reciprocal, -_scaled(_EXACT.ln(ratio))))
    return tuple(table)


_LN2 = _scaled(_EXACT.ln(Decimal(2)))
_COARSE_PRECISION = 16
_FINE_PRECISION = 24
_COARSE_TABLE = _reciprocals(1 << _COARSE, _COARSE, _COARSE_PRECISION)
# The coarse reciprocals are rounded up, so that what they leave may pass 2 ** -8 by up to 2 ** -15.
_FINE_TABLE = _reciprocals((1 << (_FINE - _COARSE)) + 4, _FINE, _FINE_PRECISION)
# once for each observation: what is the same for all is made here
_COARSE_SHIFT, _COARSE_ONE = _WIDTH - _COARSE, 1 << _COARSE
_FINE_SHIFT, _FINE_ONE = _WIDTH - _FINE, 1 << _FINE
_FOURTH_SHIFT = _WIDTH + 2
_SPARE = _WIDTH - LOG_BITS
_HALF = 1 << (_SPARE - 1)


def ln_fixed(value: int) -> int:
    """Return the natural logarithm of a positive integer in units of ``2 ** -LOG_BITS``.

    Two table steps leave ``1 + d`` with ``d < 2 ** -15``, for which four terms of the series are
    enough. The result is within one unit of the true logarithm, for any value below ``2 ** 64``.

    Raises:
        ValueError: The value is not positive.
    """
    if value <= 0:
        message = f"no logarithm of {value}"
        raise ValueError(message)
    exponent = value.bit_length() - 1
    shift = _WIDTH - exponent
    mantissa = value << shift if shift >= 0 else value >> -shift
    reciprocal, coarse = _COARSE_TABLE[(mantissa >> _COARSE_SHIFT) - _COARSE_ONE]
    mantissa = (mantissa * reciprocal) >> _COARSE_PRECISION
    reciprocal, fine = _FINE_TABLE[(mantissa >> _FINE_SHIFT) - _FINE_ONE]
    rest = ((mantissa * reciprocal) >> _FINE_PRECISION) - _ONE
    square = (rest * rest) >> _WIDTH
    cube = (square * rest) >> _WIDTH
    series = rest - (square >> 1) + cube // 3 - ((square * square) >> _FOURTH_SHIFT)
    return (exponent * _LN2 + coarse + fine + series + _HALF) >> _SPARE


_DIGITS = Context(prec=34)
_FEWER = Context(prec=22)
_LOWER, _UPPER = Decimal(1) - Decimal(10) ** -19, Decimal(1) + Decimal(10) ** -19
"""What 22 digits tell of an exponential below 2 ** 128 is nearer to the truth than this."""
_LOGS_BELOW = 88 << LOG_BITS


def exp_mean(log_sum: int, count: int, divisor: int = 1) -> float:
    """Return ``exp(log_sum / count) / divisor``: 34 digits, then the nearest double.

    Args:
        log_sum: Sum of logarithms from `ln_fixed`.
        count: How many there are, at least one.
        divisor: Turns the unit of the values into that of the result.
    """
    if 0 <= log_sum < count * _LOGS_BELOW:
        # twelve digits less take half the time, and nearly always leave no choice of the double
        fewer = _exp_mean(log_sum, count, divisor, _FEWER)
        low, high = float(_FEWER.multiply(fewer, _LOWER)), float(_FEWER.multiply(fewer, _UPPER))
        if low == high:
            return low
    return float(_exp_mean(log_sum, count, divisor, _DIGITS))


def _exp_mean(log_sum: int, count: int, divisor: int, digits: Context) -> Decimal:
    mean = digits.divide(Decimal(log_sum), Decimal(count << LOG_BITS))
    return digits.divide(digits.exp(mean), Decimal(divisor))


def root(numerator: int, denominator: int) -> float:
    """Return the square root of a ratio of integers: cut at 64 bits, then the nearest double.

    Raises:
        ValueError: The ratio is negative or the denominator not positive.
    """
    if numerator < 0 or denominator <= 0:
        message = f"no square root of {numerator}/{denominator}"
        raise ValueError(message)
    shift = max(0, 130 - numerator.bit_length() + denominator.bit_length()) // 2
    return isqrt((numerator << (2 * shift)) // denominator) / (1 << shift)
