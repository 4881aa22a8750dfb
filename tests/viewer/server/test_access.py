import asyncio

import pytest

from dreamfilters.viewer.server.access import Access, Gate

TOKEN = "0123456789abcdef"
ACCESS = Access(TOKEN, cookie="dreamfilters-5000", base="/proxy/5000/", hosts=("hub.example",))
GOOD = {"host": "localhost:5000", "cookie": f"dreamfilters-5000={ACCESS.cookie_value}"}
CHANGE = {**GOOD, "origin": "http://localhost:5000", "x-dreamfilters": "1"}


def send_through_gate(path="/", *, method="GET", headers=GOOD, query="", access=ACCESS, kind="http", raw=()):
    """The messages that the gate sends, and the paths that it lets through."""
    passed, sent = [], []

    async def app(scope, receive, send):
        passed.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()] + list(raw)
    scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": pairs}
    asyncio.run(Gate(app, access)(scope, None, send))
    return sent, passed


def status(*arguments, **named):
    sent, passed = send_through_gate(*arguments, **named)
    assert bool(passed) == (sent[0]["status"] == 200)
    return sent[0]["status"]


def headers_of(sent):
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_a_request_with_cookie_and_known_host_passes():
    assert status("/api/state") == 200


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200),
        ("LOCALHOST:5000", 200),
        ("127.0.0.1:8888", 200),  # a tunnel's port
        ("[::1]:5000", 200),
        ("[::1]", 200),
        ("hub.example", 200),
        ("hub.example:443", 200),
        ("evil.example", 403),
        ("localhost.evil.example:5000", 403),
        ("evil.example:5000@localhost", 403),
        ("127.0.0.1.nip.io:5000", 403),
        ("127.1", 403),
        ("localhost:5000:80", 403),
        ("localhost:", 200),
        ("localhost:٥", 403),
        ("::1", 403),
        ("192.168.0.7:5000", 403),
        ("", 403),
    ],
)
def test_only_known_host_names_pass(host, code):
    encoded = host.encode()
    assert status("/", headers={"cookie": GOOD["cookie"]}, raw=[(b"host", encoded)]) == code


def test_a_missing_and_a_repeated_host_are_refused():
    assert status("/", headers={"cookie": GOOD["cookie"]}) == 403
    assert status("/", raw=[(b"Host", b"localhost:5000")]) == 403


def test_a_viewer_on_a_non_loopback_host_accepts_any_address_but_no_other_name():
    open_ = Access(TOKEN, cookie=ACCESS.cookie, any_address=True)
    assert status("/", headers={**GOOD, "host": "192.168.0.7:5000"}, access=open_) == 200
    assert status("/", headers={**GOOD, "host": "[fe80::1]:5000"}, access=open_) == 200
    assert status("/", headers={**GOOD, "host": "rebound.example:5000"}, access=open_) == 403


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://localhost:5000", 200),
        ("https://localhost:5000", 200),  # a proxy with HTTPS
        ("https://hub.example", 200),
        ("null", 403),
        ("", 403),
        ("http://localhost", 403),
        ("http://localhost:5001", 403),
        ("http://localhost:5000.evil.example", 403),
        ("http://evil.example", 403),
        ("HTTP://LOCALHOST:5000", 403),
        ("http://localhost:5000/", 403),
        ("file://", 403),
        ("chrome-extension://abc", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_origins_are_compared_exactly(origin, code, method):
    assert status("/api/dreams", method=method, headers={**CHANGE, "origin": origin}) == code


def test_a_change_requires_an_origin_and_a_header_that_no_form_can_send():
    assert status("/api/dreams", method="POST", headers=CHANGE) == 200
    for missing in ("origin", "x-dreamfilters", "cookie"):
        headers = {name: value for name, value in CHANGE.items() if name != missing}
        assert status("/api/dreams", method="POST", headers=headers) == 403
    assert status("/api/dreams", method="POST", headers={**CHANGE, "x-dreamfilters": "0"}) == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "POST "])
def test_other_methods_are_refused(method):
    assert status("/api/state", method=method, headers=CHANGE) == 403


@pytest.mark.parametrize(
    ("site", "code"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)]
)
def test_cross_site_requests_are_refused(site, code):
    assert status("/api/state", headers={**GOOD, "sec-fetch-site": site}) == code


@pytest.mark.parametrize(
    "cookie",
    ["", "dreamfilters-5000=", f"dreamfilters-5000={TOKEN}", f"dreamfilters-5001={ACCESS.cookie_value}",
     "dreamfilters-5000", f"dreamfilters-5000={ACCESS.cookie_value}x", f"x={ACCESS.cookie_value}",
     "dreamfilters-5000=é", "\x01=2", "=;=;"],
)  # fmt: skip
def test_a_request_without_the_right_cookie_is_refused(cookie):
    sent, passed = send_through_gate("/api/state", headers={**GOOD, "cookie": cookie})
    assert (sent[0]["status"], passed) == (403, [])
    assert b"token" in sent[1]["body"]


@pytest.mark.parametrize(
    "cookie",
    ['prefs={"a":1}; %s', "%s; prefs={'a': [1, 2]}", "a b c; %s", "=;;; %s;", "%s;", "x=é; %s", 'q="a;b"; %s',
     "a=b=c; %s", "\x01=2; %s", "dreamfilters-5000=stale; %s", "%s; dreamfilters-5000=", "dreamfilters-5000; %s",
     "Path=/; %s", "$Version=1; %s", "%s ;x=y", "x" * 30000 + "=1; %s"],
)  # fmt: skip
def test_cookies_of_other_applications_do_not_matter(cookie):
    headers = {"host": "localhost:5000"}
    assert status("/api/state", headers=headers, raw=[(b"cookie", (cookie % GOOD["cookie"]).encode())]) == 200
    wrong = GOOD["cookie"][:-1] + "!"
    assert status("/api/state", headers=headers, raw=[(b"cookie", (cookie % wrong).encode())]) == 403


def test_the_token_is_exchanged_for_a_strict_cookie_and_removed_from_the_address():
    sent, passed = send_through_gate(query=f"token={TOKEN}", headers={"host": "localhost:5000"})
    found = headers_of(sent)
    assert (sent[0]["status"], found["location"], passed) == (303, "/proxy/5000/", [])
    assert (
        found["set-cookie"] == f"dreamfilters-5000={ACCESS.cookie_value}; Path=/proxy/5000/; HttpOnly; SameSite=Strict"
    )
    assert TOKEN not in found["set-cookie"]


def test_a_link_on_another_site_gets_a_page_that_redirects_since_a_redirect_would_lose_the_cookie():
    sent, passed = send_through_gate(
        query=f"token={TOKEN}", headers={"host": "localhost:5000", "sec-fetch-site": "cross-site"}
    )
    assert (sent[0]["status"], passed) == (200, [])
    assert b'content="0;url=/proxy/5000/"' in sent[1]["body"]
    assert "set-cookie" in headers_of(sent)


@pytest.mark.parametrize(
    "query", ["token=", "token=wrong", "", f"token={TOKEN}&token={TOKEN}", f"t={TOKEN}", "token=%ff"]
)
def test_a_wrong_token_is_refused(query):
    assert status(query=query, headers={"host": "localhost:5000"}) == 403


def test_the_token_is_accepted_on_the_first_page_only():
    assert status("/api/state", query=f"token={TOKEN}", headers={"host": "localhost:5000"}) == 403
    assert status("/", query=f"token={TOKEN}", headers=CHANGE, method="POST") == 200  # because of the cookie


def test_the_base_is_removed_from_the_path_unless_a_proxy_removed_it():
    assert send_through_gate("/proxy/5000/api/state")[1] == ["/api/state"]
    assert send_through_gate("/api/state")[1] == ["/api/state"]
    assert send_through_gate("/proxy/50000/api/state")[1] == ["/proxy/50000/api/state"]


def test_every_response_has_security_headers_and_none_allows_other_origins():
    for sent, _ in (send_through_gate("/"), send_through_gate("/", headers={})):
        found = headers_of(sent)
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in found["content-security-policy"]
        assert "unsafe" not in found["content-security-policy"]
        assert found["x-content-type-options"] == "nosniff"
        assert found["x-frame-options"] == "DENY"
        assert found["referrer-policy"] == "no-referrer"
        assert found["cache-control"] == "no-store"
        assert not any(name.startswith("access-control") for name in found)


def test_there_are_no_websockets():
    sent, passed = send_through_gate("/api/events", kind="websocket")
    assert (sent, passed) == ([{"type": "websocket.close", "code": 1008}], [])


FRAMED = Access(TOKEN, cookie="dreamfilters-5000", frames=("http://localhost:8888", "vscode-webview:"))
FRAME = {"host": "localhost:5000", "sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}


def test_no_page_shows_the_viewer_in_a_frame_unless_its_origin_is_named():
    for access in (ACCESS, Access(TOKEN, cookie=ACCESS.cookie)):
        found = headers_of(send_through_gate("/", access=access)[0])
        assert found["content-security-policy"].endswith("; frame-ancestors 'none'")
        assert found["x-frame-options"] == "DENY"
    strict, framed = found, headers_of(send_through_gate("/", access=FRAMED)[0])
    assert framed["content-security-policy"].endswith("; frame-ancestors http://localhost:8888 vscode-webview:")
    assert {name for name, value in strict.items() if framed.get(name) != value} == {
        "content-security-policy", "x-frame-options",
    }  # fmt: skip


def cookie_of(headers, access):
    return headers_of(send_through_gate(query=f"token={TOKEN}", headers=headers, access=access)[0])["set-cookie"]


def test_only_a_frame_on_another_site_gets_a_cookie_for_it_and_only_if_frames_are_allowed():
    assert cookie_of(FRAME, FRAMED).endswith("; Path=/; HttpOnly; SameSite=None; Secure; Partitioned")
    for headers, access in [
        (FRAME, Access(TOKEN)),
        ({**FRAME, "sec-fetch-dest": "document"}, FRAMED),
        ({**FRAME, "sec-fetch-dest": "image"}, FRAMED),
        ({**FRAME, "sec-fetch-site": "same-site"}, FRAMED),
        ({"host": "localhost:5000"}, FRAMED),
    ]:
        assert cookie_of(headers, access).endswith("; HttpOnly; SameSite=Strict")


def test_allowed_frames_open_nothing_else():
    headers = {"host": "localhost:5000", "cookie": f"dreamfilters-5000={FRAMED.cookie_value}"}
    assert status("/api/state", headers={**headers, "sec-fetch-site": "cross-site"}, access=FRAMED) == 403
    assert status("/api/state", headers={**headers, "origin": "http://localhost:8888"}, access=FRAMED) == 403
    assert status("/api/state", headers={**FRAME}, access=FRAMED) == 403
