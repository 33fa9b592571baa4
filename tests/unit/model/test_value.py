"""An immutable value is what `@dataclass(frozen=True, slots=True)` would make it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from azext_acrcmk.model.value import Value, immutable


def _part(base, make):
    @make
    class Part(base):
        name: str
        size: int = 3
        tags: dict[str, str] = field(default_factory=dict, hash=False)
        spelled: str = field(default="", compare=False, repr=False)

        @property
        def loud(self) -> str:
            return self.name.upper()

    Part.__qualname__ = "Part"
    return Part


def _empty(base, make):
    @make
    class Empty(base):
        def __bool__(self) -> bool:
            return False

    return Empty


OURS, THEIRS = (Value, immutable), (object, dataclass(frozen=True, slots=True))
Part, Empty = _part(*OURS), _empty(*OURS)
GIVEN = ([("a",), {}], [("a", 4), {"tags": {"x": "y"}}], [(), {"name": "a", "spelled": "A"}])


@pytest.mark.parametrize(("given", "named"), GIVEN)
def test_has_the_same_values_and_text(given, named):
    ours, theirs = Part(*given, **named), _part(*THEIRS)(*given, **named)
    assert repr(ours) == repr(theirs)
    assert [getattr(ours, each.name) for each in fields(ours)] == [getattr(theirs, each.name) for each in fields(ours)]
    assert ours.loud == "A"


@pytest.mark.parametrize(("given", "named"), [((), {}), (("a", 1, {}, "", 5), {}), (("a",), {"name": "b"})])
def test_requires_the_same(given, named):
    for part in (Part, _part(*OURS), _part(*THEIRS)):
        with pytest.raises(TypeError):
            part(*given, **named)


def test_is_compared_by_the_fields_that_count():
    assert Part("a", spelled="A") == Part("a")
    assert Part("a") != Part("a", tags={"x": "y"})
    assert Part("a") != _part(*OURS)("a")
    assert Empty() == Empty()
    assert Empty() != ()
    assert len({Part("a"), Part("a", spelled="A"), Part("a", tags={"x": "y"}), Part("b"), Empty(), Empty()}) == 4


def test_can_not_be_altered():
    part = Part("a")
    for name in ("name", "spelled", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(part, name, "b")
    with pytest.raises(FrozenInstanceError):
        del part.name
    assert not hasattr(part, "__dict__")


def test_each_has_its_own_of_what_is_made_for_it():
    assert Part("a").tags is not Part("a").tags


def test_is_replaced():
    assert replace(Part("a", 4), name="b") == Part("b", 4)


def test_one_kind_that_was_made_does_not_make_another():
    @immutable
    class Larger(Part):
        more: int = 0

    Part("a")
    assert Larger("a", more=5).more == 5
    assert Larger("a") != Part("a")
