"""Archives are read as they are, and every kind of bad one is refused by name."""

import gzip
import io
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gridkit.errors import ArchiveError
from gridkit.prepare import archive as archive_module
from gridkit.prepare.archive import Member, SourceArchive

FILES = {
    "s1/bbaf2n.mpg": random.Random(0).randbytes(5000),
    "s1/bbaf3s.mpg": b"",
    "alignments/s1/bbaf2n.align": b"0 74500 sil\r\n" * 20,
}


def write_zip(path: Path, files: dict[str, bytes] = FILES, **options) -> Path:
    with zipfile.ZipFile(path, "w", **({"compression": zipfile.ZIP_DEFLATED} | options)) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes] = FILES, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_any(folder: Path, suffix: str, files: dict[str, bytes] = FILES) -> Path:
    path = folder / f"s1{suffix}"
    if suffix == ".zip":
        return write_zip(path, files)
    return write_tar(path, files, TAR_MODES[suffix])


TAR_MODES = {
    **{".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz", ".txz": "w:xz"},
    **{".tar.bz2": "w:bz2", ".tbz2": "w:bz2", ".tbz": "w:bz2"},
}
SUFFIXES = [".zip", *TAR_MODES]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_members_and_content(tmp_path, suffix):
    with SourceArchive(write_any(tmp_path, suffix)) as archive:
        members = archive.members()
        assert [member.name for member in members] == list(FILES)
        assert [member.size_bytes for member in members] == [len(c) for c in FILES.values()]
        crcs = [zlib.crc32(content) if suffix == ".zip" else None for content in FILES.values()]
        assert [member.crc32 for member in members] == crcs
        # In any order, and more than once.
        for name in [*reversed(FILES), *FILES]:
            assert archive.read(name) == FILES[name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_part_of_the_corpus_is_passed_over(tmp_path, suffix):
    junk = ["__MACOSX/s1/._bbaf2n.mpg", "s1/._bbaf3s.mpg", ".DS_Store", "s1/.git/config"]
    files = dict.fromkeys(junk, b"junk") | {"./s1//bbaf2n.mpg": b"video"}
    with SourceArchive(write_any(tmp_path, suffix, files)) as archive:
        assert archive.members()[0].name == "s1/bbaf2n.mpg"
        assert len(archive.members()) == 1
        assert archive.read("s1/bbaf2n.mpg") == b"video"


def test_folders_are_passed_over(tmp_path):
    write_zip(tmp_path / "s1.zip", {"s1/": b"", "s1/bbaf2n.mpg": b"video"})
    with tarfile.open(tmp_path / "s1.tar", "w") as tar:
        folder = tarfile.TarInfo("s1")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    assert [m.name for m in SourceArchive(tmp_path / "s1.zip").members()] == ["s1/bbaf2n.mpg"]
    assert SourceArchive(tmp_path / "s1.tar").members() == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "name", ["../evil", "s1/../../evil", "/evil", "C:/evil", "c:evil", "s1\\..\\evil", "s1/.."]
)
def test_paths_that_leave_the_folder(tmp_path, suffix, name):
    path = write_any(tmp_path, suffix, {"good": b"", name: b"evil"})
    with SourceArchive(path) as archive, pytest.raises(ArchiveError, match="outside") as caught:
        archive.members()
    assert str(path) in str(caught.value)
    assert ascii(name)[1:-1] in str(caught.value)


def test_a_zip_made_on_windows_may_have_backslashes_between_folders(tmp_path):
    path = tmp_path / "s1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("s1\\", "s1\\bbaf2n.mpg", "align\\s1\\bbaf2n.align"):
            info = zipfile.ZipInfo("x")
            info.filename, info.create_system = name, 0
            archive.writestr(info, b"" if name.endswith("\\") else name.encode())
    with SourceArchive(path) as archive:
        assert [m.name for m in archive.members()] == ["s1/bbaf2n.mpg", "align/s1/bbaf2n.align"]
        assert archive.read("s1/bbaf2n.mpg") == b"s1\\bbaf2n.mpg"


@pytest.mark.parametrize("name", ["..\\evil", "s1\\..\\..\\evil", "\\evil", "c:\\evil"])
def test_backslashes_of_windows_do_not_leave_the_folder(tmp_path, name):
    path = tmp_path / "s1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename, info.create_system = name, 0
        archive.writestr(info, b"evil")
    with SourceArchive(path) as archive, pytest.raises(ArchiveError, match="outside its folder"):
        archive.members()


def test_nul_in_a_name(tmp_path):
    path = write_zip(tmp_path / "s1.zip", {"s1/bbaf2n.mpgX.exe": b"evil"})
    path.write_bytes(path.read_bytes().replace(b".mpgX", b".mpg\0"))
    with pytest.raises(ArchiveError, match=r"bbaf2n\.mpg\\x00\.exe has a control character"):
        SourceArchive(path).members()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_terminal_codes_in_a_name_are_not_printed(tmp_path, suffix):
    path = write_any(tmp_path, suffix, {"s1/\x1b[2Jx.mpg": b""})
    with pytest.raises(ArchiveError, match=r"s1/\\x1b\[2Jx\.mpg"):
        SourceArchive(path).members()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_name_twice(tmp_path, suffix):
    path = write_any(tmp_path, suffix, {"s1/bbaf2n.mpg": b"one", "s1/./bbaf2n.mpg": b"two"})
    with pytest.raises(ArchiveError, match=r"s1/bbaf2n\.mpg is in it twice"):
        SourceArchive(path).members()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_file_and_folder_of_one_name(tmp_path, suffix):
    path = write_any(tmp_path, suffix, {"s1/a/b": b"one", "s1/a": b"two"})
    with pytest.raises(ArchiveError, match="s1/a is a file and a folder"):
        SourceArchive(path).members()


@pytest.mark.parametrize("flag", [0x1, 0x41, 0x2001])
def test_encrypted_zip(tmp_path, flag):
    path = write_zip(tmp_path / "s1.zip", {"s1/bbaf2n.mpg": b"video"})
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + 8, flag)
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"s1\.zip: member s1/bbaf2n\.mpg is encrypted"):
        SourceArchive(path).members()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar(tmp_path, kind):
    with tarfile.open(tmp_path / "s1.tar", "w") as tar:
        info = tarfile.TarInfo("s1/bbaf2n.mpg")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(ArchiveError, match=r"s1/bbaf2n\.mpg is a link or a device"):
        SourceArchive(tmp_path / "s1.tar").members()


def test_link_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("s1/bbaf2n.mpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "s1.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveError, match="is a link or a device"):
        SourceArchive(tmp_path / "s1.zip").members()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated(tmp_path, suffix):
    path = write_any(tmp_path, suffix, {"a": bytes(range(256)) * 100, "b": b"end"})
    whole = path.read_bytes()
    for cut in (len(whole) // 3, len(whole) // 2, len(whole) - 10 if suffix != ".tar" else 26_000):
        path.write_bytes(whole[:cut])
        with pytest.raises(ArchiveError, match=f"{path.name}.*download the archive again"):
            SourceArchive(path).members()


def test_tar_cut_between_members_is_not_taken_for_a_short_one(tmp_path):
    path = write_tar(tmp_path / "s1.tar", {"a": bytes(512), "b": bytes(512)})
    path.write_bytes(path.read_bytes()[: 2 * 512])
    with pytest.raises(ArchiveError, match="breaks off"):
        SourceArchive(path).members()


def test_tar_with_a_damaged_header_does_not_lose_the_rest(tmp_path):
    path = write_tar(tmp_path / "s1.tar", {"a": bytes(512), "b": bytes(512), "c": b""})
    content = bytearray(path.read_bytes())
    content[1024 + 150] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged between members"):
        SourceArchive(path).members()


def test_gzip_checksum_is_compared(tmp_path):
    path = write_tar(tmp_path / "s1.tar.gz", mode="w:gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="CRC"):
        SourceArchive(path).members()


def test_damaged_member_is_named_and_the_others_can_be_read(tmp_path):
    files = {"s1/bbaf2n.mpg": b"one " * 99, "s1/bbaf3s.mpg": b"two " * 99}
    path = write_zip(tmp_path / "s1.zip", files, compression=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"two two", b"two tvo", 1))
    with SourceArchive(path) as archive:
        assert archive.read("s1/bbaf2n.mpg") == files["s1/bbaf2n.mpg"]
        with pytest.raises(ArchiveError, match=r"s1\.zip: member s1/bbaf3s\.mpg is damaged .*CRC"):
            archive.read("s1/bbaf3s.mpg")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b", b"PK\3\4"])
def test_files_that_are_no_archive(tmp_path, suffix, content):
    path = tmp_path / f"s1{suffix}"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=rf"s1\{suffix}"):
        SourceArchive(path).members()


def test_no_file(tmp_path):
    with pytest.raises(ArchiveError, match=r"s1\.zip: .*No such file"):
        SourceArchive(tmp_path / "s1.zip")


def test_no_such_member(tmp_path):
    with pytest.raises(ArchiveError, match="no member s2/bbaf2n"):
        SourceArchive(write_zip(tmp_path / "s1.zip")).read("s2/bbaf2n.mpg")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_member_larger_than_any_clip(tmp_path, suffix):
    path = write_any(tmp_path, suffix, {"s1/bomb.mpg": bytes(1_000_001)})
    with pytest.raises(ArchiveError, match=r"s1/bomb\.mpg declares 1000001 bytes.* 1000000"):
        SourceArchive(path, max_member_bytes=1_000_000).members()
    assert SourceArchive(path, max_member_bytes=1_000_001).read("s1/bomb.mpg") == bytes(1_000_001)


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
def test_many_members_that_are_small_alone(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(archive_module, "MIN_EXPANSION_BYTES", 2**20)
    path = write_any(tmp_path, suffix, {f"s1/{n}.mpg": bytes(2**18) for n in range(20)})
    with pytest.raises(ArchiveError, match="brings the unpacked size to"):
        SourceArchive(path).members()


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_module, "MAX_MEMBERS", 2)
    with pytest.raises(ArchiveError, match="more than 2 members"):
        SourceArchive(write_zip(tmp_path / "s1.zip")).members()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("declared", [100, 99_999, 100_001, 1_000_000])
def test_zip_that_lies_about_a_size_even_with_a_fitting_crc(tmp_path, method, declared):
    content = random.Random(2).randbytes(100_000)
    path = write_zip(tmp_path / "s1.zip", {"s1/bbaf2n.mpg": content}, compression=method)
    lying = bytearray(path.read_bytes())
    directory = lying.index(b"PK\x01\x02")
    struct.pack_into("<I", lying, directory + 24, declared)
    if declared < len(content):
        struct.pack_into("<I", lying, directory + 16, zlib.crc32(content[:declared]))
    path.write_bytes(lying)
    with pytest.raises(ArchiveError, match=r"s1/bbaf2n\.mpg"):
        SourceArchive(path).read("s1/bbaf2n.mpg")


def test_lying_bomb_is_not_inflated(tmp_path):
    path = write_zip(tmp_path / "s1.zip", {"s1/bomb.mpg": bytes(30_000_000)})
    lying = bytearray(path.read_bytes())
    struct.pack_into("<I", lying, lying.index(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(lying)
    with SourceArchive(path) as archive:
        archive.members()
        tracemalloc.start()
        with pytest.raises(ArchiveError, match=r"member s1/bomb\.mpg"):
            archive.read("s1/bomb.mpg")
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


def test_tar_header_that_declares_a_giant_name(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 200_000_000
    with gzip.open(tmp_path / "s1.tgz", "wb", 1) as packed:
        packed.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(200):
            packed.write(bytes(1_000_000))
    with pytest.raises(ArchiveError, match="a header declares 2000"):
        SourceArchive(tmp_path / "s1.tgz").members()


@settings(max_examples=150, deadline=None)
@given(data=st.data(), suffix=st.sampled_from([".zip", ".tgz"]))
def test_a_damaged_byte_never_gives_wrong_content(tmp_path_factory, data, suffix):
    path = write_any(tmp_path_factory.mktemp("fuzz"), suffix)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    read = []
    try:
        with SourceArchive(path) as archive:
            read = [archive.read(member.name) for member in archive.members()]
    except ArchiveError as error:
        message = str(error)
        event("refused")
    else:
        message = str(path)
        event("read")
    assert str(path) in message
    assert all(content in FILES.values() for content in read)


@pytest.mark.grid
def test_all_alignments_in_one_pass(grid_dir):
    with SourceArchive(grid_dir / "alignments.zip") as archive:
        members = archive.members()
        assert len(members) == 34_000
        assert members[0] == Member("alignments/s1/bbaf2n.align", *_first(grid_dir))
        lengths = [len(archive.read(member.name)) for member in members]
    assert lengths == [member.size_bytes for member in members]


def _first(grid_dir: Path) -> tuple[int, int]:
    with zipfile.ZipFile(grid_dir / "alignments.zip") as archive:
        info = archive.infolist()[0]
    return info.file_size, info.CRC


@pytest.mark.grid
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_real_clips_come_out_as_they_went_in(grid_dir, tmp_path, suffix):
    clips = sorted((grid_dir / "video/s2").glob("*.mpg"))
    assert clips
    files = {f"s2/{clip.name}": clip.read_bytes() for clip in clips}
    with SourceArchive(write_any(tmp_path, suffix, files)) as archive:
        assert {m.name: archive.read(m.name) for m in archive.members()} == files
