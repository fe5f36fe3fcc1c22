-- Tenant first in every key. Rows of jobs and events lie in the order of their keys, so that a set touches one page of each;
-- steps lie apart from their key, so that finding one does not depend on how large the values of the others are.

CREATE TABLE job (
    tenant    TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    id        TEXT    NOT NULL, -- UUIDv7
    workflow  TEXT    NOT NULL,
    created   TEXT    NOT NULL, -- times are UTC, RFC 3339, six decimals
    updated   TEXT    NOT NULL,
    revision  INTEGER NOT NULL, -- of the last event
    finalized INTEGER NOT NULL,
    deleted   INTEGER NOT NULL,
    done      INTEGER NOT NULL, -- how many steps are done
    undo_top  INTEGER NOT NULL, -- the revision that undo takes back; 0 for none
    pruned    INTEGER NOT NULL, -- history up to this revision is gone
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE step (
    tenant    TEXT    NOT NULL,
    job       TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    position  INTEGER,          -- in the workflow's order, where that names the step
    first     INTEGER NOT NULL, -- the revision that first set it
    version   INTEGER NOT NULL, -- the revision that wrote value and recording
    revision  INTEGER NOT NULL, -- what set_if compares with
    suggested INTEGER NOT NULL, -- set aside by a revert
    source    TEXT    NOT NULL,
    updated   TEXT    NOT NULL,
    recording TEXT,             -- JSON: fingerprint, inputs, untracked
    value     TEXT,             -- JSON; NULL where the step has no value
    PRIMARY KEY (tenant, job, name)
) STRICT;

CREATE TABLE event (
    tenant             TEXT    NOT NULL,
    job                TEXT    NOT NULL,
    revision           INTEGER NOT NULL, -- of the job from this event on
    id                 TEXT    NOT NULL, -- UUIDv7
    kind               TEXT    NOT NULL,
    step               TEXT,             -- NULL for what concerns the job as a whole
    source             TEXT    NOT NULL,
    time               TEXT    NOT NULL,
    change             INTEGER NOT NULL, -- the first event of the same change
    below              INTEGER NOT NULL, -- the change below on the undo stack
    version            INTEGER NOT NULL, -- the step's version after the event; 0 for no value
    previous_version   INTEGER NOT NULL,
    previous_suggested INTEGER NOT NULL,
    previous_first     INTEGER NOT NULL,
    recording          TEXT,             -- of the version that this event wrote
    value              TEXT,             -- of the version that this event wrote
    PRIMARY KEY (tenant, job, revision)
) STRICT, WITHOUT ROWID;

-- Each job as one JSON object, for whatever reads the table of Python Pipulate.
CREATE VIEW pipeline (pkey, app_name, data, created, updated) AS
SELECT
    job.key,
    job.workflow,
    (
        SELECT json_group_object(done.name, json(done.value))
        FROM (
            SELECT step.name, step.value
            FROM step
            WHERE step.tenant = job.tenant AND step.job = job.key AND step.value IS NOT NULL AND NOT step.suggested
            ORDER BY step.position IS NULL, step.position, step.first
        ) AS done
    ),
    job.created,
    job.updated
FROM job
WHERE job.tenant = 'local' AND NOT job.deleted;
