"""The look that the sandbox's own pages share: one small sheet of style, no script, readable on a telephone."""

from html import escape

from sandbox.exchange import Reply

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:1.5rem auto;padding:0 1rem;max-width:70rem}"
    "table{border-collapse:collapse}.wide{overflow-x:auto}"
    "th,td{text-align:left;padding:.2rem .8rem;border-bottom:1px solid #ccc;vertical-align:top}"
    "button,input,select{font:inherit;padding:.3rem .7rem;max-width:100%;box-sizing:border-box}"
    "form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;margin:.4rem 0}label{display:block}"
    "ol.messages{list-style:none;padding:0}ol.messages li{display:flow-root;margin:1.2rem 0}"
    ".bubble{border:1px solid #9db3c8;border-radius:1rem 1rem 1rem .2rem;background:#eef4fa;color:#123;"
    "padding:.7rem 1rem;max-width:32rem}.call{border-color:#8fbf9a;border-radius:1rem;background:#ecf7ee}"
    ".code{font:600 1.6rem/1.3 monospace;letter-spacing:.06em;display:block}"
    ".mine{background:#e9f7e4;border-color:#a9cf9b;margin-left:auto;border-radius:1rem 1rem .2rem 1rem}"
    "div.bubble{overflow-wrap:anywhere;white-space:pre-wrap}code{overflow-wrap:anywhere}.mine{width:fit-content}"
    ".old .code{text-decoration:line-through}.note{color:#555;margin:.2rem 0}"
    "@media(prefers-color-scheme:dark){body{background:#16191d;color:#e6e6e6}a{color:#8ec5ff}.note{color:#aaa}}"
)
#: Forms go nowhere but here; nothing is loaded.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"


def page(title: str, body: str, *, status: int = 200, refresh: int | None = None) -> Reply:
    """Make a page of HTML that is escaped already; `refresh` has the browser ask again after so many seconds."""
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark">{again}<title>{escape(title)}</title>'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body><main>{body}</main></body></html>'
    )
    headers = (("Content-Security-Policy", _POLICY), ("Cache-Control", "no-store"))
    return Reply(status, html.encode("utf-8", "replace"), "text/html; charset=utf-8", headers=headers)


def table(headings: tuple[str, ...], rows: str) -> str:
    """Make a table that scrolls by itself where the screen is narrow; `rows` are made by `row`."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return f'<div class="wide" tabindex="0"><table><tr>{head}</tr>{rows}</table></div>'


def row(*cells: str) -> str:
    """Make one row, and escape its cells."""
    return row_of_html(*(escape(cell) for cell in cells))


def row_of_html(*cells: str) -> str:
    """Make one row of cells that are escaped already."""
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def see_other(address: str) -> Reply:
    """Lead the browser on after a form."""
    return Reply(303, b"", "text/html", headers=(("Location", address),))
