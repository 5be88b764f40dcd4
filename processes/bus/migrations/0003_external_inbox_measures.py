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
        migrations.CreateModel(
            name='Measure',
            fields=[
                ('pk', models.CompositePrimaryKey('domain', 'command_type', 'measure', blank=True, editable=False, primary_key=True, serialize=False)),
                ('domain', models.CharField(blank=True, max_length=200)),
                ('command_type', models.CharField(blank=True, max_length=200)),
                ('measure', models.CharField(max_length=40)),
                ('count', models.BigIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
