from django.db import migrations, models

# Readers who hold a case while this runs go on seeing why it came.
TELL = """
UPDATE labeling_assignment a SET reason = c.priority_reason, reason_words = c.priority_words
FROM labeling_case c
WHERE c.id = a.case_id AND a.state = 'active' AND a.selection IN ('ranked', 'given');
UPDATE labeling_assignment SET reason = 'Random audit: keeps our accuracy honest',
    reason_words = '{"code": "audit"}'
WHERE state = 'active' AND selection = 'control';
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0010_priority_words")]

    operations = [
        migrations.AddField(
            model_name="assignment", name="propensity", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="assignment",
            name="reason",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="assignment",
            name="reason_words",
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.RunSQL(TELL, migrations.RunSQL.noop),
    ]
