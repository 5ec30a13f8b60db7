"""What arrived: the raw bytes of every authenticated webhook, so that it can be processed again."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.encryption import EncryptedBinaryField


class WebhookRequest(models.Model):
    """One authenticated request, kept whole (encrypted) until retention removes its body."""

    kind = models.CharField(_("provider"), max_length=20)
    account_id = models.BigIntegerField(_("account"), null=True)
    body = EncryptedBinaryField(null=True, editable=False)
    digest = models.CharField(_("SHA-256"), max_length=64)
    received_at = models.DateTimeField(_("received at"))
    deliveries = models.PositiveIntegerField(_("deliveries"), default=1)
    processed_at = models.DateTimeField(_("processed at"), null=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("webhook request")
        verbose_name_plural = _("webhook requests")
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="webhooks_webhookrequest_once")]
        indexes = [
            models.Index(fields=["id"], name="webhooks_request_open", condition=models.Q(processed_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.received_at:%Y-%m-%d %H:%M}"
