"""What was spent, what may be spent, and durable tasks."""

from imagegen.ledger.accounts import Accounts, OpenAttempt
from imagegen.ledger.budget import BudgetLimits, BudgetStatus
from imagegen.ledger.ledger import Ledger, open_ledger
from imagegen.ledger.records import (
    AttemptRecord,
    ImageCost,
    NewAttempt,
    Outcome,
    Task,
    TaskState,
    parse_task_id,
)
from imagegen.ledger.spend import Spend, csv_rows
from imagegen.ledger.tasks import TaskEnd, TaskStart, summary_of

__all__ = [
    "Accounts",
    "AttemptRecord",
    "BudgetLimits",
    "BudgetStatus",
    "ImageCost",
    "Ledger",
    "NewAttempt",
    "OpenAttempt",
    "Outcome",
    "Spend",
    "Task",
    "TaskEnd",
    "TaskStart",
    "TaskState",
    "csv_rows",
    "open_ledger",
    "parse_task_id",
    "summary_of",
]
