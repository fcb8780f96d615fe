//! `bully recover` and `bully genesis-reset`: on the data directory of a node that does not run.

use super::ask::{Outcome, printable};
use super::run::print;
use super::{Exit, Remedy, Repair};
use crate::repair::{self, Fault, Recovered};

/// Changes what the node has on disk, if it is forced, or says what it would do.
pub fn repair(repair: &Repair) -> Exit {
    print(&outcome(repair))
}

fn outcome(repair: &Repair) -> Outcome {
    if !repair.is_forced {
        let stderr = explanation(repair);
        return Outcome { exit: Exit::Usage, stdout: String::new(), stderr };
    }
    let done = match repair.what {
        Remedy::Recover => recover(repair),
        Remedy::GenesisReset => reset_genesis(repair),
    };
    done.unwrap_or_else(|fault| Outcome {
        exit: if fault.is_in_use { Exit::InUse } else { Exit::Error },
        stdout: String::new(),
        stderr: format!("bully: {}\n", printable(&fault.to_string())),
    })
}

/// What would be done.
fn explanation(repair: &Repair) -> String {
    let directory = repair.directory.display();
    let (what, warning) = match repair.what {
        Remedy::Recover => {
            let what = format!("recover makes the node of {directory} a cluster of its own");
            (what, format!("unsafe: {}", warning("every other member")))
        }
        Remedy::GenesisReset => {
            let what = format!(
                "genesis-reset makes the node of {directory} forget the cluster that it was to found"
            );
            (what, RESET_WARNING.to_owned())
        }
    };
    format!("bully: {what}\nbully: {warning}\nbully: nothing was done: add -force to do it\n")
}

/// What must hold of those who were members.
fn warning(others: &str) -> String {
    format!(
        "{others} must be gone for good, and must be wiped before it may come back: whoever comes \
         back with its data makes a second cluster, and then two nodes lead; tokens go on above the \
         old ones"
    )
}

const RESET_WARNING: &str = "do the same on every other node that waits for that cluster; the one \
                             that is gone must be wiped before it may come back";

fn recover(repair: &Repair) -> Result<Outcome, Fault> {
    let Recovered { path, others, token } =
        repair::recover(&repair.directory, &repair.cluster, repair.priority)?;
    let stdout = format!(
        "{}: the node is a cluster of its own, and its tokens are above {token}\n",
        path.display()
    );
    let others = match &*others {
        [] => "every other member".to_owned(),
        [other] => other.clone(),
        others => format!("each of {}", others.join(", ")),
    };
    let stderr = format!("bully: unsafe: {}\n", warning(&printable(&others)));
    Ok(Outcome { exit: Exit::Done, stdout, stderr })
}

fn reset_genesis(repair: &Repair) -> Result<Outcome, Fault> {
    let path = repair::reset_genesis(&repair.directory, &repair.cluster)?;
    let stdout = format!("{}: the node begins anew when it is started\n", path.display());
    Ok(Outcome { exit: Exit::Done, stdout, stderr: format!("bully: {RESET_WARNING}\n") })
}

#[cfg(test)]
mod tests;
