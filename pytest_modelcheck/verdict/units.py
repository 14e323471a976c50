"""Amounts with units: "4.2 GFLOPs" <-> 4.2e9. Parse, format, refuse."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, InvalidOperation, localcontext

from ..errors import LimitError
from ..text import as_written

_SI = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_SHOWN = {prefix: scale for prefix, scale in _SI.items() if prefix != "K"}
_PLAIN = {"": 1}
_COUNT = {**_SI, "B": 10**9}  # "6.7 B" parameters: billions
_TWINS = {"FLOPs": "MACs", "MACs": "FLOPs"}
_TIME: dict[str, int | str] = {
    "s": 1,
    "ms": "1e-3",
    "us": "1e-6",
    "µs": "1e-6",
    "μs": "1e-6",
    "ns": "1e-9",
    "min": 60,
}

AMOUNT = re.compile(
    r"\s*(?P<number>[+-]?(?=[.,_]*\d)[\d.,_]+(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)\b)(?P<unit>.*)",
    re.I | re.DOTALL,
)  # it never goes back: a text may be long
_OWN = Context()  # to read amounts in, whatever precision and traps the user's has
LARGEST = Decimal(10**100)  # base units: beyond that numbers overflow
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


@dataclass(frozen=True)
class Unit:
    """One kind of amount.

    `words` maps each accepted word (lower case) to its worth in base units, `prefixes` each accepted prefix.
    With `bare` a prefix may stand alone ("25.6 M"). `symbol` follows a number in a table, `noun` in a sentence; `one`
    is the noun of a single one ("1 call", "2 calls"), `none` what zero of it is called. A unit without `words` takes
    numbers only. `scales` are the prefixes that it is shown with; `worth` one `symbol` in base units.
    """

    symbol: str
    noun: str
    kind: str
    example: str
    words: Mapping[str, Decimal] = field(default_factory=dict, repr=False)
    prefixes: Mapping[str, int] = field(default_factory=lambda: _SI, repr=False)
    bare: bool = False
    case_sensitive: bool = False
    one: str = ""
    none: str = ""
    scales: Mapping[str, int] = field(default_factory=lambda: _SHOWN, repr=False)
    worth: float = 1

    @classmethod
    def counting(cls, one: str, many: str) -> Unit:
        """A unit of things that are counted: `Unit.counting("call", "calls")` writes "1 call", "2 calls"."""
        words = {many.lower(): Decimal(1), one.lower(): Decimal(1)}
        return cls(many, many, f"a number of {many}", f"2 {many}", words, one=one)

    def parse(self, amount: object) -> float:
        """`amount`, a number in base units or a string with a unit, in base units (an int where it is whole).

        Raises LimitError for a missing or wrong unit, a negative, NaN or infinite amount, and other types.
        """
        if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
            raise LimitError(
                f"{as_written(amount)} is not a number or a string; write for example {self.example!r}"
            )
        with localcontext(_OWN):
            if isinstance(amount, str):
                return self._parse_text(amount)
            return _checked(amount, as_written(amount))

    def _parse_text(self, text: str) -> float:
        match = AMOUNT.fullmatch(text)
        if match is None:
            raise LimitError(f"{as_written(text)} is not an amount; write for example {self.example!r}")
        unit = unit_of(match)
        scale = self.scale(unit)
        if scale is None:
            raise LimitError(self._refusal(text, unit))
        return _checked(_decimal(match["number"], text) * scale, as_written(text))

    def scale(self, unit: str) -> Decimal | None:
        """The worth of one `unit` ("GFLOPs") in base units; None if it is none of this kind."""
        if self.bare and unit in self.prefixes and unit:
            return Decimal(self.prefixes[unit])
        key = unit if self.case_sensitive else unit.lower()
        for word in sorted(self.words, key=len, reverse=True):
            if key.endswith(word) and unit[: len(unit) - len(word)] in self.prefixes:
                return self.words[word] * self.prefixes[unit[: len(unit) - len(word)]]
        return None

    def _refusal(self, text: str, unit: str) -> str:
        write = f"write for example {self.example!r}"
        if unit in ("", *_SI):
            return f"{as_written(text)} has no unit; {write} (a plain number means {self.noun})"
        others = [other for other in ALL if other is not self and other.scale(unit) is not None]
        if others:
            likely = min(others, key=lambda other: other.bare and unit in other.prefixes)  # "3 B" is memory
            return f"{as_written(text)} is {likely.kind}, not {self.kind}; {write}"
        return f"{as_written(text)} has an unknown unit {as_written(unit)}; {write}"

    def spelled(self, amount: object) -> str:
        """An amount that `parse` reads as it was written, its blanks and letters set right; "" for a number."""
        match = AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
        if match is None:
            return ""
        unit = unit_of(match)
        for noun in _TWINS:
            if unit.lower().endswith((noun.lower(), noun.lower()[:-1])) and noun.lower() in self.words:
                unit = unit[: unit.lower().rindex(noun.lower()[:-1])] + noun
        return f"{match['number']} {unit}".rstrip()

    def written(self, spelled: str) -> Unit:
        """The same unit, showing values as that amount was written: FLOPs as MACs, bytes in thousands."""
        unit = spelled.rpartition(" ")[2]
        for noun in _TWINS:
            if unit.endswith(noun) and noun.lower() in self.words:
                return self._counted_in(noun)
        prefix = unit.removesuffix("B")
        is_decimal = self.kind == BYTES.kind and unit != prefix and prefix in _SI and prefix != ""
        return replace(self, scales=_SHOWN) if is_decimal else self

    @property
    def twin(self) -> Unit | None:
        """FLOPs as MACs and the other way round: the factor of two is this field's commonest mistake."""
        noun = _TWINS.get(self.noun)
        return self._counted_in(noun) if noun is not None else None

    def _counted_in(self, noun: str) -> Unit:
        return replace(self, symbol=noun, noun=noun, worth=float(self.words[noun.lower()]))

    def format(self, value: float, digits: int = 4) -> str:
        """`value` in base units, for people: "1.819 GMACs"."""
        if self is SECONDS:
            return _format_time(value, digits)
        if self is RATIO:
            percent = value * 100
            return f"{percent:,.0f} %" if abs(percent) >= 1000 else f"{percent:.{digits}g} %"
        if self.none and not value:
            return self.none
        value = value / self.worth
        prefix, scale = _best_prefix(abs(value), self.scales, digits)
        number = _plain(value / scale, digits) if scale > 1 or value % 1 else f"{value:.0f}"
        symbol = self._agreeing(number) if self.symbol == self.noun and not prefix else self.symbol
        return f"{number} {prefix}{symbol}".rstrip()

    def span(self, low: float, high: float, digits: int = 4) -> str:
        """An interval: "1.2 ms to 1.3 ms"; without an end, "1.2 ms or more"."""
        known = [self.format(end, digits) for end in (low, high) if math.isfinite(end)]
        if len(known) == 2:
            return " to ".join(known)
        return f"{known[0]} or {'more' if math.isfinite(low) else 'less'}" if known else "unknown"

    def at_least(self, value: float) -> str:
        """The same, rounded up: an amount that `parse` reads, and that is no less than `value`."""
        shown = value
        while True:
            text = self.format(shown)
            if self.words and self.scale(text.rpartition(" ")[2]) is None:  # without a noun: "12"
                text = f"{text} {self.noun}"
            read = self.parse(text) if self.words else float(text.partition(" ")[0].replace(",", ""))
            if read >= value:
                return text
            shown *= 1 + 1e-4

    def exact(self, value: float) -> str:
        """`value` with every digit: "3,638,132,736 FLOPs"."""
        if self is SECONDS:
            return _format_time(value, 6)
        if self is RATIO:
            return self.format(value, 6)
        if self.none and not value:
            return self.none
        value = value / self.worth if self.worth != 1 else value
        digits = ".0f" if float(value).is_integer() else ".2f" if abs(value) >= 1000 else ".6g"
        number = f"{value:,{digits}}"
        return f"{number} {self._agreeing(number)}".rstrip()

    def _agreeing(self, number: str) -> str:
        """The noun that goes with a number."""
        return (self.one or _singular(self.noun)) if number == "1" else self.noun


def unit_of(match: re.Match[str]) -> str:
    """What stands behind the number of an amount, without blanks."""
    return "".join(match["unit"].split())


def _decimal(number: str, text: str) -> Decimal:
    plain = number.replace(",", "") if _THOUSANDS.fullmatch(number) else number
    try:
        value = Decimal(plain)
        is_huge = value.is_finite() and value.adjusted() > LARGEST.adjusted()
        return Decimal("inf").copy_sign(value) if is_huge else value
    except InvalidOperation:
        raise LimitError(
            f"{as_written(text)}: {as_written(number)} is not a number (1234.5 or 1,234.5)"
        ) from None


def _checked(value: float | Decimal, shown: str) -> float:
    if value != value:
        raise LimitError(f"a limit cannot be NaN: {shown}")
    if value in (math.inf, -math.inf):
        raise LimitError(f"a limit must be finite: {shown}")
    if value < 0:
        raise LimitError(f"a limit cannot be negative: {shown}")
    if value > LARGEST:
        raise LimitError(f"a limit must be finite, and this is more than any number here: {shown}")
    return int(value) if value == int(value) else float(value)


def _best_prefix(value: float, scales: Mapping[str, int], digits: int) -> tuple[str, int]:
    """The largest prefix that leaves one or more; the next one where rounding would reach it ("1024 KiB")."""
    best = ("", 1)
    for prefix, scale in scales.items():
        if _rounded(value / best[1], digits) >= scale / best[1]:
            best = (prefix, scale)
    return best


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _plain(value: float, digits: int) -> str:
    """So many digits, and all before the point: never as a power of ten where it is large."""
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def _format_time(value: float, digits: int) -> str:
    for symbol, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(_rounded(value, digits)) >= scale:
            return f"{_plain(value / scale, digits)} {symbol}"
    return f"{_plain(value / 1e-9, digits)} ns"


def _singular(noun: str) -> str:
    """Of a plain plural; others, as FLOPs are, as they are."""
    for many, one in (("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ies", "y")):
        if noun.endswith(many):
            return noun.removesuffix(many) + one
    return noun[:-1] if noun.islower() and noun.endswith("s") and not noun.endswith("ss") else noun


def _words(**worth: int | str) -> dict[str, Decimal]:
    return {word: Decimal(value) for word, value in worth.items()}


_FLOP_WORDS: dict[str, int | str] = {"flops": 1, "flop": 1}
_MAC_WORDS: dict[str, int | str] = {"macs": 1, "mac": 1}

_FLOPS_AND_MACS = _words(**_FLOP_WORDS, **dict.fromkeys(_MAC_WORDS, 2))
_MACS_AND_FLOPS = _words(**_MAC_WORDS, **dict.fromkeys(_FLOP_WORDS, "0.5"))
_PARAMS = _words(params=1, param=1, parameters=1)
_ELEMENTS = _words(elements=1, activations=1)

FLOPS = Unit("FLOPs", "FLOPs", "operations", "4.2 GFLOPs", _FLOPS_AND_MACS)
MACS = Unit("MACs", "MACs", "operations", "2.1 GMACs", _MACS_AND_FLOPS)
PARAMS = Unit(
    "", "parameters", "a number of parameters", "25.6 M", _PARAMS, _COUNT, bare=True, one="parameter"
)
ELEMENTS = Unit("", "elements", "a number of elements", "11.1 M", _ELEMENTS, _COUNT, bare=True, one="element")
BYTES = Unit(
    "B",
    "bytes",
    "an amount of memory",
    "300 MiB",
    _words(B=1, bytes=1),
    {**_SI, **_BINARY},
    case_sensitive=True,
    one="byte",
    scales={"": 1, **_BINARY},
)
SECONDS = Unit("s", "seconds", "a time", "40 ms", _words(**_TIME), {"": 1}, case_sensitive=True)
CALLS = Unit.counting("call", "calls")
LINES = Unit.counting("line", "lines")
DIFFERENCES = replace(
    Unit.counting("difference", "differences"), none="no difference", scales=_PLAIN
)  # no prefix: few are told, and none is what a snapshot allows
RATIO = Unit("", "as a share of 1", "a share", "2%", {"%": Decimal("0.01")}, {"": 1})

ALL = (FLOPS, MACS, PARAMS, ELEMENTS, BYTES, SECONDS, CALLS, LINES, RATIO)


def named(noun: str) -> Unit:
    """The unit of that noun. Raises LimitError with the nouns there are."""
    for unit in ALL:
        if unit.noun == noun:
            return unit
    raise LimitError(f"there is no unit {noun!r}; there are {', '.join(repr(unit.noun) for unit in ALL)}")
