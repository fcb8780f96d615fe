//! The commands that tell a node what to do over HTTP: `step-down`, `transfer`, `priority`,
//! `members remove`.

use std::time::Duration;

use reqwest::StatusCode;

use super::ask::{Outcome, no_leader, whole_lines};
use super::exchange::{self, Answer, NOT_A_NODE, Request, error_of, read, refusal};
use super::{Order, Tell};
use crate::http::json::{Done, NO_LEADER, Nothing, Priority, Remove, Transfer};

/// A leader that hands over waits until the answers that it has given have run out: for a lease at
/// most, which has up to two minutes.
const DONE_WITHIN: Duration = Duration::from_secs(130);

/// Tells the node, waits until it is done, and makes of its answer what the command prints.
pub async fn obey(tell: &Tell) -> Outcome {
    let told = async {
        let answer = exchange::exchange(&tell.http, request(&tell.what)).await?;
        render(tell, &answer)
    };
    told.await.unwrap_or_else(|why| Outcome::error(&tell.http, &why))
}

fn request(order: &Order) -> Request {
    let request = match order {
        Order::StepDown => Request::post("/v1/step-down", &Nothing {}),
        Order::Transfer(to) => Request::post("/v1/transfer", &Transfer { to: to.into() }),
        Order::Priority(priority) => {
            Request::post("/v1/priority", &Priority { priority: *priority })
        }
        Order::Remove(node) => Request::post("/v1/members/remove", &Remove { node: node.into() }),
    };
    request.within(DONE_WITHIN)
}

fn render(tell: &Tell, answer: &Answer) -> Result<Outcome, String> {
    let json = || whole_lines(&answer.body);
    if answer.status == StatusCode::OK {
        let Done { ok } = read(&answer.body)?;
        let stdout = if tell.json { json() } else { format!("{}\n", done(&tell.what)) };
        return if ok { Ok(Outcome::done(stdout)) } else { Err(NOT_A_NODE.to_owned()) };
    }
    let Some(error) = error_of(answer) else { return Err(refusal(answer)) };
    let mut outcome = if error.code == NO_LEADER {
        no_leader(&error.message, String::new())
    } else {
        Outcome::error(&tell.http, &refusal(answer))
    };
    if tell.json {
        outcome.stdout = json();
    }
    Ok(outcome)
}

/// What was done, in a line.
fn done(order: &Order) -> String {
    match order {
        Order::StepDown => "the node has stepped down".to_owned(),
        Order::Transfer(to) => format!("the node has handed over to {to}"),
        Order::Priority(priority) => {
            format!("the node has priority {priority} until it ends or is told another")
        }
        Order::Remove(node) => format!("{node} is no member any more"),
    }
}

#[cfg(test)]
mod tests;
