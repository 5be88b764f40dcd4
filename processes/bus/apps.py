from django.apps import AppConfig


class BusConfig(AppConfig):
    name = "processes.bus"
    label = "bus"
    verbose_name = "Command bus"
    default_auto_field = "django.db.models.BigAutoField"
