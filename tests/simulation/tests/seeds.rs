//! A short run of the simulation, for every `cargo test`. The long one is `make sim SEEDS=…`.

use longhaul::planted::Defect;
use simulation::{
    many,
    run::{Lines, run},
    teeth,
    world::Cuts,
};

#[test]
fn two_hundred_seeds_keep_all_promises() {
    let many = many::run(0..200);
    assert_eq!(many.failed, []);
    assert!(many.counts.requests() > 200 * 50 && many.counts.all_faults() > 200 * 5);
}

#[test]
fn a_seed_replays_exactly_the_same() {
    for seed in 0..20 {
        let (one, two) = (run(seed, &Cuts::default(), Lines::Kept), run(seed, &Cuts::default(), Lines::Hashed));
        assert_eq!((one.hash, one.steps, &one.counts), (two.hash, two.steps, &two.counts), "seed {seed}");
    }
    assert_ne!(run(0, &Cuts::default(), Lines::Hashed).hash, run(1, &Cuts::default(), Lines::Hashed).hash);
}

#[test]
fn what_is_cut_out_of_a_seed_does_not_happen() {
    let nothing = Cuts { actions: Some([].into()), faults: Some([].into()) };
    let report = run(3, &nothing, Lines::Hashed);
    assert_eq!((report.violation, report.struck, report.counts.all_faults()), (None, vec![], 0));
}

#[test]
fn planted_defects_are_caught() {
    for defect in Defect::ALL {
        assert!(teeth::catch(defect, 0..1000).is_some(), "{defect:?}");
    }
}
