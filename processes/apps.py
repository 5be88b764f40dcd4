from django.apps import AppConfig


class ProcessesConfig(AppConfig):
    name = "processes"
    label = "processes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from processes.registry import load_definitions

        load_definitions()
