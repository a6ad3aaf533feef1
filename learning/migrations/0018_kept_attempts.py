from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0017_scorings"),
    ]

    operations = [
        migrations.AddField(
            model_name=name,
            name="kept_attempt",
            field=models.PositiveSmallIntegerField(default=0),
        )
        for name in ("crossvalidation", "encoderversion", "round")
    ]
