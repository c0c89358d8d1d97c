"""Confusions of words: what was transcribed in the place of what was said."""

from gridkit.evaluation.report.confusion import NOTHING, OTHER, confusions
from gridkit.results.records import ClipScore


def test_confusions_tell_words_of_other_slots_from_words_not_heard():
    clip = ClipScore("s1/bbaf2n", "scored", text={"r": "bin blue at two now"})
    letter = confusions([clip], "r")[3]
    assert letter.counts[letter.said.index("f"), letter.transcribed.index(NOTHING)] == 1
    clip = ClipScore("s1/bbaf2n", "scored", text={"r": "bin blue at please two soon"})
    found = confusions([clip], "r")
    assert found[3].counts[found[3].said.index("f"), found[3].transcribed.index(OTHER)] == 1
    assert found[5].worst(1) == [("now", "soon", 1, 1)]
