//! Numbers come back bit by bit.

use pipulate::Pip;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]
    #[test]
    fn every_float_comes_back(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let job = Pip::in_memory().job("floats").unwrap();
        let revision = job.set("number", &number).unwrap();
        let read: f64 = job.require("number").unwrap();
        prop_assert_eq!(read.to_bits(), bits);
        prop_assert_eq!(job.set("number", &read).unwrap(), revision, "so that setting it again changes nothing");
    }
}
