"""The index's schema, step by step; `PRAGMA user_version` counts the steps that a file has behind it.

`position` orders images by time: microseconds since 1970 times 1024, plus the upper ten bits of the id's
random part, which order the images of one instant. Being the rowid, it makes every page, period and search
a walk along one B-tree.
"""

from __future__ import annotations

STEPS = (
    """
    CREATE TABLE images (
        position INTEGER PRIMARY KEY,
        image_id TEXT NOT NULL UNIQUE,
        day TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        operation TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        cost_micro_usd INTEGER,
        sha256 BLOB NOT NULL,
        sidecar TEXT NOT NULL
    );
    CREATE INDEX images_by_model ON images (model);
    CREATE INDEX images_by_provider ON images (provider);
    CREATE INDEX images_by_operation ON images (operation);
    CREATE INDEX images_by_model_and_operation ON images (model, operation);
    CREATE INDEX images_by_provider_and_operation ON images (provider, operation);
    CREATE INDEX images_by_sha256 ON images (sha256);

    CREATE TABLE parents (
        parent TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (parent, position)
    ) WITHOUT ROWID;
    CREATE INDEX parents_by_position ON parents (position);

    CREATE VIRTUAL TABLE prompts USING fts5 (
        prompt, content = '', tokenize = 'porter unicode61 remove_diacritics 2'
    );

    CREATE TABLE sums (
        day TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        operation TEXT NOT NULL,
        images INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        cost_micro_usd INTEGER NOT NULL,
        unknown_cost INTEGER NOT NULL,
        PRIMARY KEY (day, provider, model, operation)
    ) WITHOUT ROWID;
    CREATE TRIGGER images_added AFTER INSERT ON images BEGIN
        INSERT INTO sums VALUES (
            new.day, new.provider, new.model, new.operation,
            1, new.size_bytes, ifnull(new.cost_micro_usd, 0), new.cost_micro_usd IS NULL
        )
        ON CONFLICT DO UPDATE SET
            images = images + 1,
            size_bytes = size_bytes + excluded.size_bytes,
            cost_micro_usd = cost_micro_usd + excluded.cost_micro_usd,
            unknown_cost = unknown_cost + excluded.unknown_cost;
    END;
    CREATE TRIGGER images_removed AFTER DELETE ON images BEGIN
        UPDATE sums SET
            images = images - 1,
            size_bytes = size_bytes - old.size_bytes,
            cost_micro_usd = cost_micro_usd - ifnull(old.cost_micro_usd, 0),
            unknown_cost = unknown_cost - (old.cost_micro_usd IS NULL)
        WHERE (day, provider, model, operation) = (old.day, old.provider, old.model, old.operation);
        DELETE FROM sums WHERE images = 0
            AND (day, provider, model, operation) = (old.day, old.provider, old.model, old.operation);
    END;
    """,
)

RECOUNT = """
    DELETE FROM sums;
    INSERT INTO sums
        SELECT day, provider, model, operation, count(*), sum(size_bytes),
            ifnull(sum(cost_micro_usd), 0), count(*) - count(cost_micro_usd)
        FROM images GROUP BY day, provider, model, operation;
"""

LATEST = len(STEPS)
