"""What an operator is asked before a fate is changed for good."""

from django import forms

from processes.bus.fitness import MAX_MESSAGE


def words_field(label: str, *, required: bool, help_text: str = "") -> forms.CharField:
    """A few lines of text, as long as the audit keeps."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=MAX_MESSAGE,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ReasonForm(forms.Form):
    reason = words_field("Reason", required=True, help_text="Kept in the audit trail.")
