import pytest

from detector.errors import DataError, VideoError
from detector.video.sources import find_sources, folder_names, title


@pytest.fixture
def tree(tmp_path):
    for name in ("b.jpg", "a.mp4", "sub/c.WEBM", "sub/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(sources):
    return [p.name for p in sources.pictures], [p.name for p in sources.videos], sources.live


def test_folders_files_and_globs_are_sorted_into_pictures_and_videos(tree):
    assert names(find_sources(str(tree))) == (["b.jpg"], ["a.mp4", "c.WEBM"], None)
    assert names(find_sources(str(tree / "a.mp4"))) == ([], ["a.mp4"], None)
    assert names(find_sources(str(tree / "b.jpg"))) == (["b.jpg"], [], None)
    assert names(find_sources(str(tree / "*.*"))) == (["b.jpg"], ["a.mp4"], None)
    assert names(find_sources(str(tree / "**" / "*.WEBM"))) == ([], ["c.WEBM"], None)


@pytest.mark.parametrize("url", ["rtsp://10.0.0.7/live", "http://localhost:8080/cam", "HTTPS://x/y.mp4"])
def test_urls_and_cameras_are_live(url):
    assert find_sources(url).live == url and find_sources(None, 0).live == 0


def test_what_is_not_there_is_said(tree):
    with pytest.raises(VideoError, match=r"SOURCE: missing, expected a file, folder, glob or URL, or --camera 0"):
        find_sources(None)
    with pytest.raises(DataError, match=r"none\.mp4: no such file or folder, expected a picture, a video"):
        find_sources(str(tree / "none.mp4"))
    with pytest.raises(DataError, match=r"no pictures and no videos, expected at least one of .*\.mp4"):
        find_sources(str(tree / "*.txt"))


def test_folders_have_harmless_names_of_their_own():
    named = ["a", "A", "../../etc", "10.0.0.7:554/x", "마스크", "labels", ""]
    assert folder_names(named) == ["a", "A-2", "etc", "10.0.0.7-554-x", "마스크", "labels-2", "video"]
    assert folder_names(["p.png", "b"], ["P.png"]) == ["p.png-2", "b"]


def test_a_password_in_a_url_is_never_said():
    assert title("rtsp://user:p@10.0.0.7:554/live?token=x") == "rtsp://10.0.0.7:554/live"
    assert title("http://10.0.0.7/a@b") == "http://10.0.0.7/a@b"
    assert (title(2), title("a?b@c.mp4")) == ("camera 2", "a?b@c.mp4")
