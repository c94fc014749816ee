//! How the variants perform: the funnel of the last weeks, for people with a service token.
use gloo_net::http::Request;
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One line of the response of `GET /v1/funnel`.
#[derive(Deserialize)]
struct Line {
    variant: String,
    seen: i64,
    opened: i64,
    paying: i64,
    paid: i64,
    granted: i64,
}

const STEPS: [&str; 5] = ["seen", "opened", "paying", "paid", "granted"];

type Sums = BTreeMap<String, [i64; 5]>;

#[component]
pub(crate) fn Funnel() -> impl IntoView {
    let token = RwSignal::new(String::new());
    let days = RwSignal::new("30".to_owned());
    let outcome = RwSignal::new(None::<Result<Sums, String>>);
    let load = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        spawn_local(
            async move { outcome.set(Some(ask(&token.get_untracked(), &days.get_untracked()).await)) },
        );
    };
    view! {
        <details class="funnel">
            <summary>"How variants do"</summary>
            <form on:submit=load>
                <label>
                    "Service token"
                    <input type="password" autocomplete="off" required=true on:input=move |event| token.set(event_target_value(&event)) />
                </label>
                <label>
                    "Days"
                    <input type="number" min="1" max="366" value="30" on:input=move |event| days.set(event_target_value(&event)) />
                </label>
                <button>"Show"</button>
            </form>
            {move || outcome.get().map(|outcome| match outcome {
                Ok(sums) => plot(sums).into_any(),
                Err(why) => view! { <p class="bad" role="alert">{why}</p> }.into_any(),
            })}
        </details>
    }
}

async fn ask(token: &str, days: &str) -> Result<Sums, String> {
    let request =
        Request::get(&format!("/v1/funnel?days={days}")).header("authorization", &format!("Bearer {token}"));
    let answer = request.send().await.map_err(|_| "The server can't be reached.".to_owned())?;
    match answer.status() {
        200 => {}
        401 => return Err("The server does not know this token (SERVICE_TOKENS).".to_owned()),
        status => return Err(format!("The server answered {status}.")),
    }
    let text = answer.text().await.map_err(|_| "The answer broke off.".to_owned())?;
    let lines: Vec<Line> = serde_json::from_str(&text).map_err(|_| "The answer can't be read.".to_owned())?;
    let mut sums = Sums::new();
    for Line { variant, seen, opened, paying, paid, granted } in lines {
        let sum = sums.entry(variant).or_default();
        for (sum, count) in sum.iter_mut().zip([seen, opened, paying, paid, granted]) {
            *sum += count;
        }
    }
    Ok(sums)
}

/// A bar chart for each variant, all to the same scale.
fn plot(sums: Sums) -> impl IntoView {
    if sums.is_empty() {
        return view! { <p>"Nobody has seen anything yet."</p> }.into_any();
    }
    let most = sums.values().flatten().copied().max().unwrap_or_default().max(1);
    let rows = sums.into_iter().map(|(variant, counts)| {
        let bars = STEPS.iter().zip(counts).map(|(step, count)| {
            view! {
                <tr>
                    <th scope="row">{*step}</th>
                    <td>{count}</td>
                    <td><svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width=(100 * count / most).to_string() height="4" /></svg></td>
                </tr>
            }
        });
        view! { <table><caption>{variant}</caption><tbody>{bars.collect_view()}</tbody></table> }
    });
    view! { <div class="plots">{rows.collect_view()}</div> }.into_any()
}
