from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('processes', '0001_initial'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='workerheartbeat',
            options={'ordering': ['host', 'started_at'], 'verbose_name': 'worker cluster', 'verbose_name_plural': 'workers'},
        ),
        migrations.RemoveConstraint(
            model_name='operatoraction',
            name='action_has_exactly_one_subject',
        ),
        migrations.RemoveConstraint(
            model_name='operatoraction',
            name='action_and_channel_known',
        ),
        migrations.AddField(
            model_name='operatoraction',
            name='subject_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=50),
        ),
        migrations.AddField(
            model_name='operatoraction',
            name='subject_kind',
            field=models.CharField(blank=True, choices=[('bulk_operation', 'Bulk operation'), ('notification', 'Notification'), ('notification_rule', 'Notification rule')], db_default='', default='', max_length=20),
        ),
        migrations.AlterField(
            model_name='operatoraction',
            name='action',
            field=models.CharField(choices=[('retry', 'Retry'), ('complete', 'Complete'), ('cancel', 'Cancel'), ('edit', 'Edit and retry'), ('compensate', 'Compensate'), ('handle_again', 'Handle again'), ('give_up', 'Give up'), ('claim', 'Claim'), ('release', 'Release'), ('note', 'Add a note'), ('confirm', 'Confirm'), ('pause', 'Pause'), ('resume', 'Resume'), ('stop', 'Stop'), ('retry_failures', 'Retry failures'), ('add', 'Add'), ('change', 'Change'), ('delete', 'Delete')], max_length=20),
        ),
        migrations.AlterField(
            model_name='operatoraction',
            name='domain',
            field=models.CharField(help_text='That of its subject; empty where it has several.', max_length=200),
        ),
        migrations.AddIndex(
            model_name='operatoraction',
            index=models.Index(models.F('subject_kind'), models.F('subject_id'), models.F('id'), condition=models.Q(('subject_kind', ''), _negated=True), name='action_on_subject'),
        ),
        migrations.AddConstraint(
            model_name='operatoraction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('command__isnull', False), ('process', None), ('reply', None), ('subject_id', ''), ('subject_kind', '')), models.Q(('command', None), ('process__isnull', False), ('reply', None), ('subject_id', ''), ('subject_kind', '')), models.Q(('command', None), ('process', None), ('reply__isnull', False), ('subject_id', ''), ('subject_kind', '')), models.Q(('command', None), ('process', None), ('reply', None), models.Q(('subject_kind', ''), _negated=True), models.Q(('subject_id', ''), _negated=True)), _connector='OR'), name='action_has_exactly_one_subject'),
        ),
        migrations.AddConstraint(
            model_name='operatoraction',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['retry', 'complete', 'cancel', 'edit', 'compensate', 'handle_again', 'give_up', 'claim', 'release', 'note', 'confirm', 'pause', 'resume', 'stop', 'retry_failures', 'add', 'change', 'delete']), ('channel__in', ['admin', 'api', 'cli', 'python']), ('subject_kind__in', ['', 'bulk_operation', 'notification', 'notification_rule'])), name='action_and_channel_known'),
        ),
    ]
