from tests.harness.terminal import Person


def test_try(azure, az, seed):
    seed.parts()
    person = Person(az, "acr cmk wizard")
    person.type("myregistry", after="Name: ")
    person.type("rg", after="search for [1]: ")
    person.type("", after="search for [1]: ")
    person.type("", after="search for [1]: ")
    person.type("", after="search for [1]: ")
    person.type("", after="search for [1]: ")
    person.type("", after="search for [1]: ")
    person.type("", after="search for [1]: ")
    person.type("1", after="search for [3]: ")
    result = person.ends()
    print(result)
    assert 0
