from django.apps import AppConfig


class StatementReportConfig(AppConfig):
    name = "processes.definitions.statement_report"
    label = "statement_report"
    default_auto_field = "django.db.models.BigAutoField"
