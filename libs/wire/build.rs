//! Compiles `proto/` once, without protoc: messages, clients, servers, JSON and the table of scopes.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, Value, prost_types};

const SCOPE_OPTION: &str = "tally.common.v1.scope";
const REPORTS: &str = ".tally.rollup";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // The encoded form keeps our method options; the decoded prost types would drop them.
    let encoded = compiler.encode_file_descriptor_set();
    #[expect(clippy::disallowed_methods, reason = "how cargo talks to a build script")]
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor_set.bin"), without_comments(&encoded)?)?;

    tonic_prost_build::configure()
        // Sorted maps: the same event encodes to the same bytes, which its hash depends on.
        .btree_map(".")
        // A part of the frame it came in: entries are passed on and decoded more often than changed.
        .bytes(".tally.ingest.v1.LedgerEntry.record")
        // An event and its record go through a dozen hands: with these inside they were 0.6 and 1 KB, and a
        // quarter of a batch was spent on moving them.
        .boxed(".tally.ingest.v1.Event.ticket")
        .boxed(".tally.ingest.v1.Event.body.task_completed")
        .boxed(".tally.ingest.v1.Event.body.llm_call")
        .boxed(".tally.ingest.v1.Event.body.call_denied")
        .boxed(".tally.ingest.v1.LedgerRecord.valuation")
        .boxed(".tally.ingest.v1.LedgerRecord.call_cost")
        .boxed(".tally.ingest.v1.Receipt.valuation")
        .boxed(".tally.ingest.v1.Receipt.call_cost")
        .codec_path("crate::codec::Codec")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf.Timestamp", "crate::Timestamp")
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(compiler.file_descriptor_set())?;
    json(&encoded)?.exclude([REPORTS]).build(&[".tally"])?;
    // In a report zero is an answer.
    json(&encoded)?.emit_fields().build(&[REPORTS])?;
    fs::write(out.join("methods.rs"), methods(&encoded)?)?;
    Ok(())
}

fn json(encoded: &[u8]) -> Result<pbjson_build::Builder, Box<dyn Error>> {
    let mut builder = pbjson_build::Builder::new();
    builder
        .register_descriptors(encoded)?
        .btree_map(["."])
        // Newer callers may send fields this build does not know: JSON keeps protobuf's promise.
        .ignore_unknown_fields();
    Ok(builder)
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            into.push(path);
        }
    }
    Ok(())
}

/// Reflection serves names and types; comments would double the descriptors in every binary.
fn without_comments(encoded: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut files = prost_types::FileDescriptorSet::decode(encoded)?;
    for file in &mut files.file {
        file.source_code_info = None;
    }
    Ok(files.encode_to_vec())
}

/// Every RPC with the scope it declares. An RPC that declares none does not build.
fn methods(encoded: &[u8]) -> Result<String, Box<dyn Error>> {
    let pool = DescriptorPool::decode(encoded)?;
    let option = pool.get_extension_by_name(SCOPE_OPTION).ok_or("options.proto lost its scope")?;
    let mut table = String::from("&[\n");
    for service in pool.services().filter(|s| s.full_name().starts_with("tally.")) {
        for method in service.methods() {
            let value = method.options().get_extension(&option).into_owned();
            let Value::EnumNumber(number @ 1..) = value else {
                return Err(format!("{} states no scope", method.full_name()).into());
            };
            let path = format!("/{}/{}", service.full_name(), method.name());
            writeln!(
                table,
                "    Method {{ path: {path:?}, scope: {number}, server_streaming: {}, client_streaming: {} }},",
                method.is_server_streaming(),
                method.is_client_streaming()
            )?;
        }
    }
    table.push(']');
    Ok(table)
}
