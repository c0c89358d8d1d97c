"""Decoding: the samples that the scoring protocol pins, placement by time stamps, damage."""

import hashlib

import numpy as np
import pytest

from gridkit.errors import MediaError
from gridkit.media import decode
from gridkit.media.decode import decode_clip, probe_size
from gridkit.media.samples import fit_length

# first 12 hex digits of the MD5 of the 48,000 int16 samples
REFERENCE_MD5 = {
    "s1/swbv2n": "0e8366ebaa61",
    "s1/lbayzp": "bcaeec7f0bf1",
    "s1/sbwo1s": "c667308cd91a",
    "s1/pwip7s": "100054ac1632",
    "s4/bbaf1p": "3078628d59a2",
}


@pytest.mark.grid
@pytest.mark.parametrize("clip", REFERENCE_MD5)
def test_reference_samples_are_those_of_the_protocol(grid_dir, clip) -> None:
    media = decode_clip(grid_dir / "video" / f"{clip}.mpg")
    samples = fit_length(media.samples, 48_000)
    assert hashlib.md5(samples.tobytes()).hexdigest()[:12] == REFERENCE_MD5[clip]
    assert len(media.samples) == 47_647
    assert media.bad_packets == 0


@pytest.mark.grid
def test_samples_do_not_wrap(grid_dir) -> None:
    clips = sorted((grid_dir / "video" / "s1").glob("*.mpg"))[:20]
    assert len(clips) == 20
    steps = [np.abs(np.diff(decode_clip(c).samples.astype(int))).max() for c in clips]
    assert np.median(steps) < 20_000


@pytest.mark.grid
def test_a_smaller_copy_has_the_sound_of_the_original_rule(grid_dir) -> None:
    media = decode_clip(grid_dir / "video" / "s2" / "bbas1p.mkv")
    assert media.video.luma.shape == (75, 288, 360)
    assert len(media.samples) == 47_647


@pytest.mark.grid
def test_a_damaged_packet_is_counted_and_the_rest_decoded(grid_dir) -> None:
    media = decode_clip(grid_dir / "video_hq" / "s4" / "bbaf2a.mpg")
    assert media.video.luma.shape == (71, 576, 720)
    assert media.bad_packets == 1


def test_planes_are_what_the_decoder_gives(make_clip, tmp_path) -> None:
    media = decode_clip(make_clip(tmp_path / "a.mkv"))
    assert media.video.luma.shape == (75, 48, 64)
    assert media.video.luma.flags.c_contiguous
    assert media.video.chroma.shape == (75, 2, 24, 32)
    assert media.video.rate_fps == 25
    assert not media.video.full_range
    brightness = media.video.luma.mean(axis=(1, 2))
    assert np.allclose(brightness, np.linspace(50, 178, 75), atol=4)
    assert media.samples is None


def test_content_and_file_decode_alike(make_clip, tmp_path) -> None:
    path = make_clip(tmp_path / "a.mkv", sound=np.arange(48_000, dtype=np.int16))
    from_file, from_content = decode_clip(path), decode_clip(path.read_bytes())
    assert (from_file.video.luma == from_content.video.luma).all()
    assert (from_file.samples == from_content.samples).all()


def test_16_khz_mono_sound_passes_unchanged(make_clip, tmp_path) -> None:
    sound = np.random.default_rng(0).integers(-32768, 32768, 48_000).astype(np.int16)
    media = decode_clip(make_clip(tmp_path / "a.mkv", sound=sound))
    assert (media.samples == sound).all()


def test_channels_are_averaged_without_gain(make_clip, tmp_path) -> None:
    left = np.full(48_000, 30_000, np.int16)
    right = np.full(48_000, -10_000, np.int16)
    sound = np.stack([left, right], axis=1)
    media = decode_clip(make_clip(tmp_path / "a.mkv", sound=sound, layout="stereo"))
    assert (media.samples == 10_000).all()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(("start_s", "zeros"), [(0.5, 8_000), (0.08, 1_280), (0.032, 512)])
def test_sound_that_starts_late_is_placed_by_its_time_stamp(
    make_clip, tmp_path, suffix, start_s, zeros
) -> None:
    sound = np.full(16_000, 1_000, np.int16)
    media = decode_clip(make_clip(tmp_path / f"a{suffix}", sound=sound, sound_start_s=start_s))
    assert (media.samples[:zeros] == 0).all()
    assert (media.samples[zeros : zeros + 16_000] == 1_000).all()


def test_gaps_become_silence_and_rounded_time_stamps_do_not() -> None:
    first, second = np.full((1, 160), 1.0), np.full((1, 160), 2.0)
    rounded = decode._place([(0.0, first), (0.0105, second)], 16_000, 0.0)
    assert rounded.shape == (1, 320)
    gap = decode._place([(0.0, first), (0.036, second)], 16_000, 0.0)
    assert gap.shape == (1, 576 + 160)
    assert (gap[:, 160:576] == 0).all()
    early = decode._place([(-0.005, first)], 16_000, 0.0)
    assert early.shape == (1, 80)
    nothing_left = decode._place([(-1.0, first)], 16_000, 0.0)
    assert nothing_left.shape == (1, 0)


def test_a_damaged_time_stamp_does_not_fill_the_memory() -> None:
    samples = np.ones((1, 160), np.int16)
    hours = decode._place([(0.0, samples), (95_443.0, samples), (0.01, samples)], 16_000, 0.0)
    assert hours.shape == (1, decode.MAX_SOUND_S * 16_000)
    assert hours[0].nonzero()[0].tolist() == list(range(320))
    before = decode._place([(0.0, samples), (0.01, samples)], 16_000, 95_443.0)
    assert before.size == 0


def test_decoding_stops_one_frame_after_the_limit(make_clip, tmp_path) -> None:
    media = decode_clip(make_clip(tmp_path / "a.mkv", frames=40), max_frames=10)
    assert len(media.video.luma) == 11


@pytest.mark.parametrize("content", [b"", b"just text, no video\n" * 50, bytes(5000)])
def test_what_is_no_video_is_refused_in_one_line(tmp_path, content) -> None:
    path = tmp_path / "bbaf2n.mpg"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"^cannot be opened as a video: [^\n]+$"):
        decode_clip(path)
    with pytest.raises(MediaError, match="cannot be opened"):
        decode_clip(content)


def test_a_cut_off_file_gives_what_it_holds(make_clip, tmp_path) -> None:
    path = make_clip(tmp_path / "a.mpg", format="mpeg")
    content = path.read_bytes()
    media = decode_clip(content[: len(content) // 2])
    assert 5 < len(media.video.luma) < 75


def test_size_is_read_without_decoding(make_clip, tmp_path) -> None:
    path = make_clip(tmp_path / "a.mkv")
    assert probe_size(path) == probe_size(path.read_bytes()) == (64, 48)
    with pytest.raises(MediaError):
        probe_size(b"no video")


def test_pictures_of_a_size_nobody_wants_are_not_decoded(make_clip, tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.mkv", frames=3, size=(3840, 2160), sound=np.ones(16_000, "i2"))
    monkeypatch.setattr(decode._Stream, "decode", pytest.fail)
    media = decode_clip(path, only_sizes_px=[(64, 48), (360, 288)])
    assert media.video.luma.shape == (0, 2160, 3840)
    assert media.samples is None


def test_pictures_of_a_wanted_size_are_decoded(make_clip, tmp_path):
    path = make_clip(tmp_path / "a.mkv", frames=3)
    wanted = decode_clip(path, only_sizes_px=[(360, 288), (64, 48)])
    np.testing.assert_array_equal(wanted.video.luma, decode_clip(path).video.luma)
