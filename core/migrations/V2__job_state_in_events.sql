-- An event of a step carries what it changes about its job, so that a set writes two rows and not three: a job is as its last event
-- says, and the row in `job` is how it was when it was created, or when something last happened to the job as a whole.

ALTER TABLE event ADD COLUMN done INTEGER;     -- as in job, after the change; NULL in events of schema 1, whose job is up to date
ALTER TABLE event ADD COLUMN undo_top INTEGER;

DROP VIEW pipeline;

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
    coalesce(
        (
            SELECT event.time
            FROM event
            WHERE event.tenant = job.tenant AND event.job = job.key AND event.revision > job.revision
            ORDER BY event.revision DESC
            LIMIT 1
        ),
        job.updated
    )
FROM job
WHERE job.tenant = 'local' AND NOT job.deleted;
