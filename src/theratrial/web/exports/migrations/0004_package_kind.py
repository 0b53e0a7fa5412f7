from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0003_studydocument")]

    operations = [
        migrations.AddField(
            model_name="package",
            name="kind",
            field=models.CharField(default="copy", max_length=8),
        ),
    ]
