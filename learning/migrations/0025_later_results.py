"""Test results that a later round has measured, so that its model is compared on the same cases."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0024_taking_over"),
    ]

    operations = [
        migrations.AddField(
            model_name="testresult",
            name="later_round",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="learning.round",
            ),
        ),
    ]
