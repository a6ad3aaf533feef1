"""The audit trail can only grow: a trigger refuses UPDATE and DELETE."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION firstread_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are immutable', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON core_auditevent
    FOR EACH ROW EXECUTE FUNCTION firstread_refuse_change();
"""
BACKWARD = """
DROP TRIGGER audit_append_only ON core_auditevent;
DROP FUNCTION firstread_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
