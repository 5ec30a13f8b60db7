"""Where no call may go, in every notation; a call with a credential, and a name server that answers as it is told."""

import contextlib
import socket
from typing import Any

import pytest

from providers import http
from providers.interfaces import CallContext

REAL = socket.getaddrinfo
TOKEN, NUMBER = "EAAB-secret-5c1e-token", "447400123456"

#: Hosts that are this machine, its network or nobody's, in every notation that a resolver or a library may read.
INSIDE = [
    # the loopback
    "127.0.0.1.", "127.1", "127.0.1", "127.000.000.1", "localhost.", "2130706433", "2130706433:443",
    "017700000001", "0177.0.0.1", "0177.1",
    "0x7f000001", "0x7f.1", "0X7F.0x0.0x0.0x1", "0x7f.0.0.01", "127.0.0.0x1", "%31%32%37.0.0.1", "127.0.0.1%00",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]", "[::FFFF:7F00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:FF9B:0:0:0:0:7F00:0001]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[::ffff:0:127.0.0.1]",
    # digits and dots that IDNA turns into others
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1", "127\uff610\uff610\uff611",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1", "\u0661\u0662\u0667.0.0.1",
    "\uff4cocalhost", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", "xn--localhost", "loc\u00adalhost",
    # nobody's
    "0", "0.0.0.0", "0.1.2.3", "00", "0x0", "[::]", "[::0]", "[::ffff:0.0.0.0]", "255.255.255.255", "4294967295",
    "0xffffffff", "240.0.0.1", "254.1.1.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "[2001:db8::1]", "[100::1]",
    # the cloud's metadata, by all its names
    "169.254.169.254", "169.254.169.254:80", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]",
    "[fd00:ec2::254]", "[fe80::a9fe:a9fe]", "169.254.170.2", "169.254.0.1", "100.100.100.200",
    # private networks
    "10.0.0.1", "10.1", "10.255.255.255", "012.0.0.1", "167772161", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.257", "3232235521", "100.64.0.1", "100.127.255.255", "[::ffff:10.0.0.1]", "[::10.0.0.1]",
    "[64:ff9b::a00:1]", "[64:ff9b:1::a00:1]", "[2002:c0a8:1::1]", "[fc00::1]", "[fd12:3456:789a::1]", "[fec0::1]",
    # links and groups
    "[fe80::1]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "224.0.0.1", "239.255.255.255", "[ff02::1]", "[ff0e::1]",
    "[ff02::1%lo]", "[2001::1]", "[2001:10::1]", "[5f00::1]",
]  # fmt: skip
#: The loopback by its plain names, which the sandbox's local mode opens.
THIS_MACHINE = [
    "127.0.0.1", "127.0.0.1:9009", "127.0.0.1:22", "127.255.255.254", "localhost", "localhost:9009", "LOCALHOST",
    "[::1]", "[::1]:9009", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::1%lo]",
]  # fmt: skip
#: Base URLs that say one host and mean another, or that are none.
CROOKED = [
    "https://ada@127.0.0.1", "https://8.8.8.8@127.0.0.1", "https://8.8.8.8:443@127.0.0.1", "https://127.0.0.1@8.8.8.8",
    "https://public.example:pw@10.0.0.1", "https://@127.0.0.1", "https://public.example\\@127.0.0.1",
    "https://127.0.0.1\\@public.example", "https:\\\\127.0.0.1", "https:/\\127.0.0.1", "\\\\127.0.0.1\\share",
    "https://127.0.0.1#@public.example", "https://127.0.0.1?@public.example", "https://public.example#@127.0.0.1",
    "https://127.0.0.1;public.example", "https://127.0.0.1,public.example", "https://public.example,127.0.0.1",
    "https://127.0.0.1%2f@public.example", "https://127.0.0.1%23.public.example", "https://127.0.0.1%0d%0a",
    "https://127.0.0.1\r\nHost: public.example", "https://public.example\r\n@127.0.0.1", "https://127.0.0.1\t",
    "https://12\t7.0.0.1", "https://127.0.0.1 public.example", " https://127.0.0.1", "https://127.0.0.1\x00",
    "https://[::1", "https://::1", "https://[::1]]", "https://[[::1]]", "https://[127.0.0.1]", "https://[localhost]",
    "https://[v1.127.0.0.1]", "https://[::1]127.0.0.1", "https:127.0.0.1", "https:/127.0.0.1", "https:///127.0.0.1",
    "https:////127.0.0.1", "//127.0.0.1", "127.0.0.1", "localhost", "https://127.0.0.1:0", "https://127.0.0.1:65536",
    "https://127.0.0.1:-1", "https://127.0.0.1:443:80", "https://127.0.0.1:0x50", "https://127.0.0.1:\uff18\uff10",
    "HTTPS://127.0.0.1", "hTtPs://10.0.0.1", "http+unix://%2fvar%2frun%2fdocker.sock", "unix:///var/run/docker.sock",
    "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "ftp://127.0.0.1", "gopher://127.0.0.1:70/_x",
    "dict://127.0.0.1:11211", "ldap://127.0.0.1", "ws://127.0.0.1", "jar:https://127.0.0.1!/", "data:,x",
    "javascript:alert(1)", "https+insecure://127.0.0.1", "view-source:https://127.0.0.1", "about:blank", "",
]  # fmt: skip
#: What a name server may answer for an innocent name.
LED_INSIDE = [
    ["127.0.0.1"], ["127.8.8.8"], ["::1"], ["0.0.0.0"], ["::"], ["10.1.2.3"], ["172.20.0.1"], ["192.168.1.1"],
    ["100.64.0.7"], ["169.254.169.254"], ["fd00:ec2::254"], ["::ffff:192.168.0.1"], ["::ffff:7f00:1"], ["fe80::1%eth0"],
    ["fe80::1"], ["fc00::7"], ["64:ff9b::a00:1"], ["64:ff9b::a9fe:a9fe"], ["2002:a00:1::"], ["2001:0:a00:1::"],
    ["224.0.0.251"], ["ff02::fb"], ["255.255.255.255"], ["240.1.1.1"], ["198.18.0.9"], ["192.0.2.9"], ["2001:db8::9"],
    ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "::1"],
    ["8.8.8.8", "2606:4700::1111", "169.254.169.254"], ["8.8.8.8"] * 20 + ["10.0.0.1"],
]  # fmt: skip
PUBLIC = ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


def lead(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, list[str]]) -> None:
    """Answer names as these tables say, one table a question and the last one ever after; ask no real name server.

    Whatever the system itself reads as an address stays one, and the names of this machine lead to it.
    """
    asked: list[str] = []

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        with contextlib.suppress(socket.gaierror):
            return REAL(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        if host.rstrip(".").lower() == "localhost":
            found = answers[-1].get("localhost", ["127.0.0.1"])
        else:
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1].get("*", [])
        if not found:
            raise socket.gaierror(-2, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def account(base_url: str) -> http.Account:
    return http.Account(id=7, name="acme-onprem", kind="onprem", base_url=base_url)


def call(base_url: str) -> http.Answer:
    return http.call(
        account(base_url),
        method="POST",
        path=f"/v1/contacts/{NUMBER}",
        masked_path="/v1/contacts/…",
        context=CallContext(operation="check", subject="CheckBatch:1", numbers_count=1),
        deadline=5,
        headers={"X-Api-Key": TOKEN, "Authorization": f"Bearer {TOKEN}"},
        json_body={"contacts": [NUMBER]},
    )
