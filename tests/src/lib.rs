//! Tests of the whole: stories end to end, the shape of the code, the contract.
