//! `tally catalog list`: what holds of each kind.

use clap::{Args, ValueEnum};
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use kernel::{Timestamp, decimal};
use wire::catalog::v1 as pb;

use super::show;
use super::{Caller, instant, json};
use crate::failure::Failure;
use crate::print;

#[derive(Args)]
pub(super) struct List {
    /// What to list.
    #[arg(default_value = "task-types")]
    what: What,
    /// What held at this instant, RFC 3339. Default: now.
    #[arg(long)]
    at: Option<Timestamp>,
    /// Print as JSON, one value a line.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    TaskTypes,
    Rates,
    Policy,
    Reporting,
    Intents,
    Prices,
    Fx,
}

pub(super) async fn run(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    match args.what {
        What::TaskTypes => task_types(catalog, args).await,
        What::Rates => rates(catalog, args).await,
        What::Policy => policy(catalog, args).await,
        What::Reporting => reporting(catalog, args).await,
        What::Intents => intents(catalog, args).await,
        What::Prices => prices(catalog, args).await,
        What::Fx => fx(catalog, args).await,
    }
}

/// Every page of a list, in one vector.
macro_rules! all {
    ($catalog:expr, $rpc:ident, $request:expr, $field:ident) => {{
        let mut all = Vec::new();
        let mut request = $request;
        loop {
            let page = $catalog.$rpc(request.clone()).await;
            let page = page.map_err(Failure::call("the catalog was not listed"))?.into_inner();
            all.extend(page.$field);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break all;
            }
        }
    }};
}

/// One value a line.
macro_rules! each_as_json {
    ($values:expr) => {
        for value in &$values {
            json(value)?;
        }
    };
}

async fn task_types(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    let request = pb::ListTaskTypesRequest { at_time: instant(args.at), ..Default::default() };
    let listed = all!(catalog, list_task_types, request, task_types);
    if args.json {
        each_as_json!(listed);
        return Ok(());
    }
    let mut table = print::table(UTF8_HORIZONTAL_ONLY);
    table.set_header(["Task type", "Effort", "From", "State", "Aliases"]);
    for listed in listed {
        let task_type = listed.task_type.unwrap_or_default();
        let aliases: Vec<&str> = task_type.aliases.iter().map(|a| a.alias.as_str()).collect();
        let state = show::word(task_type.state().as_str_name(), "TASK_TYPE_STATE_");
        let baseline = listed.baseline;
        table.add_row([
            task_type.task_type.clone(),
            baseline.as_ref().map_or_else(|| "-".to_owned(), |b| show::effort(b.baseline_ms)),
            baseline.as_ref().map(show::source).unwrap_or_default(),
            state,
            aliases.join(", "),
        ]);
    }
    println!("{table}");
    Ok(())
}

async fn rates(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    let at_time = instant(args.at);
    let request = pb::ListHourlyRatesRequest { at_time, ..Default::default() };
    let rates = all!(catalog, list_hourly_rates, request, hourly_rates);
    if args.json {
        each_as_json!(rates);
        return Ok(());
    }
    let mut table = print::table(UTF8_HORIZONTAL_ONLY);
    table.set_header(["Whose", "An hour", "Version", "Since", "By", "Why"]);
    for rate in rates {
        let [version, since, by, why] = show::version(rate.version.as_ref());
        table.add_row([show::whose(&rate), show::rate(&rate), version, since, by, why]);
    }
    println!("{table}");
    Ok(())
}

async fn policy(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    let request = pb::GetSavingsPolicyRequest { at_time: instant(args.at) };
    let answer = catalog.get_savings_policy(request).await;
    let answer = answer.map_err(Failure::call("the policy was not given"))?.into_inner();
    let policy = answer.savings_policy.unwrap_or_default();
    if args.json {
        return json(&policy);
    }
    let percent = |percent: Option<i32>| percent.map(|p| format!("{p} %")).unwrap_or_default();
    let agent = if policy.subtract_agent_duration() { "taken off" } else { "left on" };
    settings(
        [
            ("Policy", show::word(policy.kind().as_str_name(), "SAVINGS_POLICY_KIND_")),
            ("Agent's own time", agent.to_owned()),
            ("Review not measured", percent(policy.unmeasured_review_credit_percent)),
            ("Edited from", percent(policy.edit_ratio_threshold_percent)),
        ],
        policy.version.as_ref(),
    );
    Ok(())
}

async fn reporting(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    let request = pb::GetReportingDefaultsRequest { at_time: instant(args.at) };
    let answer = catalog.get_reporting_defaults(request).await;
    let answer = answer.map_err(Failure::call("the defaults were not given"))?.into_inner();
    let defaults = answer.reporting_defaults.unwrap_or_default();
    if args.json {
        return json(&defaults);
    }
    settings(
        [
            ("Currency", defaults.currency_code.clone()),
            ("Time zone", defaults.time_zone.clone()),
            ("Hours a month", defaults.hours_per_fte_month.to_string()),
            ("Fiscal year from month", defaults.fiscal_year_start_month.to_string()),
        ],
        defaults.version.as_ref(),
    );
    Ok(())
}

fn settings<const N: usize>(rows: [(&str, String); N], version: Option<&pb::Version>) {
    let mut table = print::table(NOTHING);
    let [id, since, by, why] = show::version(version);
    for (name, value) in
        rows.into_iter().chain([("Version", id), ("Since", since), ("By", by), ("Why", why)])
    {
        table.add_row([name.to_owned(), value]);
    }
    println!("{table}");
}

async fn intents(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    let at_time = instant(args.at);
    let request = pb::ListIntentsRequest { at_time, ..Default::default() };
    let intents = all!(catalog, list_intents, request, intents);
    if args.json {
        each_as_json!(intents);
        return Ok(());
    }
    if intents.is_empty() {
        println!("no intents; `tally catalog import deploy/packs/support-starter.yaml` is a start");
        return Ok(());
    }
    let mut table = print::table(UTF8_HORIZONTAL_ONLY);
    table.set_header(["Intent", "Risk", "AI may resolve", "Tiers", "Identifiers", "Since", "Why"]);
    for intent in intents {
        let tiers: Vec<String> =
            intent.allowed_tiers().map(|t| show::word(t.as_str_name(), "MODEL_TIER_")).collect();
        let [_, since, _, why] = show::version(intent.version.as_ref());
        let archived = intent.state() == pb::IntentState::Archived;
        table.add_row([
            if archived { format!("{} (archived)", intent.intent) } else { intent.intent.clone() },
            show::word(intent.risk().as_str_name(), "RISK_LEVEL_"),
            if intent.ai_may_resolve { "yes" } else { "no" }.to_owned(),
            if tiers.is_empty() { "any".to_owned() } else { tiers.join(", ") },
            intent.required_identifiers.join(", "),
            since,
            why,
        ]);
    }
    println!("{table}");
    Ok(())
}

async fn prices(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    let at_time = instant(args.at);
    let request = pb::ListModelPricesRequest { at_time, ..Default::default() };
    let prices = all!(catalog, list_model_prices, request, model_prices);
    if args.json {
        each_as_json!(prices);
        return Ok(());
    }
    if prices.is_empty() {
        println!("no prices: steps that bring no agent_cost count as uncosted");
        return Ok(());
    }
    let mut table = print::table(UTF8_HORIZONTAL_ONLY);
    table.set_header(["Provider", "Model", "Tier", "A million tokens", "Since", "Why"]);
    for price in prices {
        let tokens = price.token_prices.iter().map(|token| {
            let kind = show::word(token.token_kind().as_str_name(), "TOKEN_KIND_");
            let amount = decimal::write(token.price_micros_per_million_tokens, 6);
            let mut what = kind;
            if !token.service_tier.is_empty() {
                what.push_str(&format!(" ({})", token.service_tier));
            }
            if token.input_tokens_min > 0 {
                what.push_str(&format!(" from {}", print::count(token.input_tokens_min)));
            }
            format!("{what} {} {amount}", price.currency_code)
        });
        let [_, since, _, why] = show::version(price.version.as_ref());
        table.add_row([
            if price.provider.is_empty() { "any".to_owned() } else { price.provider.clone() },
            price.model.clone(),
            show::word(price.tier().as_str_name(), "MODEL_TIER_"),
            tokens.collect::<Vec<_>>().join(", "),
            since,
            why,
        ]);
    }
    println!("{table}");
    Ok(())
}

async fn fx(catalog: &mut Caller, args: List) -> Result<(), Failure> {
    let at_time = instant(args.at);
    let request = pb::ListFxRatesRequest { at_time, ..Default::default() };
    let rates = all!(catalog, list_fx_rates, request, fx_rates);
    if args.json {
        each_as_json!(rates);
        return Ok(());
    }
    if rates.is_empty() {
        println!("no exchange rates: amounts in other currencies stay as they are");
        return Ok(());
    }
    let mut table = print::table(UTF8_HORIZONTAL_ONLY);
    table.set_header(["From", "To", "Rate", "Source", "Since", "Why"]);
    for rate in rates {
        let [_, since, _, why] = show::version(rate.version.as_ref());
        table.add_row([
            rate.base_currency_code,
            rate.quote_currency_code,
            decimal::write(rate.rate_nanos, 9),
            rate.rate_source,
            since,
            why,
        ]);
    }
    println!("{table}");
    Ok(())
}
