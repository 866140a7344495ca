"""What was tracked is what the report says, to the millionth."""

from datetime import datetime, timedelta, timezone

from client import FAILURE, NEEDS_REVIEW, SUCCESS, Client, step
from google.protobuf.timestamp_pb2 import Timestamp
from tally.catalog.v1 import catalog_service_pb2
from tally.common.v1 import money_pb2, window_pb2
from tally.ingest.v1 import record_pb2
from tally.rollup.v1 import report_pb2, report_service_pb2

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def timestamp(at: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(at)
    return result


def days_ago(days: int) -> datetime:
    """A whole hour, so that it is an edge a report accepts."""
    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    return now - timedelta(days=days)


def euros(micros: int) -> list:
    return [money_pb2.Money(currency_code="EUR", micros=micros)]


def cents(micros: int) -> dict:
    """What a step costs, in the currency of the workspace."""
    return {"agent_cost": money_pb2.Money(micros=micros)}


def set_rate(admin: Client, euros_per_hour: int, since: datetime) -> str:
    request = catalog_service_pb2.SetHourlyRateRequest(
        rate_micros_per_hour=euros_per_hour * 1_000_000,
        currency_code="EUR",
        effective_time=timestamp(since),
        reason="what an hour of the team costs",
    )
    return admin.catalog.SetHourlyRate(request).catalog_version


def test_a_receipt_says_at_once_what_a_step_saved(admin, pipeline):
    version = set_rate(admin, 85, since=days_ago(2))
    receipt = pipeline.track(step(task=cents(12_000)), catalog_at_least=version)

    assert not receipt.duplicate
    valuation = receipt.valuation
    assert valuation.baseline_ms == 4 * MINUTE_MS
    assert valuation.baseline_source == record_pb2.BASELINE_SOURCE_BUILTIN
    assert valuation.rate_micros_per_hour == 85_000_000
    assert valuation.credited_ms == 4 * MINUTE_MS
    # 4 minutes at EUR 85 an hour are EUR 5.666666…, rounded half up.
    assert [receipt.cost_saved] == euros(5_666_667)
    assert [receipt.agent_cost] == euros(12_000)
    assert [receipt.net_saved] == euros(5_654_667)


def test_the_overview_contains_what_was_tracked_a_moment_ago_exactly(admin, pipeline):
    version = set_rate(admin, 85, since=days_ago(2))
    # Of three tickets, one twice; the catalog says 4 minutes for a classification, 8 for a draft and 2 for a routing.
    events = [
        step("email_classification", SUCCESS, ticket={"ticket_id": "T-1"}, task=cents(12_000)),
        step("email_classification", SUCCESS, ticket={"ticket_id": "T-2"}, task=cents(12_000)),
        step("email_classification", SUCCESS, metadata={"ticket_id": "T-3"}, task=cents(12_000)),
        step("customer_email_draft", NEEDS_REVIEW, ticket={"ticket_id": "T-1"}, task=cents(12_000)),
        step("ticket_routing", FAILURE, ticket={"ticket_id": "T-2"}),
    ]
    receipts = [pipeline.track(event, catalog_at_least=version) for event in events]

    overview = pipeline.overview(at_least=receipts[-1].position)

    measures = overview.measures
    assert measures.events == 5
    assert measures.tickets == 3
    counts = {entry.outcome: entry.count for entry in measures.outcomes if entry.count}
    assert counts == {SUCCESS: 3, NEEDS_REVIEW: 1, FAILURE: 1}
    # 3 × 4 minutes, half of 8 for what a human changed, nothing for the failure.
    assert measures.time_saved_ms == 16 * MINUTE_MS
    # Rounded once: three receipts of 5.666667 would add up to a millionth more than 17.
    assert list(measures.cost_saved) == euros(17_000_000 + 5_666_667)
    assert list(measures.agent_cost) == euros(48_000)
    assert list(measures.net_saved) == euros(22_618_667)
    assert measures.uncosted_events == 1
    assert overview.basis.data_quality.uncosted_events == 1


def test_a_report_covers_its_window_and_not_the_instant_it_ends_with(admin, pipeline):
    start, end = days_ago(3), days_ago(2)
    version = set_rate(admin, 85, since=days_ago(5))
    inside = [start, end - timedelta(microseconds=1)]
    outside = [start - timedelta(microseconds=1), end]
    for at in [*inside, *outside]:
        last = pipeline.track(step(occurred_time=timestamp(at)), catalog_at_least=version)

    window = window_pb2.Window(start_time=timestamp(start), end_time=timestamp(end))
    overview = pipeline.overview(at_least=last.position, window=window)

    assert overview.measures.events == 2
    assert overview.measures.time_saved_ms == 8 * MINUTE_MS
    assert overview.basis.window == window


def test_savings_by_task_type_add_up_to_the_overview(admin, pipeline):
    version = set_rate(admin, 85, since=days_ago(2))
    steps = ["email_classification", "customer_email_draft", "ticket_routing"]
    # Fifteen of each: an hour of classification, two of drafts, half an hour of routing.
    results = [pipeline.track(step(task_type), catalog_at_least=version) for task_type in steps * 15]

    query = report_pb2.ReportQuery(at_least=results[-1].position)
    request = report_service_pb2.GetSavingsRequest(query=query, dimensions=[report_pb2.DIMENSION_TASK_TYPE])
    report = pipeline.reports.GetSavings(request).report

    rows = {row.key[0].value: row.measures for row in report.rows}
    assert {key: row.time_saved_ms for key, row in rows.items()} == {
        "email_classification": HOUR_MS,
        "customer_email_draft": 2 * HOUR_MS,
        "ticket_routing": HOUR_MS // 2,
    }
    assert {key: list(row.cost_saved) for key, row in rows.items()} == {
        "email_classification": euros(85_000_000),
        "customer_email_draft": euros(170_000_000),
        "ticket_routing": euros(42_500_000),
    }
    assert report.total.events == sum(row.events for row in rows.values()) == 45
    assert list(report.total.cost_saved) == euros(297_500_000)


def agents(client: Client, at_least: str) -> list[str]:
    query = report_pb2.ReportQuery(at_least=at_least)
    request = report_service_pb2.GetSavingsRequest(query=query, dimensions=[report_pb2.DIMENSION_AGENT])
    return [row.key[0].value for row in client.reports.GetSavings(request).report.rows]


def test_one_workspace_sees_nothing_of_another(pipeline, new_workspace):
    pipeline.track(step())
    stranger = new_workspace()
    receipt = stranger.track(step(agent_id="somebody-else"))
    assert agents(stranger, receipt.position) == ["somebody-else"]


def test_the_key_printed_at_the_first_start_opens_a_workspace(channel, server):
    first = Client(channel, server.admin_key)
    receipt = first.track(step(agent_id="the-first"))
    assert agents(first, receipt.position) == ["the-first"]


def test_a_dry_run_is_valued_and_not_recorded(operator, pipeline):
    before = operator.ledger_length()
    receipt = pipeline.track(step(), validate_only=True)
    assert receipt.valuation.credited_ms == 4 * MINUTE_MS
    assert (receipt.event_id, receipt.position) == ("", "")
    assert operator.ledger_length() == before
