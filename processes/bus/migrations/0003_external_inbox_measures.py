from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bus', '0002_command_lists'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='command',
            options={'permissions': [('send_command', 'Can send a command'), ('execute_command', 'Can execute commands from outside')]},
        ),
        migrations.AddIndex(
            model_name='reply',
            index=models.Index(models.F('reply_to'), models.F('id'), condition=models.Q(('handled_at', None), models.Q(('reply_to', 'processes'), _negated=True)), name='reply_inbox'),
        ),
    ]
