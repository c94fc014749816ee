//! Removes panic messages from the WASM. A panic still ends the checkout, and the loader shows the page's link; but
//! formatting the message, which nobody reads, is a tenth of all bytes, and stable Rust has no switch to leave it out.
//!
//! It buys 3.7 KB of the 49.7 KB, compressed, of glue and WASM (`cargo xtask build-widget`, with and without). To remove
//! it, leave out its call in `slim.rs`.

use anyhow::{Context, Result};
use wasm_encoder::{CodeSection, Function, Instruction, Module, RawSection};
use wasmparser::{KnownCustom, Name, Parser, Payload};

/// Parts of the names of functions that only a panic calls. The widget formats nothing (`dates::decimal` writes
/// numbers), so that includes all of `core::fmt`.
const ONLY_ON_PANIC: &[&str] = &[
    "::panicking::",
    "rust_begin_unwind",
    "fmt::Debug>::fmt",
    "fmt::Display>::fmt",
    "fmt::Write>::write_",
    "fmt::Formatter",
    "_fail::",
    "::slice_index_fail",
    "::len_mismatch_fail",
    "::unwrap_failed",
    "::expect_failed",
    "::assert_failed",
    "::capacity_overflow",
    "::handle_error",
    "::handle_alloc_error",
    "::panic_already_",
    "::panic_access_error",
    "backtrace",
];

/// Source paths in what is left of the messages. None of it is read any more.
const SOURCES: &[&str] = &["/rustc/", "/registry/src/", "/rust/deps/", "widget/src/", "shared/src/"];

/// Returns `wasm` with silent panics. It needs the name section, and must be optimised afterwards: that removes what
/// only the panics called.
pub(super) fn silence(wasm: &[u8]) -> Result<Vec<u8>> {
    let (names, imported) = names(wasm)?;
    let mut module = Module::new();
    let mut code = CodeSection::new();
    let mut index = imported;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.context("the WASM can't be read")?;
        if let Payload::CodeSectionEntry(body) = &payload {
            let name = names.iter().find(|(at, _)| *at == index).map_or("", |(_, name)| name);
            if ONLY_ON_PANIC.iter().any(|part| name.contains(part)) {
                let mut end = Function::new([]);
                end.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
                code.function(&end);
            } else {
                code.raw(body.as_bytes());
            }
            index += 1;
            continue;
        }
        let Some((id, range)) = payload.as_section() else { continue };
        let mut data = wasm[range].to_vec();
        if let Payload::CodeSectionStart { .. } = payload {
            // The section's entries come next, and after them the data section.
            continue;
        }
        if let Payload::DataSection(_) = payload {
            module.section(&code);
            blank(&mut data);
        }
        module.section(&RawSection { id, data: &data });
    }
    Ok(module.finish())
}

/// The names of functions by their index, and how many functions are imported.
fn names(wasm: &[u8]) -> Result<(Vec<(u32, String)>, u32)> {
    let (mut names, mut imported) = (Vec::new(), 0);
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.context("the WASM can't be read")?;
        if let Payload::ImportSection(imports) = payload {
            for import in imports.into_imports() {
                let kind = import.context("an import can't be read")?.ty;
                imported += u32::from(matches!(kind, wasmparser::TypeRef::Func(_)));
            }
        } else if let Payload::CustomSection(section) = payload
            && let KnownCustom::Name(section) = section.as_known()
        {
            for name in section {
                let Name::Function(functions) = name.context("names can't be read")? else { continue };
                for function in functions {
                    let function = function.context("a name can't be read")?;
                    names.push((function.index, function.name.to_owned()));
                }
            }
        }
    }
    Ok((names, imported))
}

/// Overwrites the paths of source files with zeros, which compress to nothing.
fn blank(data: &mut [u8]) {
    let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(byte);
    let mut at = 0;
    while let Some(found) = data[at..].windows(3).position(|text| text == b".rs") {
        let end = at + found + 3;
        let text = &data[at..end];
        let run = text.iter().rev().take_while(|byte| is_path(byte)).count();
        let path = String::from_utf8_lossy(&text[text.len() - run..]).into_owned();
        let start = SOURCES.iter().filter_map(|source| path.rfind(source)).max();
        if let Some(start) = start {
            data[end - run + start..end].fill(0);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        ConstExpr, DataSection, FunctionSection, MemorySection, MemoryType, NameMap, NameSection, TypeSection,
    };

    #[test]
    fn what_only_a_panic_calls_becomes_a_trap_and_the_rest_stays() {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let (mut functions, mut code, mut names) =
            (FunctionSection::new(), CodeSection::new(), NameMap::new());
        for (index, name) in ["core::panicking::panic_fmt", "widget::model::handle"].into_iter().enumerate() {
            functions.function(0);
            let mut body = Function::new([]);
            body.instruction(&Instruction::Nop).instruction(&Instruction::End);
            code.function(&body);
            names.append(u32::try_from(index).unwrap(), name);
        }
        let mut memory = MemorySection::new();
        memory.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(0), *b"kept/rustc/1a/core/src/cell.rsalso kept");
        let mut named = NameSection::new();
        named.functions(&names);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&memory)
            .section(&code)
            .section(&data)
            .section(&named);

        let silent = silence(&module.finish()).unwrap();
        let bodies: Vec<_> = Parser::new(0)
            .parse_all(&silent)
            .filter_map(|payload| {
                let Payload::CodeSectionEntry(body) = payload.unwrap() else { return None };
                Some(body.as_bytes().to_vec())
            })
            .collect();
        assert_eq!(bodies, [vec![0, 0x00, 0x0b], vec![0, 0x01, 0x0b]]);
        let text = String::from_utf8_lossy(&silent).into_owned();
        assert!(text.contains("kept") && text.contains("also kept") && !text.contains("cell.rs"), "{text}");
    }
}
