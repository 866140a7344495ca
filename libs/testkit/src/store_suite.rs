//! One contract, one named test per case and database.

/// Runs the cases of a suite on every database named: `postgres::rejects_overlap` and so on.
///
/// A case is `pub(crate) async fn rejects_overlap(db: db::Db)`. The paths begin with `crate` or a
/// crate's name, because each database gets a module of its own.
///
/// ```ignore
/// testkit::store_suite! {
///     suite: crate::suite,
///     migrator: baseline_catalog::Migrator,
///     backends: [sqlite, postgres],
///     cases: [registers_once, rejects_overlap],
/// }
/// ```
#[macro_export]
macro_rules! store_suite {
    (
        suite: $($suite:ident)::+,
        migrator: $($migrator:ident)::+,
        backends: $backends:tt,
        cases: $cases:tt $(,)?
    ) => {
        $crate::store_suite! { @all $backends, [$($suite)::+], [$($migrator)::+], $cases }
    };
    (@all [$($backend:ident),+ $(,)?], $suite:tt, $migrator:tt, $cases:tt) => {
        $($crate::store_suite! { @backend $backend, $suite, $migrator, $cases })+
    };
    (@backend $backend:ident, $suite:tt, $migrator:tt, [$($case:ident),+ $(,)?]) => {
        mod $backend {
            $($crate::store_suite! { @case $backend, $suite, $migrator, $case })+
        }
    };
    (@case $backend:ident, [$($suite:ident)::+], [$($migrator:ident)::+], $case:ident) => {
        #[tokio::test]
        async fn $case() {
            let fresh = $crate::$backend::<$($migrator)::+>("suite").await;
            $($suite)::+::$case(::std::clone::Clone::clone(&fresh.db)).await;
        }
    };
}
