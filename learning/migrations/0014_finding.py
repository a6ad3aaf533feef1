from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0013_heads_of_numbers")]

    operations = [
        migrations.AddField(
            model_name="target",
            name="finding",
            field=models.CharField(blank=True, default="", max_length=40),
            preserve_default=False,
        )
    ]
