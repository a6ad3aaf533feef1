"""What labeling may stop at, as managers say it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0014_finding"),
    ]

    operations = [
        migrations.AddField(
            model_name="target", name="goal", field=models.FloatField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="target", name="tolerance", field=models.FloatField(blank=True, null=True)
        ),
    ]
