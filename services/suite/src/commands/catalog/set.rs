//! `tally catalog set`: one value, from some instant on, with a reason.

mod intent;
mod price;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use kernel::{Timestamp, decimal};
use wire::catalog::v1 as pb;
use wire::common::v1::Money;

use super::{Caller, Of, instant, json, tell};
use crate::cli::{money, span};
use crate::failure::Failure;

#[derive(Subcommand)]
pub(super) enum Set {
    /// The minutes a human takes for a step.
    #[command(after_help = "\
Example:
  tally catalog set baseline ticket_routing 3m --language nl --reason \"Measured in May\"")]
    Baseline {
        #[command(flatten)]
        of: Of,
        /// Such as 4m or 90s. Left out with --withdraw.
        #[arg(value_parser = span, required_unless_present = "withdraw", conflicts_with = "withdraw")]
        effort: Option<Duration>,
        /// What the effort rests on: a time sheet, a study.
        #[arg(long, default_value = "", hide_default_value = true)]
        citation: String,
        /// Withdraw the workspace's own value: the built-in holds again.
        #[arg(long)]
        withdraw: bool,
        #[command(flatten)]
        how: How,
    },
    /// A task type of the workspace's own.
    #[command(after_help = "\
Example:
  tally catalog set type chat_triage --effort 90s --alias chat_triage_nl=nl --reason \"We chat\"")]
    Type {
        /// Its key: lower-case snake_case.
        task_type: String,
        /// What a human takes for it. Default: events bring their own.
        #[arg(long, value_parser = span, allow_hyphen_values = true)]
        effort: Option<Duration>,
        /// What people see. Default: the key in words.
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// Another key for it, with the language it stands for: chat_triage_nl=nl. May be repeated.
        #[arg(long, value_parser = alias)]
        alias: Vec<pb::TaskTypeAlias>,
        #[command(flatten)]
        how: How,
    },
    /// What an hour costs.
    #[command(after_help = "\
Example:
  tally catalog set rate EUR 85 --from 2026-01-01T00:00:00Z --reason \"Payroll 2026\"")]
    Rate {
        /// Currency and amount, such as EUR 85. Left out with --withdraw.
        #[arg(
            num_args = 1..=2,
            required_unless_present = "withdraw",
            conflicts_with = "withdraw",
            allow_negative_numbers = true
        )]
        rate: Vec<String>,
        /// Only for this agent.
        #[arg(long, default_value = "", hide_default_value = true)]
        agent: String,
        /// Only for this team.
        #[arg(long, default_value = "", hide_default_value = true, conflicts_with = "agent")]
        team: String,
        /// Withdraw the rate: the next less specific one holds again.
        #[arg(long)]
        withdraw: bool,
        #[command(flatten)]
        how: How,
    },
    /// How outcomes are credited.
    #[command(after_help = "\
Example:
  tally catalog set policy strict --from 2026-07-01T00:00:00Z --reason \"Finance asked\"")]
    Policy {
        /// Which of the three.
        kind: PolicyKind,
        /// Leave the agent's own time on the baseline.
        #[arg(long)]
        keep_agent_duration: bool,
        /// CREDITED: what a needs_review earns whose editing was not measured, in percent.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(0..=100))]
        review_credit: i32,
        /// The share of the text from which an edited success counts as needs_review, in percent.
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(i32).range(0..=100))]
        edited_from: i32,
        #[command(flatten)]
        how: How,
    },
    /// What reports assume. All of it is set: what is not said becomes the default.
    #[command(after_help = "\
Example:
  tally catalog set reporting --time-zone Europe/Amsterdam --fiscal-year-from 4 --reason \"Head office\"")]
    Reporting {
        /// ISO 4217.
        #[arg(long, default_value = "EUR")]
        currency: String,
        /// IANA zone, not an offset.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// Working hours of one person in a month.
        #[arg(long, default_value_t = 176)]
        hours_per_month: i32,
        /// The month the fiscal year starts in.
        #[arg(long, default_value_t = 1)]
        fiscal_year_from: i32,
        #[command(flatten)]
        how: How,
    },
    /// An exchange rate.
    #[command(after_help = "\
Example:
  tally catalog set fx USD EUR 0.92 --source \"ECB reference rate\" --reason \"Daily rate\"")]
    Fx {
        /// Currency converted from.
        from_currency: String,
        /// Currency converted to.
        to_currency: String,
        /// What one unit is worth, with at most nine decimals.
        #[arg(value_parser = rate, allow_negative_numbers = true)]
        rate: i64,
        /// Who published it.
        #[arg(long)]
        source: String,
        #[command(flatten)]
        how: How,
    },
    /// What a customer wants, and what an AI may do about it. All of it is set: what is not said becomes the
    /// default.
    Intent(intent::Intent),
    /// What a model's tokens cost. All of it is set: what is not said becomes the default.
    Price(price::Price),
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum PolicyKind {
    Gross,
    Credited,
    Strict,
}

/// What every write says.
#[derive(Args)]
pub(super) struct How {
    /// Why, for whoever reads the history.
    #[arg(long)]
    reason: String,
    /// First instant at which it holds, RFC 3339: up to 366 days back, 3,660 ahead. Default: now. A new task
    /// type holds since ever.
    #[arg(long)]
    from: Option<Timestamp>,
    /// The version this is based on: refused where another came since.
    #[arg(long, default_value = "", hide_default_value = true)]
    expect: String,
    /// Makes the write repeatable: the same id writes the same value once.
    #[arg(long, default_value = "", hide_default_value = true)]
    request_id: String,
    /// Tell what would happen and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

const REFUSED: &str = "the value was not set";

/// A request with the fields that every write has.
macro_rules! request {
    ($request:ident, $how:expr, { $($field:ident: $value:expr),+ $(,)? }) => {
        pb::$request {
            request_id: $how.request_id,
            effective_time: instant($how.from),
            reason: $how.reason,
            expected_version_id: $how.expect,
            validate_only: $how.dry_run,
            $($field: $value,)+
        }
    };
}

/// Sends it, and tells what it did.
macro_rules! send {
    ($catalog:expr, $rpc:ident, $request:expr, $json:expr) => {{
        let answer = $catalog.$rpc($request).await.map_err(Failure::call(REFUSED))?.into_inner();
        if $json {
            return json(&answer);
        }
        tell(&answer.catalog_version, &answer.displaced_versions);
        Ok(())
    }};
}

pub(super) async fn run(catalog: &mut Caller, set: Set) -> Result<(), Failure> {
    match set {
        Set::Baseline { of, effort, citation, withdraw, how } => {
            let as_json = how.json;
            let request = request!(SetBaselineRequest, how, {
                key: Some(of.into()),
                baseline_ms: effort.map_or(0, ms),
                citation: citation,
                withdrawn: withdraw,
            });
            send!(catalog, set_baseline, request, as_json)
        }
        Set::Type { task_type, effort, name, alias, how } => {
            if how.from.is_some() || !how.expect.is_empty() {
                let what = "a new task type holds since ever: leave out --from and --expect";
                return Err(Failure::Other(what.to_owned()));
            }
            let request = pb::CreateTaskTypeRequest {
                request_id: how.request_id,
                task_type,
                display_name: name,
                aliases: alias,
                baseline_ms: effort.map(ms),
                reason: how.reason,
                validate_only: how.dry_run,
                ..Default::default()
            };
            let answer = catalog.create_task_type(request).await.map_err(Failure::call(REFUSED))?;
            let answer = answer.into_inner();
            if how.json {
                return json(&answer);
            }
            tell(&answer.catalog_version, &[]);
            Ok(())
        }
        Set::Rate { rate, agent, team, withdraw, how } => {
            let as_json = how.json;
            let rate = per_hour(&rate).map_err(Failure::Other)?;
            let request = request!(SetHourlyRateRequest, how, {
                agent_id: agent,
                team_id: team,
                rate_micros_per_hour: rate.micros,
                currency_code: rate.currency_code,
                withdrawn: withdraw,
            });
            send!(catalog, set_hourly_rate, request, as_json)
        }
        Set::Policy { kind, keep_agent_duration, review_credit, edited_from, how } => {
            let as_json = how.json;
            let kind = match kind {
                PolicyKind::Gross => pb::SavingsPolicyKind::Gross,
                PolicyKind::Credited => pb::SavingsPolicyKind::Credited,
                PolicyKind::Strict => pb::SavingsPolicyKind::Strict,
            };
            let policy = pb::SavingsPolicy {
                kind: kind.into(),
                subtract_agent_duration: Some(!keep_agent_duration),
                unmeasured_review_credit_percent: Some(review_credit),
                edit_ratio_threshold_percent: Some(edited_from),
                version: None,
            };
            let request = request!(SetSavingsPolicyRequest, how, { savings_policy: Some(policy) });
            send!(catalog, set_savings_policy, request, as_json)
        }
        Set::Reporting { currency, time_zone, hours_per_month, fiscal_year_from, how } => {
            let as_json = how.json;
            let defaults = pb::ReportingDefaults {
                currency_code: currency,
                time_zone,
                hours_per_fte_month: hours_per_month,
                fiscal_year_start_month: fiscal_year_from,
                version: None,
            };
            let request =
                request!(SetReportingDefaultsRequest, how, { reporting_defaults: Some(defaults) });
            send!(catalog, set_reporting_defaults, request, as_json)
        }
        Set::Fx { from_currency, to_currency, rate, source, how } => {
            let as_json = how.json;
            let rate = pb::FxRate {
                base_currency_code: from_currency,
                quote_currency_code: to_currency,
                rate_nanos: rate,
                rate_source: source,
                version: None,
            };
            let request = request!(SetFxRateRequest, how, { fx_rate: Some(rate) });
            send!(catalog, set_fx_rate, request, as_json)
        }
        Set::Intent(intent) => {
            let (intent, how) = intent.parts();
            let as_json = how.json;
            let request = request!(SetIntentRequest, how, { intent: Some(intent) });
            send!(catalog, set_intent, request, as_json)
        }
        Set::Price(price) => {
            let (price, how) = price.parts();
            let as_json = how.json;
            let request = request!(SetModelPriceRequest, how, { model_price: Some(price) });
            send!(catalog, set_model_price, request, as_json)
        }
    }
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// `chat_triage_nl=nl`, or a key alone.
fn alias(text: &str) -> Result<pb::TaskTypeAlias, std::convert::Infallible> {
    let (alias, language) = text.split_once('=').unwrap_or((text, ""));
    let (alias, language) = (alias.to_owned(), language.to_owned());
    Ok(pb::TaskTypeAlias { alias, language, channel: String::new() })
}

/// `EUR 85` or `85`, in one argument or two; nothing is no rate.
fn per_hour(words: &[String]) -> Result<Money, String> {
    if words.is_empty() { Ok(Money::default()) } else { money(&words.join(" ")) }
}

/// What one unit is worth, in billionths.
fn rate(text: &str) -> Result<i64, String> {
    let wrong = || "write a rate such as 0.92, with at most nine decimals".to_owned();
    decimal::parse(text, 9).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_exact_or_refused() {
        assert_eq!(rate("0.92"), Ok(920_000_000));
        assert_eq!(rate("1"), Ok(1_000_000_000));
        for bad in ["", ".9", "-1", "1e3", "0.1234567891"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rate_is_one_argument_or_two() {
        let eur = Ok(Money { currency_code: "EUR".to_owned(), micros: 85_000_000 });
        assert_eq!(per_hour(&["EUR".to_owned(), "85".to_owned()]), eur);
        assert_eq!(per_hour(&["EUR 85".to_owned()]), eur);
        assert_eq!(per_hour(&[]), Ok(Money::default()));
        assert!(per_hour(&["85".to_owned(), "EUR".to_owned()]).is_err());
    }

    #[test]
    fn an_alias_may_stand_for_a_language() {
        let told = |text| alias(text).map(|alias| (alias.alias, alias.language));
        assert_eq!(told("mail_nl=nl"), Ok(("mail_nl".to_owned(), "nl".to_owned())));
        assert_eq!(told("mail"), Ok(("mail".to_owned(), String::new())));
    }
}
