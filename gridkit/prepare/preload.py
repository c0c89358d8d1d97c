"""Imported once, by the process that workers are forked from, never by anything else.

Loading the landmark model here lets the workers share its 100 MB: they start at once, and read
the same memory. With a copy each, two of them push each other out of the processor's cache and
need 30 % longer for the points.
"""

from contextlib import suppress

from gridkit.errors import GridkitError
from gridkit.media.landmarks_model import default_landmark_model
from gridkit.prepare.clip import tracker

# a worker that really needs the model says in one line what is wrong with it
with suppress(GridkitError):
    tracker(default_landmark_model())
