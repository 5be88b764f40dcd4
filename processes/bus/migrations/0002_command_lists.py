from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bus', '0001_initial'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='command',
            index=models.Index(models.F('created_at'), models.F('id'), name='command_by_age'),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(models.F('domain'), models.F('command_type'), models.F('created_at'), models.F('id'), name='command_by_lane'),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(models.F('created_at'), models.F('id'), condition=models.Q(('last_error_code', ''), _negated=True), name='command_with_error'),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(models.F('completed_at'), condition=models.Q(('completed_at__isnull', False)), name='command_completed'),
        ),
    ]
