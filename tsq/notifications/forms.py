"""What a rule may be.  Its secret is written here and never shown again."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.html import format_html

from tsq.models import NotificationRule
from tsq.notifications.addresses import UnusableAddress, webhook_address
from tsq.notifications.signing import key_of, new_secret

if TYPE_CHECKING:
    RuleModelForm = forms.ModelForm[NotificationRule]
else:
    RuleModelForm = forms.ModelForm

MOST_ADDRESSES = 20
MOST_MINUTES = 24 * 60


class UnshownInput(forms.TextInput):
    """Takes a value and never gives one back, not even one refused."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class RuleForm(RuleModelForm):
    allowed_domains: ClassVar[frozenset[str] | None] = None
    """Those the person at it is limited to; None for no limit."""

    every_minutes = forms.IntegerField(
        label="Every minutes",
        min_value=1,
        max_value=MOST_MINUTES,
        initial=5,
        help_text="At most one message per error group in so many minutes.",
    )
    webhook_url = forms.CharField(
        label="Webhook address",
        max_length=2000,
        required=False,
        help_text="https://…; receives a signed POST (Standard Webhooks).",
        widget=forms.TextInput(attrs={"class": "vURLField"}),
    )
    new_secret = forms.CharField(
        label="Webhook secret",
        max_length=200,
        required=False,
        widget=UnshownInput(
            attrs={"class": "vURLField", "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    class Meta:
        model = NotificationRule
        fields = ("domain", "emails", "webhook_url", "new_secret", "every_minutes", "enabled")
        labels = {"emails": "E-mail addresses"}
        widgets = {"emails": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.allowed_domains is not None and "domain" in self.fields:
            allowed = ", ".join(sorted(self.allowed_domains))
            self.fields["domain"].help_text = f"You may choose from: {allowed}."
        if "new_secret" in self.fields:
            self.fields["new_secret"].help_text = format_html(
                "{} It is not shown again. A fresh one, made for this page only, to copy here and"
                " to the receiver: <code>{}</code>",
                "Leave empty to keep the present one."
                if self.instance.webhook_secret
                else "Needed for a webhook.",
                new_secret(),
            )

    def clean_domain(self) -> str:
        domain: str = self.cleaned_data["domain"]
        if self.allowed_domains is not None and domain not in self.allowed_domains:
            raise ValidationError("You are limited to other domains.")
        return domain

    def clean_emails(self) -> str:
        addresses = list(dict.fromkeys(self.cleaned_data["emails"].split()))
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(f"{address} is not an e-mail address.") from None
        if len(addresses) > MOST_ADDRESSES:
            raise ValidationError(f"Write at most {MOST_ADDRESSES} addresses.")
        return "\n".join(addresses)

    def clean_webhook_url(self) -> str:
        url: str = self.cleaned_data["webhook_url"]
        if url:
            try:
                webhook_address(url)
            except UnusableAddress as error:
                raise ValidationError(str(error)) from None
        return url

    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        if secret:
            try:
                key_of(secret)
            except ValueError as error:
                raise ValidationError(str(error)) from None
        return secret

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if not (cleaned["emails"] or cleaned["webhook_url"]):
            raise ValidationError("Write an e-mail address or the address of a webhook.")
        self.instance.webhook_secret = cleaned["new_secret"] or self.instance.webhook_secret
        if cleaned["webhook_url"] and not self.instance.webhook_secret:
            self.add_error("new_secret", "A webhook is signed; write its secret.")
        return cleaned
