"""What runs by the clock, as rows of django-q2's schedule, made after each migrate.

A schedule only wakes a task up; what is due stands in our own tables (docs/decisions.md), so a late or doubled run
is harmless.
"""

from typing import Any

EVERY_MINUTE = {"schedule_type": "I", "minutes": 1}
EVERY_HOUR = {"schedule_type": "H", "minutes": None}

SCHEDULES: dict[str, dict[str, Any]] = {
    # Takes up again whatever a lost worker or a lost queue entry left behind.
    "contacts.tasks.sweep": EVERY_MINUTE,
    # Settles lost answers of codes and registrations, carries identity checks on, reads WABAs again once a day.
    "numbers.tasks.sweep": EVERY_MINUTE,
    # Reads stored webhooks whose task was lost, and removes bodies that retention no longer allows.
    "webhooks.tasks.sweep": EVERY_MINUTE,
    # Brings open identity cases back to mind once a day, and says where a resend brought no identity in time.
    "contacts.identity.tasks.sweep": EVERY_MINUTE,
    # Removes what people wrote in suggestions when its time is over.
    "contacts.identity.tasks.purge": EVERY_HOUR,
    # Removes sessions that are over and wrong passwords that no longer count.
    "waadmin.tasks.purge": EVERY_HOUR,
    # Removes uploaded files and error files whose time is over.
    "contacts.tasks.purge": EVERY_HOUR,
    # Makes exports whose task or process was lost.
    "audit.export.tasks.sweep": EVERY_MINUTE,
    # Removes exports whose time is over.
    "audit.export.tasks.purge": EVERY_HOUR,
}


def make_schedules(using: str, **kwargs: Any) -> None:
    """Make each schedule once, and keep its interval true (receiver of post_migrate of django-q2's app)."""
    from django_q.models import Schedule

    schedules = Schedule.objects.using(using)
    for function, interval in SCHEDULES.items():
        if not schedules.filter(func=function).update(**interval):
            schedules.create(name=function, func=function, repeats=-1, **interval)
