"""What is told of a URL keeps URLs apart and tells no secret."""

import hashlib

import pytest

from launchplane_gate.urls import without_query


def eight(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:8]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://shop.example/health", "https://shop.example/health"),
        ("https://shop.example:8443/health?token=x", f"https://shop.example:8443/health#{eight('token=x')}"),
        ("https://shop.example/health?a?b=c", f"https://shop.example/health#{eight('a?b=c')}"),
        ("https://shop.example/health?a#b?c", f"https://shop.example/health#{eight('a')}"),
        ("https://shop.example?a", f"https://shop.example#{eight('a')}"),
        ("https://shop.example/health?", f"https://shop.example/health#{eight('')}"),
        ("https://shop.example/health#top", "https://shop.example/health"),
        ("https://shop.example/health#top?a=b", "https://shop.example/health"),
        ("/health?token=x", f"/health#{eight('token=x')}"),
        ("/health", "/health"),
        ("https://ann:secret@shop.example/health", "https://shop.example/health"),
        ("https://ann:se@cret@shop.example/health", "https://shop.example/health"),
        ("https://ann@shop.example?a=@", f"https://shop.example#{eight('a=@')}"),
        ("//ann:secret@shop.example/", "//shop.example/"),
        ("https://shop.example/@ann", "https://shop.example/@ann"),
    ],
)
def test_neither_query_nor_fragment_nor_user_is_told(url: str, told: str) -> None:
    assert without_query(url) == told


def test_urls_that_differ_in_the_query_only_stay_apart() -> None:
    urls = ["https://h/p", "https://h/p?", "https://h/p?a", "https://h/p?b", "https://h/p?a=1"]
    assert len({without_query(url) for url in urls}) == len(urls)


@pytest.mark.parametrize("url", ["https://ann:pw@h/p?a#b", "/p?a", "https://h/p#top", "https://h", "?", "#"])
def test_what_was_made_once_stays_as_it_is(url: str) -> None:
    assert without_query(without_query(url)) == without_query(url)


@pytest.mark.parametrize("text", ["", "?", "#", "://", "http://[::1", "http://h:port/?", "\ud800?\ud800", "a b\n?\x00"])
def test_what_is_no_url_is_not_raised_on(text: str) -> None:
    assert "?" not in without_query(text)
