"""docs/python.md: what it shows is what happens."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/python.md"


def test_the_examples_of_the_page_run(synthetic_corpus, tmp_path, monkeypatch):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/corpus").symlink_to(synthetic_corpus)
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```\w*$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) > 25
    found: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=found.append)
    assert not found, "".join(found)
