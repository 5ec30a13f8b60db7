"""The kinds of fault that a provider, or what stands between it and us, can have; and what each may become.

A kind says so for a call that asks and for one that acts: a gateway that fails in the provider's place has not answered
a question, but may have let an act through. `answered` is the result that the right answer gives, `unknown` a result
that claims nothing, `as said` one that repeats what the answer said; the rest are the errors of `providers.errors`.
"""

import functools
import zlib
from dataclasses import dataclass
from typing import Any

from tests.faults.provider_host import Script, well
from tests.faults.provider_scripts import (
    PAGE,
    after,
    alert,
    answers,
    any_body,
    bomb,
    chunked,
    closes_for_writing,
    cut,
    drip,
    echo,
    echo_page,
    elsewhere,
    ending,
    everywhere,
    fixed,
    flood,
    gateway_json,
    good,
    handshake,
    head,
    in_pieces,
    mistyped,
    packed,
    raw_deflate,
    says,
    spoilt_record,
    without_goodbye,
    zipped,
)  # fmt: skip

ANSWERED, AS_SAID, UNKNOWN = "answered", "as said", "unknown"
LOST, UNSENT, FAILED = "AnswerLost", "NotSent", "Unavailable"
REFUSED, THROTTLED, REJECTED = "AccountRefused", "Throttled", "Rejected"
#: Deadlines in seconds: of what would never end, and of what must not be cut short.
QUICK, PATIENT = 0.3, 5.0
#: How often a kind is drawn: most of them, those that cost a handshake or much data, and those that last their time.
OFTEN, SELDOM, RARELY = 40, 8, 1


@dataclass(frozen=True)
class Kind:
    """A fault: what the host does, and what the caller may make of it."""

    name: str
    script: Script
    asks: frozenset[str]
    acts: frozenset[str]
    deadline: float = PATIENT
    weight: int = OFTEN
    #: The TLS that the host speaks, where it does.
    secured: str = ""
    #: `closed`, `deaf`, or the addresses that the host's name leads to, in place of a host.
    instead: str | tuple[str, ...] | None = None
    #: The body is the call's own variant of this name; calls without one do not have this fault.
    variant: bool = False


KINDS: dict[str, Kind] = {}


def kind(name: str, script: Script, *asks: str, acts: tuple[str, ...] = (), **more: Any) -> None:
    """Name a fault; `acts` is what an acting call makes of it, where that differs."""
    assert name not in KINDS
    KINDS[name] = Kind(name, script, frozenset(asks), frozenset(acts or asks), **more)


def zip_again(text: bytes, _times: int) -> bytes:
    return zipped(text)


SLOW: dict[str, Any] = {"deadline": QUICK, "weight": RARELY}
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED, GZIP = "Transfer-Encoding: chunked", "Content-Encoding: gzip"
CHUNKS = OK + CHUNKED.encode() + b"\r\n\r\n"

# --- Time -------------------------------------------------------------------------------------------------------------
kind("late, within the deadline", after(0.1), ANSWERED, weight=RARELY)
kind("later than the deadline", after(QUICK + 0.3), LOST, **SLOW)
kind("never an answer", after(60), LOST, **SLOW)
kind("head byte by byte", drip(lambda x: OK, b"X-Slow: x"), LOST, **SLOW)
kind("headers without end, slowly", drip(lambda x: OK, b"A: b\r\n"), LOST, **SLOW)
kind("body byte by byte", drip(lambda x: head(x, 400), b" "), LOST, **SLOW)
kind("body without length, byte by byte", drip(lambda x: OK + b"\r\n", b" "), LOST, **SLOW)
kind("chunks byte by byte", drip(lambda x: CHUNKS, b"1\r\n \r\n"), LOST, **SLOW)
kind("a flood of 100 Continue", flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20), LOST, **SLOW)
kind("whole answer in many pieces", in_pieces, ANSWERED)

# --- The connection ---------------------------------------------------------------------------------------------------
kind("connection refused", well, UNSENT, instead="closed")
kind("connection never accepted", well, UNSENT, instead="deaf", **SLOW)
kind("host name not found", well, UNSENT, instead=())
kind("host name that leads inside", well, UNSENT, instead=("10.0.0.1",))
kind("host name that leads outside and inside", well, UNSENT, instead=("127.0.0.1", "169.254.169.254"))
kind("reset before the request is read", ending(None, reset=True, read=False), LOST, UNSENT)
kind("closed before the request is read", ending(None, reset=False, read=False), LOST)
kind("reset after the request was read", ending(None, reset=True), LOST)
kind("closed after the request was read", ending(None, reset=False), LOST)
kind("closed in the status line", ending(lambda x: cut(OK, x), reset=False), LOST)
kind("closed in the head", ending(lambda x: cut(head(x), x, len(OK)), reset=False), LOST)
kind("reset in the head", ending(lambda x: cut(head(x), x), reset=True), LOST)
kind("closed in the body", ending(lambda x: head(x) + cut(x.good, x), reset=False), LOST)
kind("reset in the body", ending(lambda x: head(x) + cut(x.good, x), reset=True), LOST)
kind("closed for writing after the answer", closes_for_writing, ANSWERED)
kind("answer before the request is read", ending(lambda x: head(x, 2) + b"{}", reset=False, read=False), LOST, UNKNOWN)

# --- Length and chunks ------------------------------------------------------------------------------------------------
kind("content length too long", says(lambda x: head(x, len(x.good) + 9) + x.good), LOST)
kind("content length too short", says(lambda x: head(x, len(x.good) - 1) + x.good), LOST)
kind("content length negative", answers("200 OK", good, "Content-Length: -5", length=False), ANSWERED)
kind("content length not a number", answers("200 OK", good, "Content-Length: some", length=False), ANSWERED)
kind("content length huge", answers("200 OK", good, "Content-Length: " + "9" * 30, length=False), LOST)
kind("two content lengths", answers("200 OK", good, "Content-Length: 5, 6", length=False), LOST)
kind("no content length", answers("200 OK", length=False), ANSWERED)
kind("chunked", says(chunked), ANSWERED)
kind("chunked with extensions", says(lambda x: chunked(x, ";a=b")), ANSWERED)
kind(
    "chunked and a content length",
    says(lambda x: chunked(x).replace(b"K\r\n", b"K\r\nContent-Length: 1\r\n", 1)),
    ANSWERED,
)
kind("chunk of no size", answers("200 OK", fixed(b"zz\r\n{}\r\n0\r\n\r\n"), CHUNKED, length=False), LOST)
kind("chunk of negative size, without end", flood(CHUNKS + b"-1\r\n", b" " * 65536), LOST, **SLOW)
kind("chunk of negative size", answers("200 OK", fixed(b"-1\r\n{}\r\n", b"-5\r\n{}\r\n"), CHUNKED, length=False), LOST)
kind("chunk of huge size", answers("200 OK", fixed(b"F" * 16 + b"\r\n{}"), CHUNKED, length=False), LOST)
kind("chunks that end in the middle", says(lambda x: cut(chunked(x)[:-5], x, 48)), LOST)
kind("chunk size without end", flood(CHUNKS, b"1" * 4096), LOST)
kind("chunks that are not chunked", answers("200 OK", good, CHUNKED, length=False), LOST)
kind("two answers", says(lambda x: (head(x) + x.good) * 2), ANSWERED)
kind("junk behind the answer", says(lambda x: head(x) + x.good + b"\x00junk"), ANSWERED)

# --- JSON -------------------------------------------------------------------------------------------------------------
SAID_LITTLE = (LOST, UNKNOWN)
kind("JSON cut off", answers("200 OK", lambda x: cut(x.good, x)), LOST)
kind("JSON twice", answers("200 OK", lambda x: x.good * 2), LOST)
kind("JSON nested too deeply", answers("200 OK", fixed(b"[" * 100_000, b'{"data":' * 50_000)), LOST, weight=SELDOM)
kind("NaN and infinity", answers("200 OK", everywhere("NaN")), *SAID_LITTLE)
kind("a number beyond floats", answers("200 OK", everywhere("1e999")), *SAID_LITTLE)
kind("a number of 400 digits", answers("200 OK", everywhere("9" * 400)), *SAID_LITTLE)
kind("a number of 5000 digits", answers("200 OK", everywhere("9" * 5000)), LOST)
kind("values of other types", answers("200 OK", mistyped), ANSWERED, AS_SAID, REJECTED, *SAID_LITTLE)
kind("arrays where objects belong", answers("200 OK", everywhere("[[[]]]")), *SAID_LITTLE)
kind("objects where arrays belong", answers("200 OK", everywhere('{"0": {}}')), *SAID_LITTLE)
kind("NUL and half letters in texts", answers("200 OK", everywhere(r'"\u0000\ud800\u202e"')), *SAID_LITTLE)
kind("an empty object", answers("200 OK", fixed(b"{}")), *SAID_LITTLE)
kind("null", answers("200 OK", fixed(b"null")), LOST)
kind("JSON that is no object", answers("200 OK", fixed(b"[]", b'"yes"', b"7", b"true")), LOST)
kind("a gateway's JSON with 200", answers("200 OK", gateway_json), REJECTED, FAILED, *SAID_LITTLE)
kind("UTF-16", answers("200 OK", lambda x: x.good.decode().encode("utf-16")), ANSWERED)
kind("another charset's name", answers("200 OK", good, "Content-Type: application/json; charset=ebcdic"), ANSWERED)
kind("bytes of no charset", answers("200 OK", lambda x: x.good[:1] + b"\xff\xfe" + x.good[1:]), LOST)
kind("byte order mark", answers("200 OK", lambda x: b"\xef\xbb\xbf" + x.good), ANSWERED)
kind("NUL bytes behind the JSON", answers("200 OK", lambda x: x.good + b"\x00\x00"), LOST)
kind("NUL bytes within the JSON", answers("200 OK", lambda x: x.good[:1] + b"\x00" + x.good[1:]), LOST)

# --- Whose answer it is -----------------------------------------------------------------------------------------------
kind("somebody else's answer", well, *SAID_LITTLE, variant=True)
kind("numbers in another order", well, ANSWERED, variant=True)
kind("strangers among the numbers", well, ANSWERED, variant=True)
kind("numbers named twice, contradicting", well, UNKNOWN, variant=True)
kind("numbers left out", well, UNKNOWN, variant=True)
kind("another provider's answer", well, AS_SAID, REJECTED, *SAID_LITTLE, variant=True)

# --- Encodings and size -----------------------------------------------------------------------------------------------
kind("gzip", packed(zipped, "gzip"), ANSWERED)
kind("gzip twice", packed(lambda text: zipped(zipped(text)), "gzip, gzip"), ANSWERED)
kind("gzip nine times", packed(lambda text: functools.reduce(zip_again, range(9), text), "gzip, " * 8 + "gzip"), LOST)
kind("deflate", packed(zlib.compress, "deflate"), ANSWERED)
kind("deflate without its header", packed(raw_deflate, "deflate"), ANSWERED)
kind("gzip that is none", packed(lambda text: text, "gzip"), LOST)
kind("gzip cut off", answers("200 OK", lambda x: zipped(x.good)[:-12], GZIP), LOST)
kind("gzip with a wrong checksum", answers("200 OK", lambda x: zipped(x.good)[:-8] + b"\x00" * 8, GZIP), LOST)
kind("gzip bomb", answers("200 OK", lambda x: bomb(1), GZIP), LOST, weight=SELDOM)
kind("gzip bomb in a gzip bomb", answers("200 OK", lambda x: bomb(2), GZIP + ", gzip"), LOST, weight=SELDOM)
kind("gzip bomb with 500", answers("500 X", lambda x: bomb(1), GZIP), LOST, weight=SELDOM)
kind("unknown encoding, plain JSON", answers("200 OK", good, "Content-Encoding: x-own"), ANSWERED)
kind("unknown encoding, bytes", answers("200 OK", fixed(b"\x8b\x00\x80{}", b"\x28\xb5"), "Content-Encoding: br"), LOST)
kind("body over the cap", flood(OK + b"Content-Length: 99999999\r\n\r\n", b" " * 65536), LOST, weight=SELDOM)
kind("body without length or end", flood(OK + b"\r\n", b" " * 65536), LOST, weight=SELDOM)
kind("chunks without end", flood(CHUNKS, b"8000\r\n" + b" " * 32768 + b"\r\n"), LOST, weight=SELDOM)
kind("redirect over the cap", flood(b"HTTP/1.1 302 X\r\nLocation: /\r\n\r\n", b" " * 65536), LOST, weight=SELDOM)

# --- Heads ------------------------------------------------------------------------------------------------------------
kind("headers without end", flood(OK, b"A: b\r\n" * 100), LOST)
kind("a header without end", flood(OK + b"A: ", b"b" * 4096), LOST)
kind("trailers without end", flood(CHUNKS + b"2\r\n{}\r\n0\r\n", b"A: b\r\n" * 100), LOST, **SLOW)
kind("a line that is no header", says(lambda x: OK + b"no header\r\nContent-Length: 2\r\n\r\n{}"), *SAID_LITTLE)
kind("header folded and beyond ASCII", answers("200 OK", good, "X-A: \xe9\r\n b", "Set-Cookie: a=b"), ANSWERED)
kind("HTTP/0.9", says(lambda x: x.good), LOST)
kind("HTTP/1.0", says(lambda x: head(x).replace(b"/1.1", b"/1.0") + x.good), ANSWERED)
kind("HTTP/9.9", says(lambda x: head(x).replace(b"/1.1", b"/9.9") + x.good), LOST)
kind("HTTP/2", says(lambda x: b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18), LOST)
kind(
    "not HTTP",
    says(lambda x: x.random.choice([b"SSH-2.0-x\r\n", b"220 smtp\r\n", b"ICY 200 OK\r\n\r\n", b"\r\n" * 9])),
    LOST,
)
kind(
    "status line without a status",
    says(lambda x: b"HTTP/1.1 " + x.random.choice([b"", b"x", b"-1 X", b"99999 X"]) + b"\r\n\r\n"),
    LOST,
)
kind("100 Continue, then the answer", says(lambda x: b"HTTP/1.1 100 Continue\r\n\r\n" + head(x) + x.good), ANSWERED)
kind(
    "103 Early Hints, then the answer", says(lambda x: b"HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n" + head(x) + x.good), LOST
)
kind("102 Processing, then nothing", says(lambda x: b"HTTP/1.1 102 X\r\n\r\n"), LOST)
kind("101 Switching Protocols", says(lambda x: b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n\x00\x00"), LOST)

# --- Statuses ---------------------------------------------------------------------------------------------------------
kind("HTML with 200", answers("200 OK", fixed(PAGE), "Content-Type: text/html"), LOST)
kind("nothing with 200", answers("200 OK", fixed(b"")), LOST)
kind("204", says(lambda x: b"HTTP/1.1 204 X\r\n\r\n"), LOST)
kind("206 with half of it", answers("206 X", lambda x: cut(x.good, x), "Content-Range: bytes 0-1/99"), LOST)
for status in (500, 502, 503, 504):
    kind(f"{status} with HTML", answers(f"{status} X", fixed(PAGE)), FAILED, acts=(LOST,))
    kind(f"{status} with a gateway's JSON", answers(f"{status} X", gateway_json), FAILED, acts=(LOST,))
    kind(f"{status} with nothing", answers(f"{status} X", fixed(b"")), FAILED, acts=(LOST,))
kind("503 with Retry-After", answers("503 X", any_body, "Retry-After: 120"), FAILED, acts=(LOST,))
kind("503 with the right answer", answers("503 X", good), FAILED, acts=(LOST,))
kind("a status beyond 599", answers("999 X", any_body), FAILED, acts=(LOST,))
kind("408", answers("408 X", any_body), FAILED, acts=(LOST,))
for status in (401, 402, 403, 404, 405, 501):
    kind(str(status), answers(f"{status} X", any_body, "WWW-Authenticate: Basic realm=x"), REFUSED)
kind("407", answers("407 X", any_body, "Proxy-Authenticate: Basic realm=x"), REJECTED)
for status in (400, 409, 410, 413, 414, 415, 418, 421, 422, 425, 431, 451):
    kind(str(status), answers(f"{status} X", any_body), REJECTED)
for value in ("7", "Sun, 03 May 2026 10:02:00 GMT", "soon", "-5", "9" * 40, "", "Fri, 31 Dec 9999 23:59:59 GMT"):
    kind(f"429, Retry-After: {value[:16]}", answers("429 X", any_body, f"Retry-After: {value}"), THROTTLED)
kind("429 without Retry-After", answers("429 X", any_body), THROTTLED)
for status in (301, 302, 303, 307, 308):
    kind(f"{status} to itself", answers(f"{status} X", any_body, "Location: /again"), REFUSED)
    kind(f"{status} elsewhere", elsewhere(status), REFUSED)
kind("300 and 304", says(lambda x: x.random.choice([b"HTTP/1.1 300 X\r\n\r\n", b"HTTP/1.1 304 X\r\n\r\n"])), REFUSED)

# --- Answers that say back what was asked -----------------------------------------------------------------------------
kind("400 that says back what was asked", answers("400 X", echo), REJECTED)
kind("401 that says back what was asked", answers("401 X", echo), REFUSED)
kind("500 page that says back what was asked", answers("500 X", echo_page), FAILED, acts=(LOST,))
kind("500 JSON that says back what was asked", answers("500 X", echo), FAILED, acts=(LOST, FAILED))
kind("200 that says back what was asked", answers("200 OK", echo), REJECTED, *SAID_LITTLE)
kind(
    "a reason that says back what was asked",
    says(lambda x: b"HTTP/1.1 400 " + x.asked.split(b"\r\n")[0] + b"\r\n\r\n"),
    REJECTED,
)

# --- TLS --------------------------------------------------------------------------------------------------------------
TLS: dict[str, Any] = {"weight": SELDOM, "secured": "trusted"}
RAW: dict[str, Any] = {"weight": SELDOM, "secured": "by script"}
kind("TLS", well, ANSWERED, **TLS)
for name in ("self-signed", "wrong host", "expired", "not yet valid", "unknown authority"):
    kind(f"certificate: {name}", well, UNSENT, weight=SELDOM, secured=name)
kind("TLS 1.2 that wants the caller's certificate", well, UNSENT, weight=SELDOM, secured="asks 1.2")
# Under TLS 1.3 the caller has already sent when it hears of that.
kind("TLS 1.3 that wants the caller's certificate", well, LOST, weight=SELDOM, secured="asks 1.3")
kind("plain HTTP on the TLS port", handshake(b"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n"), UNSENT, **RAW)
kind("TLS alert in the handshake", handshake(alert(40)), UNSENT, **RAW)
kind("TLS alert: no such version", handshake(alert(70)), UNSENT, **RAW)
kind("TLS alert: no such name", handshake(alert(112)), UNSENT, **RAW)
kind("junk in place of a handshake", handshake(b"\x16\x03\x03\x00\x05junk!"), UNSENT, **RAW)
kind("closed in the handshake", handshake(), UNSENT, **RAW)
kind("reset in the handshake", handshake(reset=True), UNSENT, **RAW)
kind("handshake that never answers", handshake(wait=True), UNSENT, **(RAW | SLOW))
kind(
    "handshake byte by byte",
    handshake(*[b"\x16", b"\x03", b"\x03", b"\x40", b"\x00"] * 9, pause=0.05),
    UNSENT,
    **(RAW | SLOW),
)
kind("TLS broken within the answer", spoilt_record, LOST, **TLS)
kind("TLS closed without goodbye", without_goodbye(lambda x: head(x) + x.good), ANSWERED, **TLS)
kind("TLS closed without goodbye, no length", without_goodbye(lambda x: OK + b"\r\n" + cut(x.good, x)), LOST, **TLS)
kind("TLS closed in the body", without_goodbye(lambda x: head(x) + cut(x.good, x)), LOST, **TLS)
kind("TLS on the plain port", handshake(alert(10)), LOST)
