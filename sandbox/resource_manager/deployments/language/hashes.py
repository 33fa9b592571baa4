"""The template functions `uniqueString` and `guid` (facts templates.md 2.1)."""

from __future__ import annotations

import uuid

_GUIDS = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_C1, _C2 = 597399067, 2869860233
_WORD = 0xFFFFFFFF


def guid(*parts: str) -> str:
    return str(uuid.uuid5(_GUIDS, "-".join(parts)))


def unique_string(*parts: str) -> str:
    """13 characters that depend on the parts, case-sensitive: a 64-bit hash, its highest bits first."""
    bits = hash64("-".join(parts).encode()) << 1  # 13 letters have 65
    return "".join(_LETTERS[bits >> shift & 31] for shift in range(60, -1, -5))


def hash64(data: bytes) -> int:
    """A variant of MurmurHash3 with two 32-bit lanes."""
    high = low = 0
    whole = len(data) // 8 * 8
    for at in range(0, whole, 8):
        low ^= _mix(_number(data[at : at + 4]), _C1, 15, _C2)
        low = (_turn(low, 19) + high) * 5 + 1444728091 & _WORD
        high ^= _mix(_number(data[at + 4 : at + 8]), _C2, 17, _C1)
        high = (_turn(high, 13) + low) * 5 + 197830471 & _WORD
    rest = data[whole:]
    if rest:
        low ^= _mix(_number(rest[:4]), _C1, 15, _C2)
    if len(rest) > 4:
        high ^= _mix(_number(rest[4:]), _C2, 17, _C1)
    low, high = low ^ len(data), high ^ len(data)
    low = low + high & _WORD
    high = high + low & _WORD
    low, high = _finish(low), _finish(high)
    low = low + high & _WORD
    high = high + low & _WORD
    return high << 32 | low


def _number(part: bytes) -> int:
    return int.from_bytes(part, "little")


def _mix(word: int, first: int, turn: int, second: int) -> int:
    return _turn(word * first & _WORD, turn) * second & _WORD


def _turn(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _WORD


def _finish(word: int) -> int:
    word = (word ^ word >> 16) * 2246822507 & _WORD
    word = (word ^ word >> 13) * 3266489909 & _WORD
    return word ^ word >> 16
