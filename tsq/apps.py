from django.apps import AppConfig


class TsqConfig(AppConfig):
    name = "tsq"
    verbose_name = "Troubleshooting queue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tsq import pruning

        pruning.register()
