"""A video with another sound: pictures as they were, where that can be, and the sound in step."""

import struct
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from gridkit.errors import MediaError
from gridkit.media.dubbing import FORMATS, write_dubbed
from gridkit.media.subtitles import Caption

SUFFIXES = sorted(FORMATS)


def write_sound(path, length_s, click_s):
    """Silence with a click of 10 ms."""
    samples = np.zeros(round(16_000 * length_s), np.int16)
    samples[round(16_000 * click_s) :][:160] = 20_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


def write_video(path, times_ms, *, codec="libx264", flash=10, bf=2, rate=25, file_format=None):
    """Gray pictures at these times, the one with the number `flash` white."""
    with av.open(str(path), "w", format=file_format) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.max_b_frames = bf
        if codec != "mpeg1video":
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time_ms in enumerate(times_ms):
            picture = np.full((48, 64, 3), 255 if number == flash else 60, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = number if codec == "mpeg1video" else time_ms
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def steady_ms(count, rate=25):
    return [round(1000 * number / rate) for number in range(count)]


def dub(source, tmp_path, suffix, length_s, click_s, captions=()):
    sound, out = write_sound(tmp_path / "sound.wav", length_s, click_s), tmp_path / f"out{suffix}"
    reason = write_dubbed(source, sound, captions, out, FORMATS[suffix])
    return out, reason


def shown(path):
    """Time and mean gray of each picture."""
    with av.open(str(path)) as container:
        return [(f.time, f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]


def flash_s(path):
    return next(time_s for time_s, gray in shown(path) if gray > 150)


def heard(path):
    """When the click is heard, and how long the sound is, in seconds."""
    with av.open(str(path)) as container:
        assert [stream.channels for stream in container.streams.audio] == [1]
        frames = list(container.decode(audio=0))
        rate_hz = container.streams.audio[0].rate
        track = container.streams.audio[0]
        length_s = None if track.duration is None else float(track.duration * track.time_base)
    samples = np.concatenate([np.abs(frame.to_ndarray().mean(axis=0)) for frame in frames])
    click_s = frames[0].time + np.argmax(samples > samples.max() / 2) / rate_hz
    return click_s, len(samples) / rate_hz if length_s is None else length_s


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_are_copied_and_the_sound_is_in_step(tmp_path, suffix):
    source = write_video(tmp_path / "a.mp4", steady_ms(30))
    out, reason = dub(source, tmp_path, suffix, 1.2, 0.4)
    assert reason is None
    assert [gray for _, gray in shown(out)] == [gray for _, gray in shown(source)]
    assert len(packets(out)) == 30
    assert flash_s(out) == pytest.approx(0.4, abs=0.001)
    click_s, length_s = heard(out)
    assert click_s == pytest.approx(0.4, abs=0.003)
    assert length_s == pytest.approx(1.2, abs=0.001)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_rate_that_varies_is_kept(tmp_path, suffix):
    times_ms = [0, 40, 80, 400, 440, 1000, 1700]
    source = write_video(tmp_path / "a.mkv", times_ms, flash=3, bf=0)
    out, reason = dub(source, tmp_path, suffix, 1.74, 0.4)
    assert reason is None
    assert [time_s for time_s, _ in shown(out)] == pytest.approx(np.array(times_ms) / 1000)
    assert heard(out)[0] == pytest.approx(0.4, abs=0.003)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_video_that_does_not_begin_at_0_begins_at_0_with_its_sound(tmp_path, suffix):
    times_ms = [1500 + time_ms for time_ms in steady_ms(30)]
    source = write_video(tmp_path / "a.mkv", times_ms)
    out, reason = dub(source, tmp_path, suffix, 1.2, 0.4)
    assert reason is None
    assert shown(out)[0][0] == 0
    with av.open(str(out)) as container:
        assert container.duration / av.time_base == pytest.approx(1.2, abs=0.002)
        if suffix == ".mp4":
            track = container.streams.video[0]
            assert track.duration * track.time_base == pytest.approx(1.2, abs=0.001)
    assert flash_s(out) == pytest.approx(0.4, abs=0.001)
    assert heard(out)[0] == pytest.approx(0.4, abs=0.003)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_transport_stream_fits_too(tmp_path, suffix):
    source = write_video(tmp_path / "a.ts", steady_ms(30), file_format="mpegts")
    out, reason = dub(source, tmp_path, suffix, 1.2, 0.4)
    assert reason is None
    assert len(shown(out)) == 30
    assert flash_s(out) == pytest.approx(0.4, abs=0.001)


def test_mpeg1_is_copied_to_matroska_and_encoded_again_for_players_of_mp4(tmp_path):
    source = write_video(tmp_path / "a.mpg", steady_ms(30), codec="mpeg1video")
    out, reason = dub(source, tmp_path, ".mkv", 1.2, 0.4)
    assert reason is None
    assert packets(out) == packets(source)
    assert flash_s(out) == pytest.approx(0.4, abs=0.001)
    out, reason = dub(source, tmp_path, ".mp4", 1.2, 0.4)
    assert reason == "players of MP4 do not know mpeg1video"
    assert len(shown(out)) == 30
    assert flash_s(out) == pytest.approx(0.4, abs=0.001)
    assert heard(out)[0] == pytest.approx(0.4, abs=0.003)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_av1_is_copied_though_its_decoder_does_not_encode(tmp_path, suffix):
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("PyAV has no encoder of AV1")
    source = write_video(tmp_path / "a.mp4", steady_ms(30), codec="libsvtav1", bf=0)
    lines = [Caption(0.5, 1.0, "bin blue")]
    out, reason = dub(source, tmp_path, suffix, 1.2, 0.4, lines)
    assert reason is None
    assert packets(out) == packets(source)
    assert [gray for _, gray in shown(out)] == [gray for _, gray in shown(source)]
    assert len(shown(out)) == 30
    assert flash_s(out) == pytest.approx(0.4, abs=0.001)
    assert heard(out)[0] == pytest.approx(0.4, abs=0.003)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_time_stamps_that_leap_are_mended(tmp_path, suffix):
    times_ms = [t if t < 200 else t + 90_000_000 for t in steady_ms(30)]
    source = write_video(tmp_path / "a.mkv", times_ms, bf=0)
    out, reason = dub(source, tmp_path, suffix, 1.2, 0.4)
    assert reason == "their time stamps leap"
    assert flash_s(out) == pytest.approx(0.4, abs=0.041)
    assert len(shown(out)) == 30


def test_pictures_that_an_edit_hides_are_not_shown(tmp_path):
    source = write_video(tmp_path / "a.mp4", steady_ms(30))
    content = bytearray(source.read_bytes())
    place = content.index(b"elst") + 16
    media_time = struct.unpack_from(">i", content, place)[0]
    struct.pack_into(">i", content, place, media_time + 16_000 // 25 * 4)  # begins 4 pictures later
    source.write_bytes(content)
    assert len(shown(source)) == 26
    out, reason = dub(source, tmp_path, ".mkv", 1.04, 0.24)
    assert reason == "an edit hides some of them"
    assert len(shown(out)) == 26
    assert flash_s(out) == pytest.approx(0.24, abs=0.001)


def test_pictures_without_times_are_encoded_again(tmp_path):
    source = write_video(tmp_path / "a.h264", steady_ms(30), bf=0)
    out, reason = dub(source, tmp_path, ".mkv", 1.2, 0.4)
    assert reason == "they do not say when they are shown"
    assert len(shown(out)) == 30
    assert flash_s(out) == pytest.approx(0.4, abs=0.001)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_turned_picture_stays_turned(tmp_path, suffix):
    source = write_video(tmp_path / "a.mp4", steady_ms(5))
    content = bytearray(source.read_bytes())
    place = content.index(b"tkhd") + 44
    content[place : place + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    source.write_bytes(content)
    out, reason = dub(source, tmp_path, suffix, 0.2, 0.1)
    assert reason is None
    with av.open(str(out)) as container:
        assert next(container.decode(video=0)).rotation == -90


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_sound_of_the_clip_is_left_out(make_clip, tmp_path, suffix):
    source = make_clip(
        tmp_path / "a.mkv", sound=np.full((48_000, 6), 9_000, np.int16), layout="5.1"
    )
    out, _ = dub(source, tmp_path, suffix, 3, 1.0)
    assert heard(out)[0] == pytest.approx(1.0, abs=0.003)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_captions_are_a_track_of_their_own(tmp_path, suffix):
    source = write_video(tmp_path / "a.mp4", steady_ms(75))
    lines = [Caption(0.5, 1.0, "bin blue"), Caption(1.5, 2.5, "set red")]
    out, reason = dub(source, tmp_path, suffix, 3, 1.0, lines)
    assert reason is None
    with av.open(str(out)) as container:
        stream = container.streams.subtitles[0]
        assert stream.disposition & av.stream.Disposition.default
        written = [
            (float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p))
            for p in container.demux(stream)
            if p.size > 2
        ]
    assert [(start_s, length_s) for start_s, length_s, _ in written] == [(0.5, 0.5), (1.5, 1.0)]
    assert [text[-7:] for _, _, text in written] == [b"in blue", b"set red"]
    assert heard(out)[0] == pytest.approx(1.0, abs=0.003)


def test_no_room_is_said_by_the_system(make_clip, tmp_path):
    source = write_video(tmp_path / "a.mp4", steady_ms(5))
    sound = write_sound(tmp_path / "sound.wav", 0.2, 0.1)
    with pytest.raises(FileNotFoundError):
        write_dubbed(source, sound, [], tmp_path / "nowhere/out.mp4", "mp4")


def test_what_is_not_a_video_is_one_line(tmp_path):
    sound = write_sound(tmp_path / "sound.wav", 0.2, 0.1)
    with pytest.raises(MediaError, match="has no video"):
        write_dubbed(sound, sound, [], tmp_path / "out.mp4", "mp4")


def test_files_joined_end_to_end_are_encoded_again(make_clip, tmp_path):
    part = make_clip(tmp_path / "part.mpg", frames=30, format="mpeg").read_bytes()
    joined = tmp_path / "joined.mpg"
    joined.write_bytes(part * 3)
    out, reason = dub(joined, tmp_path, ".mkv", 3.6, 1.0)
    assert reason == "their time stamps leap"
    assert [time_s for time_s, _ in shown(out)] == pytest.approx(np.arange(90) / 25, abs=0.002)
