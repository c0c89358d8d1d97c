"""A face is followed where it is known to be: scenes with a photograph moved about, real clips."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import dlib
import numpy as np
import pytest

from gridkit.media.decode import decode_clip
from gridkit.media.detector import Box, FaceDetector, OwnDetector
from gridkit.media.face import FaceTracker, Track, blank_frames

FRAMES = 75
GRAY_STARTS = "bbizzn brwa4p brwg8p bwwuzn lgbf8n lrarzn pbio7a pbwx1s prii9a sbbh4p sran9s"


def clip(portrait, wall, matrices):
    """A frame for each matrix, with the head there; None leaves the wall."""
    return np.stack([wall if m is None else portrait.paste(wall, m) for m in matrices])


def mouths(track: Track) -> np.ndarray:
    return track.landmarks[:, 48:].mean(axis=1)


def errors_px(track, portrait, matrices) -> np.ndarray:
    """Distance of the mouth found to the mouth there is, in frames that show one."""
    shown = [t for t, m in enumerate(matrices) if m is not None]
    true = np.array([portrait.mouth_at(matrices[t]) for t in shown])
    return np.hypot(*(mouths(track)[shown] - true).T)


def eye_distances_px(track: Track) -> np.ndarray:
    eyes = track.landmarks[:, 42:48].mean(axis=1) - track.landmarks[:, 36:42].mean(axis=1)
    return np.hypot(*eyes.T)


def test_a_still_face(portrait, wall, tracker):
    matrices = [portrait.matrix(180, 150)] * 5
    track = tracker.track(clip(portrait, wall, matrices))
    assert track.landmarks.dtype == np.int16
    assert track.landmarks.shape == (5, 68, 2)
    assert not track.missing.any()
    assert not track.blank.any()
    assert track.faces == 1
    assert track.fit > 0.99
    assert errors_px(track, portrait, matrices).max() < 2


def test_a_head_that_walks_across(portrait, wall, tracker):
    matrices = [portrait.matrix(80 + 2.7 * t, 130 + 20 * np.sin(t / 8)) for t in range(FRAMES)]
    track = tracker.track(clip(portrait, wall, matrices))
    assert not track.missing.any()
    assert errors_px(track, portrait, matrices).max() < 2.5


def test_a_head_that_runs(portrait, wall, tracker):
    """26 px a frame, a quarter of the face: points slip, and are found anew."""
    matrices = [portrait.matrix(80 + 26 * t, 150) for t in range(8)]
    track = tracker.track(clip(portrait, wall, matrices))
    assert not track.missing.any()
    assert errors_px(track, portrait, matrices).max() < 2.5


def test_a_head_that_comes_nearer_and_tilts(portrait, wall, tracker):
    matrices = [portrait.matrix(180, 150, 1.0 + t / 100, 15 * np.sin(t / 6)) for t in range(60)]
    track = tracker.track(clip(portrait, wall, matrices))
    assert not track.missing.any()
    assert errors_px(track, portrait, matrices).max() < 4
    growth = eye_distances_px(track)[-1] / eye_distances_px(track)[0]
    assert growth == pytest.approx(1.59, abs=0.1)


def test_a_head_that_turns_away_and_comes_back(portrait, wall, tracker):
    """Squashed to a sixth, then gone, then back elsewhere near by."""
    squash = np.r_[np.ones(20), np.linspace(1, 0.15, 8), np.zeros(13), np.ones(34)]
    places = [150 if t < 35 else 170 for t in range(FRAMES)]
    matrices = [
        portrait.matrix(x, 150, squash=s) if s else None
        for s, x in zip(squash, places, strict=True)
    ]
    track = tracker.track(clip(portrait, wall, matrices))
    assert track.missing[28:41].all()
    assert not track.missing[:21].any()
    assert not track.missing[41:].any()
    front = [m if s == 1 else None for m, s in zip(matrices, squash, strict=True)]
    assert errors_px(track, portrait, front).max() < 2.5
    x = mouths(track)[track.missing, 0]
    assert (np.diff(x) > 0).all(), "gaps are filled by a straight line"


def test_a_gap_is_as_long_as_it_is(portrait, wall, tracker):
    """A lost face is looked for in every second frame: the one before is not given up."""
    gone = range(20, 33)
    matrices = [None if t in gone else portrait.matrix(180, 150) for t in range(46)]
    track = tracker.track(clip(portrait, wall, matrices))
    assert np.flatnonzero(track.missing).tolist() == list(gone)


def test_a_face_that_comes_back_in_other_light(portrait, wall, tracker):
    """It looks like somebody else, but it is where the face was."""
    matrices = [portrait.matrix(180, 150)] * 30
    luma = clip(portrait, wall, matrices)
    luma[10:14] = wall
    shadow = np.clip((np.arange(wall.shape[1]) - 120) / 150, 0.1, 1)
    luma[14:] = (luma[14:] * shadow).astype(np.uint8)
    track = tracker.track(luma)
    assert track.fit < 0.6
    assert np.flatnonzero(track.missing).tolist() == [10, 11, 12, 13]


def test_a_cut(portrait, wall, tracker):
    matrices = [portrait.matrix(100, 120)] * 31 + [portrait.matrix(265, 165, 1.1)] * 44
    track = tracker.track(clip(portrait, wall, matrices))
    assert not track.missing.any()
    assert errors_px(track, portrait, matrices).max() < 2.5


def test_a_small_jump(portrait, wall, tracker):
    """The new place is still inside the old box."""
    matrices = [portrait.matrix(150, 140)] * 10 + [portrait.matrix(185, 160)] * 10
    track = tracker.track(clip(portrait, wall, matrices))
    assert not track.missing.any()
    assert errors_px(track, portrait, matrices).max() < 2.5


def test_a_second_face_that_enters_is_counted_and_not_followed(portrait, wall, tracker):
    matrices = [portrait.matrix(115, 150, 1.25)] * FRAMES
    luma = clip(portrait, wall, matrices)
    for t in range(40, FRAMES):
        luma[t] = portrait.paste(luma[t], portrait.matrix(290, 120, 1.0))
    track = tracker.track(luma)
    assert track.faces == 2
    assert not track.missing.any()
    assert errors_px(track, portrait, matrices).max() < 2.5


def test_a_face_that_comes_late_is_followed_back_to_its_first_frame(portrait, wall, tracker):
    matrices = [None] * 29 + [portrait.matrix(180, 150)] * 46
    track = tracker.track(clip(portrait, wall, matrices))
    assert track.missing.tolist() == [True] * 29 + [False] * 46
    assert (track.landmarks[:29] == track.landmarks[29]).all(), "held at the end"


def test_a_face_between_two_looks_is_found(portrait, wall, tracker):
    matrices = [None] * 40 + [portrait.matrix(180, 150)] * 19 + [None] * 16
    track = tracker.track(clip(portrait, wall, matrices))
    assert track.missing.tolist() == [True] * 40 + [False] * 19 + [True] * 16


def test_a_small_face_is_found_enlarged(portrait, wall, tracker):
    matrices = [portrait.matrix(180, 150, 0.55)] * 20
    assert not FaceDetector().look(portrait.paste(wall, matrices[0]))
    track = tracker.track(clip(portrait, wall, matrices))
    assert not track.missing.any()
    assert errors_px(track, portrait, matrices).max() < 2


def test_of_two_faces_the_larger_is_followed(portrait, wall, tracker):
    large, small = portrait.matrix(90, 140, 1.5), portrait.matrix(240, 150, 1.0)
    frame = portrait.paste(portrait.paste(wall, small), large)
    track = tracker.track(np.stack([frame] * 5))
    assert track.faces == 2
    assert errors_px(track, portrait, [large] * 5).max() < 2.5


def test_of_two_equal_faces_the_central_one_is_followed(portrait, wall, tracker):
    side, central = portrait.matrix(65, 140), portrait.matrix(215, 150)
    frame = portrait.paste(portrait.paste(wall, central), side)
    track = tracker.track(np.stack([frame] * 5))
    assert track.faces == 2
    assert errors_px(track, portrait, [central] * 5).max() < 2.5


def test_who_is_there_longest_is_followed(portrait, wall, tracker):
    """A passer-by, nearer to the camera, does not take the speaker's place."""
    matrices = [portrait.matrix(250, 150, 1.1)] * FRAMES
    luma = clip(portrait, wall, matrices)
    for t in range(50, 65):
        luma[t] = portrait.paste(luma[t], portrait.matrix(90, 140, 1.4))
    track = tracker.track(luma)
    assert track.faces == 2
    assert errors_px(track, portrait, matrices).max() < 2.5


def test_gray_frames_are_blank_and_missing(portrait, wall, tracker):
    matrices = [None] * 12 + [portrait.matrix(180, 150)] * 20
    luma = clip(portrait, wall, matrices)
    luma[:12] = 128
    luma[3:12, 200:230, 60:90] = 190
    track = tracker.track(luma)
    assert track.blank.tolist() == track.missing.tolist() == [True] * 12 + [False] * 20


def test_gray_frames_inside_a_clip_do_not_lose_the_face(portrait, wall, tracker):
    matrices = [portrait.matrix(150 + 2 * t, 150) for t in range(30)]
    luma = clip(portrait, wall, matrices)
    luma[10:14] = 128
    track = tracker.track(luma)
    assert np.flatnonzero(track.missing).tolist() == [10, 11, 12, 13]
    assert errors_px(track, portrait, matrices).max() < 2.5, "a straight line fills the gap"


def test_a_gray_wall_is_no_blank_frame(wall):
    assert not blank_frames(wall[None]).any()


def test_no_face_costs_few_looks(wall, monkeypatch):
    tracker = FaceTracker()
    looks = []
    look = tracker._detector.look
    monkeypatch.setattr(
        tracker._detector,
        "look",
        lambda frame, enlarge=False: looks.append(enlarge) or look(frame, enlarge=enlarge),
    )
    track = tracker.track(np.stack([wall] * FRAMES))
    assert track.missing.all()
    assert not track.landmarks.any()
    assert (track.faces, track.fit) == (0, 0.0)
    assert sum(looks) <= FRAMES / 15
    assert len(looks) <= FRAMES * 0.65


def test_a_whole_face_costs_few_looks(portrait, wall, monkeypatch):
    tracker = FaceTracker()
    calls = []
    for name in ("look", "look_near"):
        inner = getattr(tracker._detector, name)
        monkeypatch.setattr(
            tracker._detector,
            name,
            lambda *args, inner=inner, name=name, **kw: calls.append(name) or inner(*args, **kw),
        )
    tracker.track(clip(portrait, wall, [portrait.matrix(180, 150)] * FRAMES))
    assert calls == ["look"] * 2


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_very_short_clips(portrait, wall, tracker, frames):
    luma = np.zeros((frames, *wall.shape), np.uint8)
    luma[:] = portrait.paste(wall, portrait.matrix(180, 150))
    track = tracker.track(luma)
    assert track.landmarks.shape == (frames, 68, 2)
    assert not track.missing.any()


def test_twice_the_size_gives_twice_the_points(portrait, wall, tracker):
    small = [portrait.matrix(150 + 2 * t, 150) for t in range(12)]
    large = [2 * m for m in small]
    track = tracker.track(clip(portrait, np.kron(wall, np.ones((2, 2), np.uint8)), large))
    assert not track.missing.any()
    assert errors_px(track, portrait, large).max() < 4


def test_padded_rows_change_nothing(portrait, wall, tracker):
    luma = clip(portrait, wall, [portrait.matrix(180, 150)] * 3)
    padded = np.pad(luma, ((0, 0), (0, 0), (0, 24)))[:, :, : luma.shape[2]]
    assert not padded.flags.c_contiguous
    assert (tracker.track(padded).landmarks == tracker.track(luma).landmarks).all()


def test_a_picture_twice_the_size_is_looked_at_in_the_same_way(portrait, wall):
    """The middle of pixel x becomes that of pixels 2x and 2x + 1."""
    frame = portrait.paste(wall, portrait.matrix(180, 150))
    (box,) = FaceDetector().look(frame)
    (twice,) = FaceDetector().look(np.kron(frame, np.ones((2, 2), np.uint8)))
    assert twice == Box(2 * box.x_px + 0.5, 2 * box.y_px + 0.5, 2 * box.side_px)


def test_overlap_of_boxes():
    box = Box(50, 50, 20)
    assert box.overlap(box) == 1
    assert box.overlap(Box(60, 50, 20)) == pytest.approx(1 / 3)
    assert box.overlap(Box(50, 50, 10)) == pytest.approx(1 / 4)
    assert box.overlap(Box(70, 50, 20)) == 0


@pytest.mark.grid
@pytest.mark.parametrize("clip", ["s1/swbv2n.mpg", "s31/lwiu7s.mpg"])
@pytest.mark.parametrize("turned", [np.s_[:, ::-1, ::-1], np.s_[:, ::-1]])
def test_hair_and_chins_of_faces_that_are_upside_down_are_no_faces(
    grid_dir, tracker, clip, turned, monkeypatch
):
    luma = decode_clip(grid_dir / "video" / clip).video.luma
    assert tracker.track(luma[turned]).missing.all()
    half = np.concatenate([luma[:38], luma[38:][turned]])
    assert np.flatnonzero(tracker.track(half).missing).tolist() == list(range(38, 75))
    monkeypatch.setattr(FaceDetector, "_is_upright", lambda *_, **__: True)
    assert not tracker.track(luma[turned]).missing.all(), "dlib finds faces in this clip"


def test_a_photograph_upside_down_takes_no_face_from_who_is_upright(portrait, wall, tracker):
    upright, beside = portrait.matrix(110, 150, 1.1), portrait.matrix(270, 150, 1.1)
    frame = portrait.paste(wall, beside)[::-1].copy()
    luma = np.stack([portrait.paste(frame, upright)] * 5)
    track = tracker.track(luma)
    assert (track.faces, track.missing.any()) == (1, False)
    assert errors_px(track, portrait, [upright] * 5).max() < 2.5


@pytest.mark.grid
@pytest.mark.parametrize("code", GRAY_STARTS.split())
def test_grid_clips_that_begin_gray(grid_dir, tracker, code):
    track = tracker.track(decode_clip(grid_dir / f"video/s1/{code}.mpg").video.luma)
    assert np.flatnonzero(track.blank).tolist() == list(range(12))
    unseen = 36 if code == "pbio7a" else 12  # the one whose picture stays damaged
    assert np.flatnonzero(track.missing).tolist() == list(range(unseen))
    assert track.faces == 1


@pytest.mark.grid
def test_another_person_is_not_taken_for_the_one_who_left(grid_dir, portrait, tracker):
    """The second face stays in view while the speaker turns away."""
    luma = decode_clip(sorted((grid_dir / "video/s2").glob("*.mpg"))[0]).video.luma[:60].copy()
    luma = np.roll(luma, -80, axis=2)
    for t in range(60):
        if 25 < t < 40:
            luma[t] = 90
        luma[t] = portrait.paste(luma[t], portrait.matrix(295, 130, 1.1))
    track = tracker.track(luma)
    assert track.faces == 2
    assert np.flatnonzero(track.missing).tolist() == list(range(26, 40))
    assert mouths(track)[:, 0].max() < 160


@pytest.mark.grid
@pytest.mark.parametrize("speaker", ["s3", "s33"])
def test_points_agree_with_those_of_a_detector_on_every_frame(grid_dir, tracker, speaker):
    luma = decode_clip(sorted((grid_dir / "video" / speaker).glob("*.mpg"))[0]).video.luma
    track = tracker.track(luma)
    frames = range(0, len(luma), 8)
    public = [
        tracker._finder.find(luma[t], tracker._detector.look(luma[t], enlarge=True)[0])
        for t in frames
    ]
    apart = np.array(public)[:, 48:].mean(axis=1) - mouths(track)[list(frames)]
    assert np.median(np.hypot(*apart.T)) < 0.6


@pytest.mark.parametrize("start", [0, 18, 19, 37])
def test_whoever_is_there_for_a_second_and_a_half_is_counted(portrait, wall, tracker, start):
    luma = clip(portrait, wall, [portrait.matrix(250, 150, 1.1)] * FRAMES)
    for t in range(start, start + 38):
        luma[t] = portrait.paste(luma[t], portrait.matrix(90, 140, 1.0))
    assert tracker.track(luma).faces == 2


def test_the_detector_is_the_one_that_dlib_carries():
    carried, ours = dlib.get_frontal_face_detector(), OwnDetector().dlib
    assert pickle.dumps(ours) == pickle.dumps(carried)


def test_threads_that_share_a_detector_get_their_own_faces(portrait, wall):
    """dlib's detector itself gives other boxes in one of six such calls."""
    places = [(x, y) for x in (110, 180, 250) for y in (110, 150, 180)]
    frames = [portrait.paste(wall, portrait.matrix(x, y)) for x, y in places]
    detector = FaceDetector()
    alone = [detector.look(frame) for frame in frames]
    assert all(len(boxes) == 1 for boxes in alone)
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(detector.look, frames * 12))
    assert together == alone * 12
