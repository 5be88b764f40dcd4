from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('bus', '0002_command_lists'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='command',
            options={'permissions': [('send_command', 'Can send a command'), ('execute_command', 'Can execute commands from outside')]},
        ),
    ]
