-- How often a conversation changed, so that who changes it knows what was seen; and which run wrote a turn.
ALTER TABLE conversations ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE turns ADD COLUMN run BLOB;
