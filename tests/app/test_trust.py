"""From where on a sentence is shown as one that was read."""

import pytest

from gridkit.app.trust import is_believable, sureness
from gridkit.models.word_timing import TimedWord


@pytest.mark.parametrize(("sure", "believed"), [(79, False), (80, True), (81, True)])
def test_words_are_believed_from_a_mean_of_four_fifths_on(sure, believed):
    words = [TimedWord("bin", 0, 1, float(place < sure)) for place in range(100)]
    assert sureness(words) == sure / 100
    assert is_believable(words) == believed
