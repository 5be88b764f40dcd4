from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('processes', '0004_nightly_prune'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='process',
            options={'permissions': [('compensate_process', 'Can run the compensation of a failed process'), ('start_process', 'Can start processes'), ('view_metrics', 'Can read the metrics')], 'verbose_name_plural': 'processes'},
        ),
    ]
