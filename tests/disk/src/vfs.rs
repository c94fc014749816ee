//! SQLite's side of the disk: C structures, and the calls that SQLite makes.
//!
//! Every `unsafe` here rests on SQLite's promises: a file system outlives all its files, a file keeps its methods from
//! `xOpen` to `xClose`, buffers are as long as stated, and nothing else touches a file during a call.
#![expect(unsafe_code, reason = "SQLite asks file systems in C")]

use crate::{Call, Change, Failure, State};
use libsqlite3_sys as sqlite;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The `pAppData` of our file systems.
struct Below {
    system: *mut sqlite::sqlite3_vfs,
    state: Arc<State>,
}

/// The methods of an open file: the system's with some replaced, followed by what the replacements need.
#[repr(C)]
struct Methods {
    ours: sqlite::sqlite3_io_methods,
    system: *const sqlite::sqlite3_io_methods,
    state: Arc<State>,
    path: PathBuf,
}

/// Registers the file system with SQLite, and returns its name.
pub(crate) fn register(state: Arc<State>) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("faulty-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let c_name = CString::new(name.clone()).expect("a name without a zero byte");
    // SAFETY: SQLite copies nothing of what it is given, so all of it is leaked. The system's own file system exists
    // until the process ends, and may be copied: its functions need only their own `pAppData`, which stays.
    unsafe {
        assert_eq!(sqlite::sqlite3_initialize(), sqlite::SQLITE_OK, "SQLite can't start");
        let system = sqlite::sqlite3_vfs_find(ptr::null());
        assert!(!system.is_null(), "SQLite knows no file system");
        let below = Box::leak(Box::new(Below { system, state }));
        let ours = Box::leak(Box::new(sqlite::sqlite3_vfs {
            zName: c_name.into_raw(),
            pNext: ptr::null_mut(),
            pAppData: ptr::from_mut(below).cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            ..*system
        }));
        assert_eq!(sqlite::sqlite3_vfs_register(ours, 0), sqlite::SQLITE_OK, "SQLite refuses {name}");
    }
    name
}

unsafe fn below<'a>(vfs: *mut sqlite::sqlite3_vfs) -> &'a Below {
    // SAFETY: `register` put it there, and leaked it.
    unsafe { &*(*vfs).pAppData.cast::<Below>() }
}

unsafe extern "C" fn open(
    vfs: *mut sqlite::sqlite3_vfs,
    name: sqlite::sqlite3_filename,
    file: *mut sqlite::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: the arguments are passed on unchanged, to the file system that ours is a copy of.
    unsafe {
        let Below { system, state } = below(vfs);
        let Some(open) = (**system).xOpen else { return sqlite::SQLITE_CANTOPEN };
        let opened = open(*system, name, file, flags, out_flags);
        let methods = (*file).pMethods;
        if opened != sqlite::SQLITE_OK || methods.is_null() || name.is_null() {
            return opened;
        }
        let path = PathBuf::from(OsStr::from_bytes(CStr::from_ptr(name).to_bytes()));
        let ours = sqlite::sqlite3_io_methods {
            xClose: Some(close),
            xWrite: Some(write),
            xTruncate: Some(truncate),
            xSync: Some(sync),
            ..*methods
        };
        let methods = Methods { ours, system: methods, state: state.clone(), path };
        (*file).pMethods = Box::into_raw(Box::new(methods)).cast();
        opened
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: as in `open`.
    unsafe {
        let Below { system, state } = below(vfs);
        if !state.lock().has_power {
            return sqlite::SQLITE_IOERR_DELETE;
        }
        match (**system).xDelete {
            Some(delete) => delete(*system, name, sync_folder),
            None => sqlite::SQLITE_IOERR_DELETE,
        }
    }
}

unsafe extern "C" fn access(
    vfs: *mut sqlite::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: as in `open`.
    unsafe {
        let system = below(vfs).system;
        (*system).xAccess.map_or(sqlite::SQLITE_IOERR_ACCESS, |access| access(system, name, flags, out))
    }
}

unsafe extern "C" fn full_pathname(
    vfs: *mut sqlite::sqlite3_vfs,
    name: *const c_char,
    length: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: as in `open`.
    unsafe {
        let system = below(vfs).system;
        (*system).xFullPathname.map_or(sqlite::SQLITE_CANTOPEN, |full| full(system, name, length, out))
    }
}

unsafe fn methods<'a>(file: *mut sqlite::sqlite3_file) -> &'a Methods {
    // SAFETY: only files that `open` has given these methods get here, and they have them until `close`.
    unsafe { &*(*file).pMethods.cast::<Methods>() }
}

unsafe extern "C" fn close(file: *mut sqlite::sqlite3_file) -> c_int {
    // SAFETY: it was boxed by `open`, and nobody calls a closed file.
    unsafe {
        let methods = Box::from_raw((*file).pMethods.cast_mut().cast::<Methods>());
        (*file).pMethods = methods.system;
        (*methods.system).xClose.map_or(sqlite::SQLITE_OK, |close| close(file))
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite::sqlite3_file,
    data: *const c_void,
    length: c_int,
    offset: sqlite::sqlite3_int64,
) -> c_int {
    // SAFETY: `data` has `length` bytes.
    unsafe {
        let methods = methods(file);
        if let Some(failure) = methods.state.failure(Call::Write) {
            return code(failure, sqlite::SQLITE_IOERR_WRITE);
        }
        if methods.state.remembers() {
            let after = std::slice::from_raw_parts(data.cast::<u8>(), usize::try_from(length).unwrap_or(0));
            let size_before = size(methods, file);
            let end = offset.unsigned_abs() + u64::from(length.unsigned_abs());
            let before = read(methods, file, offset, size_before.min(end));
            let change = Change {
                offset: offset.unsigned_abs(),
                before,
                after: after.to_vec(),
                size_before,
                size_after: size_before.max(end),
            };
            methods.state.remember(&methods.path, change);
        }
        let write = (*methods.system).xWrite;
        write.map_or(sqlite::SQLITE_IOERR_WRITE, |write| write(file, data, length, offset))
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite::sqlite3_file, length: sqlite::sqlite3_int64) -> c_int {
    // SAFETY: see `methods`.
    unsafe {
        let methods = methods(file);
        if let Some(failure) = methods.state.failure(Call::Write) {
            return code(failure, sqlite::SQLITE_IOERR_TRUNCATE);
        }
        if methods.state.remembers() {
            let size_before = size(methods, file);
            let before = read(methods, file, length, size_before);
            let (offset, size_after) = (length.unsigned_abs(), length.unsigned_abs());
            let change = Change { offset, before, after: Vec::new(), size_before, size_after };
            methods.state.remember(&methods.path, change);
        }
        let truncate = (*methods.system).xTruncate;
        truncate.map_or(sqlite::SQLITE_IOERR_TRUNCATE, |truncate| truncate(file, length))
    }
}

unsafe extern "C" fn sync(file: *mut sqlite::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: see `methods`.
    unsafe {
        let methods = methods(file);
        if let Some(failure) = methods.state.failure(Call::Sync) {
            return code(failure, sqlite::SQLITE_IOERR_FSYNC);
        }
        let synced = (*methods.system).xSync.map_or(sqlite::SQLITE_IOERR_FSYNC, |sync| sync(file, flags));
        if synced == sqlite::SQLITE_OK {
            methods.state.is_synced(&methods.path);
        }
        synced
    }
}

fn code(failure: Failure, broken: c_int) -> c_int {
    match failure {
        Failure::Full => sqlite::SQLITE_FULL,
        Failure::Broken => broken,
    }
}

unsafe fn size(methods: &Methods, file: *mut sqlite::sqlite3_file) -> u64 {
    let mut size = 0;
    // SAFETY: `size` outlives the call.
    let asked = unsafe { (*methods.system).xFileSize.map(|ask| ask(file, &raw mut size)) };
    assert_eq!(asked, Some(sqlite::SQLITE_OK), "{} has a size", methods.path.display());
    u64::try_from(size).unwrap_or(0)
}

/// The bytes from `begin` up to `end`, which must be within the file.
unsafe fn read(methods: &Methods, file: *mut sqlite::sqlite3_file, begin: i64, end: u64) -> Vec<u8> {
    let length = end.saturating_sub(begin.unsigned_abs());
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    if !bytes.is_empty() {
        let length = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
        let into = bytes.as_mut_ptr().cast();
        // SAFETY: `bytes` has room for `length`.
        let read = unsafe { (*methods.system).xRead.map(|read| read(file, into, length, begin)) };
        assert_eq!(read, Some(sqlite::SQLITE_OK), "{} can be read", methods.path.display());
    }
    bytes
}
