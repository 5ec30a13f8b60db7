"""The one thing that the project itself keeps: which workers are alive."""

from django.db import models


class WorkerHeartbeat(models.Model):
    """A worker's last sign of life, written by its watchdog while its cluster answers; gone when it stops in order."""

    #: Host name and process id of the watchdog.
    name = models.CharField(max_length=100, unique=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    busy = models.PositiveSmallIntegerField(default=0)
    #: How often the watchdog replaced the cluster.
    replaced = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
