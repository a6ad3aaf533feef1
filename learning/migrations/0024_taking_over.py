"""Whether a task has yet to hand a promoted model's suggestions and order to the readers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0023_left_out"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="is_taking_over",
            field=models.BooleanField(default=False),
        ),
    ]
