"""What is wrong in JSON is shown: where, what was expected, and what is there, in one line."""

from compiler.assembly.json_reader import JsonObject


def test_what_is_there_is_shown_whole_or_its_beginning():
    table = JsonObject({"size": "seven", "words": list(range(100))}, "[2]")
    assert table.error("size", "a number").numbers == "expected a number; found 'seven'"
    assert table.error("sums", "a number").numbers == "expected a number; found nothing"
    shown = table.error("words", "a table").numbers.removeprefix("expected a table; found ")
    assert shown.startswith("[0, 1, 2") and shown.endswith("...") and len(shown) == 80
    assert table.error("words", "a table").where == "[2].words"
