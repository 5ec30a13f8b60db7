"""How webhooks are delivered, at /_sandbox/phone/webhooks: late, twice, out of order, held back and let go."""

from datetime import UTC, datetime
from html import escape

from sandbox.deliveries import Delivery
from sandbox.exchange import Reply, Request
from sandbox.pages import page, row, see_other, table
from sandbox.webhooks import Webhooks

PAGE = "/_sandbox/phone/webhooks"
LATEST = 50
LONGEST_LATE = 3600.0
MOST_TIMES = 10
MOST_IN_A_BATCH = 1000
ORDERS = ("sent", "reversed", "shuffled")


class WebhookPages:
    """Answers at the page's address; forms only, without a script."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def answer(self, request: Request) -> Reply:
        """Show the deliveries, or change how they are made."""
        if request.method == "GET":
            return self._page()
        if request.method != "POST":
            return Reply.json(404, {"error": "The phone has no such page."})
        try:
            self._change({name: str(value) for name, value in (request.fields or {}).items()})
        except ValueError as error:
            return self._page(refusal=str(error))
        return see_other(PAGE)

    def _change(self, given: dict[str, str]) -> None:
        webhooks = self._webhooks
        match given.get("do"):
            case "conditions":
                late = _number(given.get("late", "0"), most=LONGEST_LATE)
                times = _number(given.get("times", "1"), most=MOST_TIMES)
                batch = _number(given.get("batch", "1"), most=MOST_IN_A_BATCH)
                webhooks.late, webhooks.times, webhooks.batch = late, max(int(times), 1), max(int(batch), 1)
                webhooks.shuffled = given.get("shuffled") == "on"
            case "hold":
                webhooks.hold()
            case "release":
                order = given.get("order", "sent")
                batch = _number(given.get("batch", "1"), most=MOST_IN_A_BATCH)
                times = _number(given.get("times", "1"), most=MOST_TIMES)
                if order not in ORDERS:
                    raise ValueError("Choose one of the orders.")
                webhooks.release(order, batch=max(int(batch), 1), times=max(int(times), 1))
            case "redeliver":
                webhooks.redeliver()
            case _:
                raise ValueError("The page has no such action.")

    def _page(self, *, refusal: str = "") -> Reply:
        webhooks = self._webhooks
        warning = f'<p role="alert"><strong>{escape(refusal)}</strong></p>' if refusal else ""
        where = "/".join(webhooks.url.split("/")[:3]) if webhooks.url else "nowhere: no webhook URL is set"
        rows = "".join(_row(one) for one in reversed(webhooks.deliveries[-LATEST:]))
        body = (
            f'<h1>Webhooks</h1><p><a href="/_sandbox/phone/people">People</a> · <a href="/_sandbox/phone/">The phone'
            f'</a> · <a href="/_sandbox/">The sandbox</a></p>{warning}<p>Signed webhooks go to {escape(where)}. '
            f"{webhooks.dropped} events were dropped because no URL was set or the app was not subscribed to the WABA. "
            "What is not answered with 200 is delivered again.</p>"
            f"{self._conditions()}{self._hold()}"
            f'<form method="post"><input type="hidden" name="do" value="redeliver">'
            "<button>Deliver everything once more</button></form>"
            f"<h2>Latest deliveries</h2>{table(('No.', 'At (UTC)', 'Events', 'Attempts', 'Answered'), rows)}"
        )
        return page("Webhooks · Provider sandbox", body, status=400 if refusal else 200)

    def _conditions(self) -> str:
        webhooks = self._webhooks
        checked = " checked" if webhooks.shuffled else ""
        return (
            '<h2>How they come</h2><form method="post"><input type="hidden" name="do" value="conditions">'
            f'<label>Seconds late<br><input name="late" inputmode="decimal" size="6" value="{webhooks.late:g}"></label>'
            f'<label>Times each<br><input name="times" inputmode="numeric" size="4" value="{webhooks.times}"></label>'
            f'<label>Events in a body<br><input name="batch" inputmode="numeric" size="4" value="{webhooks.batch}">'
            f'</label><label><input type="checkbox" name="shuffled"{checked}> Out of order</label>'
            "<button>Set</button></form>"
        )

    def _hold(self) -> str:
        held = self._webhooks.held
        if held is None:
            return (
                '<form method="post"><input type="hidden" name="do" value="hold">'
                "<button>Hold events back</button></form>"
            )
        orders = "".join(f"<option>{order}</option>" for order in ORDERS)
        return (
            f"<p><strong>{held} events are held back.</strong></p>"
            '<form method="post"><input type="hidden" name="do" value="release">'
            f'<label>Order<br><select name="order">{orders}</select></label>'
            '<label>Events in a body<br><input name="batch" inputmode="numeric" size="4" value="1"></label>'
            '<label>Times each<br><input name="times" inputmode="numeric" size="4" value="1"></label>'
            "<button>Let them go</button></form>"
        )


def _number(text: str, *, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise ValueError(f"Write a number from 0 to {most:g}.")
    return number


def _row(delivery: Delivery) -> str:
    at = datetime.fromtimestamp(delivery.at, UTC).strftime("%H:%M:%S.%f")[:-3]
    answered = "not yet" if delivery.status is None else str(delivery.status)
    kinds = ", ".join(delivery.kinds[:5]) + (f" and {len(delivery.kinds) - 5} more" if len(delivery.kinds) > 5 else "")
    return row(str(delivery.number), at, kinds, str(delivery.attempts), answered)
