"""Reads that follow from each other: each once, and none before what it waits for."""

from azext_acrcmk.cloud.courses import Courses, Read


def read(of):
    return Read(of, "things", "place", lambda: None)


def course(*steps):
    return iter([[read(of) for of in step] for step in steps])


def of(reads):
    return [each.of for each in reads]


def test_what_several_wait_for_is_read_once():
    courses = Courses([course(["key"], ["a"]), course(["key"], ["b"])])
    assert of(courses.reads) == ["key"]
    assert of(courses.ended(read("key"))) == ["a", "b"]
    assert of(courses.ended(read("a"))) == []


def test_it_goes_on_when_all_have_ended_in_whatever_order():
    courses = Courses([course(["x", "y"], ["z"])])
    assert of(courses.reads) == ["x", "y"]
    assert of(courses.ended(read("y"))) == []
    assert of(courses.ended(read("x"))) == ["z"]


def test_what_was_read_is_not_waited_for():
    courses = Courses([course(["x"], ["x"], [], ["y"]), course(["x", "y"], ["z"])])
    assert of(courses.reads) == ["x", "y"]
    assert of(courses.ended(read("x"))) == []  # y is under way
    assert of(courses.ended(read("y"))) == ["z"]


def test_a_course_decides_when_it_comes_to_it():
    known = []

    def deciding():
        yield [read("x")]
        if known:
            yield [read("y")]

    courses = Courses([deciding()])
    known.append(1)
    assert of(courses.ended(read("x"))) == ["y"]


def test_without_courses_there_is_nothing_to_read():
    assert Courses([iter(())]).reads == []
