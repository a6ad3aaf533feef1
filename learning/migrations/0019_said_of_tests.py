"""What models of drawings said of their test cases, in numbers: drift of later answers is told against it.

And which trackers have heard of cross-validations and pre-trainings.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0018_kept_attempts"),
    ]

    operations = [
        migrations.AddField(
            model_name="testresult",
            name="said",
            field=ArrayField(models.FloatField(), default=list, size=None),
        ),
        *(
            migrations.AddField(
                model_name=name, name="tracked", field=models.JSONField(default=dict)
            )
            for name in ("crossvalidation", "encoderversion")
        ),
    ]
