"""Which cases cross-validations and pre-trainings could not use, and why."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0022_seen_studies"),
    ]

    operations = [
        migrations.AddField(model_name=name, name="left_out", field=models.JSONField(default=dict))
        for name in ("crossvalidation", "encoderversion")
    ]
