"""The ledger's schema, step by step; `PRAGMA user_version` counts the steps that a file has behind it.

Money is whole micro-dollars, times are microseconds since 1970. An attempt counts on the UTC day on which it
began, so a reservation and what becomes of it are on the same day. `days` is kept by triggers: a budget is
checked by reading at most 31 rows, however many attempts there were.
"""

from __future__ import annotations

STEPS = (
    """
    CREATE TABLE attempts (
        attempt_id TEXT PRIMARY KEY,
        task_id TEXT NOT NULL,
        started_at INTEGER NOT NULL CHECK (typeof(started_at) = 'integer'),
        ended_at INTEGER,
        day TEXT NOT NULL,
        client TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        operation TEXT NOT NULL CHECK (operation IN ('generate', 'edit')),
        n INTEGER NOT NULL,
        request_id TEXT,
        estimate_micro_usd INTEGER,
        cost_micro_usd INTEGER,
        charged_micro_usd INTEGER NOT NULL CHECK (typeof(charged_micro_usd) = 'integer'),
        basis TEXT NOT NULL CHECK (basis IN ('usage', 'table', 'free', 'unknown')),
        outcome TEXT NOT NULL
            CHECK (outcome IN ('running', 'saved', 'failed', 'refused', 'interrupted', 'unknown')),
        may_be_billed INTEGER NOT NULL,
        error_code TEXT,
        image_ids TEXT NOT NULL CHECK (json_valid(image_ids)),
        owner TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX attempts_by_time ON attempts (started_at);
    CREATE INDEX attempts_by_task ON attempts (task_id);
    CREATE INDEX attempts_by_model ON attempts (provider, model, outcome, started_at);
    CREATE INDEX attempts_running ON attempts (owner) WHERE outcome = 'running';

    CREATE TABLE days (
        day TEXT PRIMARY KEY,
        spent_micro_usd INTEGER NOT NULL,
        reserved_micro_usd INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TRIGGER attempt_added AFTER INSERT ON attempts BEGIN
        INSERT INTO days VALUES (
            new.day,
            new.charged_micro_usd * (new.outcome <> 'running'),
            new.charged_micro_usd * (new.outcome = 'running')
        )
        ON CONFLICT DO UPDATE SET
            spent_micro_usd = spent_micro_usd + excluded.spent_micro_usd,
            reserved_micro_usd = reserved_micro_usd + excluded.reserved_micro_usd;
    END;
    CREATE TRIGGER attempt_changed AFTER UPDATE ON attempts BEGIN
        UPDATE days SET
            spent_micro_usd = spent_micro_usd
                - old.charged_micro_usd * (old.outcome <> 'running')
                + new.charged_micro_usd * (new.outcome <> 'running'),
            reserved_micro_usd = reserved_micro_usd
                - old.charged_micro_usd * (old.outcome = 'running')
                + new.charged_micro_usd * (new.outcome = 'running')
        WHERE day = new.day;
    END;
    CREATE TRIGGER attempt_removed AFTER DELETE ON attempts BEGIN
        UPDATE days SET
            spent_micro_usd = spent_micro_usd - old.charged_micro_usd * (old.outcome <> 'running'),
            reserved_micro_usd = reserved_micro_usd - old.charged_micro_usd * (old.outcome = 'running')
        WHERE day = old.day;
    END;

    CREATE TABLE tasks (
        task_id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
        request TEXT NOT NULL CHECK (json_valid(request)),
        image_ids TEXT NOT NULL CHECK (json_valid(image_ids)),
        error TEXT CHECK (error IS NULL OR json_valid(error)),
        progress TEXT CHECK (progress IS NULL OR json_valid(progress)),
        created_at INTEGER NOT NULL CHECK (typeof(created_at) = 'integer'),
        updated_at INTEGER NOT NULL CHECK (typeof(updated_at) = 'integer'),
        owner TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX tasks_by_time ON tasks (created_at);
    CREATE INDEX tasks_running ON tasks (owner) WHERE state = 'running';
    """,
)
TABLES = ("attempts", "tasks")
