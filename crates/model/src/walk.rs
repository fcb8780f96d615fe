//! Random walks over the same model, far beyond what can be searched whole.

use crate::choices::{Action, choices};
use crate::model::World;
use crate::seen::SeenSet;
use crate::state::Breach;
use stateright::Model;

/// A walk that ended at a breach.
#[derive(Clone, Debug)]
pub struct Fallen {
    /// How the law broke.
    pub breach: Breach,
    /// The way there in words.
    pub told: Vec<String>,
}

/// SplitMix64, as in the simulator.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % (n.max(1) as u64)).unwrap_or(0)
    }
}

/// One walk, and what it came across.
///
/// # Errors
/// The breach at which it ended.
pub fn walk(world: &World, seed: u64) -> Result<(u64, SeenSet), Box<Fallen>> {
    let mut rng = Rng(seed);
    let begins = world.init_states();
    let start = begins[rng.below(begins.len())].clone();
    let (mut at, mut met, mut path) = (start.clone(), SeenSet::default(), Vec::new());
    // How often the adversary acts differs from walk to walk.
    let calm = [3, 10, 30, 100][rng.below(4)];
    loop {
        let all = choices(&world.scope, &at);
        let Some(first) = all.first() else { break };
        let is_calm = *first == Action::Go && rng.below(calm) > 0;
        let action = if is_calm { Action::Go } else { pick(&mut rng, &all) };
        at = world.after(&at, &action);
        path.push(action);
        met.join(at.seen);
    }
    match at.breach() {
        None => Ok((path.len() as u64, met)),
        Some(breach) => {
            Err(Box::new(Fallen { breach: breach.clone(), told: world.tell(&start, &path) }))
        }
    }
}

/// By kind first, so that the many ways of one kind do not crowd out the others.
fn pick(rng: &mut Rng, all: &[Action]) -> Action {
    let kind = |a: &Action| std::mem::discriminant(a);
    let mut kinds: Vec<_> = Vec::new();
    for action in all {
        if !kinds.contains(&kind(action)) {
            kinds.push(kind(action));
        }
    }
    let chosen = kinds[rng.below(kinds.len())];
    let of: Vec<_> = all.iter().filter(|a| kind(a) == chosen).collect();
    of[rng.below(of.len())].clone()
}
